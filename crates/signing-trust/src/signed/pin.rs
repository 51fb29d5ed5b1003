use signing_crypto::{
    MalformedTrustDocument, OrgId, RootDigest, RootDocument, SignedDocument, ThresholdNotMet,
    TrustDocument, VerifiedRoot,
};
use thiserror::Error;

/// The root of an organization's signed trust. A runner has it from the organization itself,
/// not from the store, by a way that an attacker cannot change.
#[derive(Clone, Debug)]
pub struct TrustRoot(Pin);

#[derive(Clone, Debug)]
pub(super) enum Pin {
    Document(Box<VerifiedRoot>),
    Digest(RootDigest),
}

/// A root document that cannot be pinned.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TrustRootError {
    /// The bytes are not a root document.
    #[error(transparent)]
    Malformed(#[from] MalformedTrustDocument),
    /// Its own keys have not signed it.
    #[error("the root document is not signed by its own keys")]
    Unsigned(#[from] ThresholdNotMet),
}

impl TrustRootError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::Unsigned(error) => error.code(),
        }
    }
}

impl TrustRoot {
    /// Pins a root document: the bytes of its envelope. It may be an old one: later ones are
    /// followed from it.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustRootError> {
        let root = SignedDocument::<RootDocument>::parse(bytes)?;
        Ok(Self(Pin::Document(Box::new(VerifiedRoot::pinned(&root)?))))
    }

    /// The organization that the root is of, if the document is known.
    pub fn org(&self) -> Option<OrgId> {
        match &self.0 {
            Pin::Document(root) => Some(root.document().header().org),
            Pin::Digest(_) => None,
        }
    }

    /// What names the root document.
    pub fn digest(&self) -> RootDigest {
        match &self.0 {
            Pin::Document(root) => root.digest(),
            Pin::Digest(digest) => *digest,
        }
    }

    pub(super) fn pin(&self) -> &Pin {
        &self.0
    }
}

/// Pins the root document that this names. The document itself comes with the others.
impl From<RootDigest> for TrustRoot {
    fn from(digest: RootDigest) -> Self {
        Self(Pin::Digest(digest))
    }
}
