use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{
    EnvelopeSignature, Fingerprint, GrantId, KeyName, OrgId, OrgName, PackagePatterns,
    PackageVersion, SignatureEnvelope, TrustLimits, TrustedKeyId, VerifyingKey, rfc3339,
};
use thiserror::Error;

use crate::clock::UnusableClock;
use crate::document_error::SignedTrustError;

/// A decision that cannot be made. Nothing is trusted then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// A signature names no key, and there are too many to try.
    #[error(
        "a signature names no key, and {found} or more may have made it: at most {limit} are tried"
    )]
    TooManyCandidates {
        /// How many keys there are to try, at least.
        found: usize,
        /// How many are tried.
        limit: usize,
    },
    /// The organization's signed trust does not count.
    #[error("signed trust cannot be used")]
    SignedTrust(#[from] SignedTrustError),
    /// Nothing is decided by such a clock.
    #[error(transparent)]
    Clock(#[from] UnusableClock),
}

impl DecisionError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyCandidates { .. } => "TooManyCandidates",
            Self::SignedTrust(error) => error.code(),
            Self::Clock(error) => error.code(),
        }
    }
}

/// Who is said to have signed an envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signers {
    /// The keys that its signatures name.
    pub named: Vec<Fingerprint>,
    /// Whether a signature names no key, so that any trusted key may have made it.
    pub unnamed: bool,
}

impl Signers {
    /// The signers that `envelope` claims.
    pub fn of(envelope: &SignatureEnvelope) -> Self {
        let claims = envelope.signatures().iter().map(EnvelopeSignature::claimed_signer);
        Self {
            unnamed: claims.clone().any(|claim| claim.is_none()),
            named: claims.flatten().collect(),
        }
    }

    /// Who is asked about first, and who if those do not suffice. Any trusted key may have
    /// made a signature that names none, so it is tried only then.
    pub fn named_first(self) -> (Self, Option<Self>) {
        match self.unnamed && !self.named.is_empty() {
            true => (Self { unnamed: false, ..self.clone() }, Some(self)),
            false => (self, None),
        }
    }

    /// One key, by name.
    pub fn one(fingerprint: Fingerprint) -> Self {
        Self { named: vec![fingerprint], unnamed: false }
    }
}

/// Which of some keys are trusted, by which path, and why the others are not.
///
/// The data behind the error, the audit event and the explanation alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TrustDecision {
    pub(crate) keys: Vec<KeyDecision>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) floor: Option<PackageVersion>,
}

impl TrustDecision {
    /// The moment that was decided about, which expiry is measured against: the
    /// later of the local and the store's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The lowest version of the package that the organization accepts.
    pub fn floor(&self) -> Option<&PackageVersion> {
        self.floor.as_ref()
    }

    /// Every key that was decided on.
    pub fn keys(&self) -> &[KeyDecision] {
        &self.keys
    }

    /// The keys whose signatures are accepted.
    pub fn trusted(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.iter().filter_map(|decided| decided.verdict.as_ref().ok())
    }

    /// What was decided about `fingerprint`.
    pub fn about(&self, fingerprint: &Fingerprint) -> Result<&TrustedKey, UntrustedReason> {
        let decided = self.keys.iter().find(|decided| decided.fingerprint == *fingerprint);
        match decided.map(|decided| &decided.verdict) {
            Some(Ok(key)) => Ok(key),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(UntrustedReason::Unknown),
        }
    }
}

/// What was decided about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyDecision {
    /// The key.
    pub fingerprint: Fingerprint,
    /// By which path it is trusted, or why it is not.
    pub verdict: Result<TrustedKey, UntrustedReason>,
}

/// A key whose signatures are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedKey {
    /// The key.
    pub key: VerifyingKey,
    /// Its name at the organization that trusts it directly.
    pub name: Option<KeyName>,
    /// By which path it is trusted.
    pub via: TrustPath,
    /// Every organization by whose own word it counts: the asking one, and those
    /// that were granted trust. Pinned keys have none.
    pub vouchers: Vec<OrgId>,
    /// For which packages and until when it is trusted by that path.
    pub limits: TrustLimits,
}

/// By which path a key is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustPath {
    /// It is one of the pinned keys.
    Pinned,
    /// The organization trusts it itself.
    Direct {
        /// The organization's row about the key. A bundle has no rows.
        trusted_key: Option<TrustedKeyId>,
    },
    /// An organization that was granted trust trusts it.
    Granted {
        /// The row of the grant. A bundle has no rows.
        grant: Option<GrantId>,
        /// The organization that trusts the key itself.
        child: OrgId,
        /// Its name.
        child_name: OrgName,
        /// Its row about the key. A bundle has no rows.
        trusted_key: Option<TrustedKeyId>,
    },
}

impl fmt::Display for TrustPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned => f.write_str("pinned"),
            Self::Direct { .. } => f.write_str("direct"),
            Self::Granted { child_name, .. } => write!(f, "granted to {child_name}"),
        }
    }
}

/// Why a key's signatures are not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UntrustedReason {
    /// No trusted organization mentions this key.
    Unknown,
    /// It was declared compromised, for every organization of the store.
    Compromised {
        /// When it was.
        at: DateTime<Utc>,
    },
    /// The organization's own trust in it has expired.
    Expired {
        /// When it did.
        at: DateTime<Utc>,
    },
    /// It is not one of the pinned keys.
    NotPinned,
    /// The organization itself has revoked its trust in it.
    Revoked {
        /// When it did.
        at: DateTime<Utc>,
    },
    /// The organization itself has denied it, without having trusted it.
    Denied {
        /// When it did.
        at: DateTime<Utc>,
    },
    /// The only organization by which it would be trusted has revoked it.
    RevokedByChild {
        /// That organization.
        child_name: OrgName,
        /// When it did.
        at: DateTime<Utc>,
    },
    /// The trust of the only organization by which it would be trusted has expired.
    ExpiredAtChild {
        /// That organization.
        child_name: OrgName,
        /// When it did.
        at: DateTime<Utc>,
    },
    /// The only grant by which it would be trusted has expired.
    GrantExpired {
        /// The organization that it was granted to.
        child_name: OrgName,
        /// When it did.
        at: DateTime<Utc>,
    },
    /// The only grant by which it would be trusted is for other packages.
    OtherPackages {
        /// The organization that it was granted to.
        child_name: OrgName,
        /// Those packages.
        packages: PackagePatterns,
    },
    /// The only organization by which it would be trusted was deleted.
    ChildDeleted {
        /// That organization.
        child_name: OrgName,
        /// When it was.
        at: DateTime<Utc>,
    },
    /// Only rows of the store trust it: no document that was signed from the pinned root does.
    NotSigned,
    /// The only organization by which it would be trusted has signed documents that do not
    /// count.
    ChildDocuments {
        /// That organization.
        child_name: OrgName,
        /// Why they do not.
        fault: Arc<SignedTrustError>,
    },
    /// The asking organization was deleted, and trusts nothing.
    OrganizationDeleted {
        /// When it was.
        at: DateTime<Utc>,
    },
}

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("it is neither trusted directly nor through a grant"),
            Self::Compromised { at } => {
                write!(f, "it was declared compromised at {}", rfc3339(at))
            }
            Self::Expired { at } => write!(f, "trust in it expired at {}", rfc3339(at)),
            Self::ExpiredAtChild { child_name, at } => {
                write!(f, "the trust of {child_name} in it expired at {}", rfc3339(at))
            }
            Self::GrantExpired { child_name, at } => {
                write!(f, "the grant to {child_name}, which trusts it, expired at {}", rfc3339(at))
            }
            Self::OtherPackages { child_name, packages } => {
                write!(f, "the grant to {child_name}, which trusts it, is only for {packages}")
            }
            Self::NotPinned => f.write_str("it is not one of the keys that were given"),
            Self::Revoked { at } => {
                write!(f, "the organization revoked its trust in it at {}", rfc3339(at))
            }
            Self::Denied { at } => write!(f, "the organization denied it at {}", rfc3339(at)),
            Self::RevokedByChild { child_name, at } => {
                write!(f, "{child_name}, which trusted it, revoked it at {}", rfc3339(at))
            }
            Self::ChildDeleted { child_name, at } => {
                write!(f, "{child_name}, which trusted it, was deleted at {}", rfc3339(at))
            }
            Self::NotSigned => f.write_str(
                "only rows of the store trust it: the organization has published no signed \
                 statement that does",
            ),
            Self::ChildDocuments { child_name, fault } => {
                write!(
                    f,
                    "the signed documents of {child_name}, which may trust it, do not count: {fault}"
                )
            }
            Self::OrganizationDeleted { at } => {
                write!(f, "the organization was deleted at {}", rfc3339(at))
            }
        }
    }
}
