//! Which of an envelope's signers trust is asked about.

use signing_crypto::SignatureEnvelope;
use signing_trust::{PinnedKeys, Signers, TrustDecision};
#[cfg(feature = "store")]
use {
    crate::VerificationError,
    signing_crypto::{OrgId, PackageName},
    signing_trust::{TrustError, TrustSource},
    std::time::Duration,
};

/// What was decided about signers, and about which of them.
pub(crate) struct SignerDecision {
    pub(crate) decision: TrustDecision,
    pub(crate) unnamed: Unnamed,
}

/// Whether signatures that name no key were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// With every trusted key.
    Tried,
    /// There was no need to: the signatures that name their keys decide.
    #[cfg(feature = "store")]
    NotTried,
}

impl SignerDecision {
    pub(crate) fn by_pinned_keys(pinned: &PinnedKeys, envelope: &SignatureEnvelope) -> Self {
        let decision = pinned.decide(&Signers::of(envelope));
        Self { decision, unnamed: Unnamed::Tried }
    }
}

/// Why envelopes are refused, and whether trust in further signers could change that.
#[cfg(feature = "store")]
pub(crate) struct Refusal {
    pub(crate) error: VerificationError,
    pub(crate) lacks_signers: bool,
}

#[cfg(feature = "store")]
impl From<VerificationError> for Refusal {
    fn from(error: VerificationError) -> Self {
        let lacks_signers = matches!(
            error,
            VerificationError::UntrustedSigner { .. }
                | VerificationError::InvalidSignature { .. }
                | VerificationError::NotEnoughSigners { .. }
        );
        Self { error, lacks_signers }
    }
}

/// Where, and for which organization and package, trust in signers is decided.
#[cfg(feature = "store")]
#[derive(Clone, Copy)]
pub(crate) struct SignerTrust<'a> {
    pub(crate) trust: TrustSource<'a>,
    pub(crate) org: OrgId,
    pub(crate) package: &'a PackageName,
    pub(crate) clock_skew_allowance: Duration,
}

#[cfg(feature = "store")]
impl SignerTrust<'_> {
    /// Asks about the signers that are named, and only if these do not suffice, about
    /// every key that may have made a signature without a name.
    ///
    /// The second decision is expensive, and cannot be made where an organization trusts
    /// more keys than are tried. Anybody can add a signature without a name, and must not
    /// be able to make it necessary.
    pub(crate) async fn decide<T>(
        self,
        signers: Signers,
        accept: impl Fn(&TrustDecision) -> Result<T, Refusal>,
    ) -> Result<(SignerDecision, Result<T, VerificationError>), TrustError> {
        if signers.anonymous && !signers.named.is_empty() {
            let named = Signers { anonymous: false, named: signers.named.clone() };
            let decision = self.decide_signers(&named).await?;
            let outcome = accept(&decision);
            if !matches!(&outcome, Err(refusal) if refusal.lacks_signers) {
                let decided = SignerDecision { decision, unnamed: Unnamed::NotTried };
                return Ok((decided, outcome.map_err(|refusal| refusal.error)));
            }
        }
        let decision = self.decide_signers(&signers).await?;
        let outcome = accept(&decision).map_err(|refusal| refusal.error);
        Ok((SignerDecision { decision, unnamed: Unnamed::Tried }, outcome))
    }

    async fn decide_signers(&self, signers: &Signers) -> Result<TrustDecision, TrustError> {
        let Self { trust, org, package, clock_skew_allowance } = *self;
        trust.decide(org, signers, package, clock_skew_allowance).await
    }
}
