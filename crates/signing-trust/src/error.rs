use thiserror::Error;

use chrono::{DateTime, Utc};
use signing_crypto::{
    AddSignatureError, Fingerprint, KeyId, KeyName, MalformedBundle, MalformedDraft,
    MalformedEnvelope, NoRandomness, OrgId, OrgName, PackageName, PackageVersion, ParseError,
    RootDigest, SignerError, StoreId, WrapError, rfc3339,
};
use signing_store::{AuditFault, StoreError};

use crate::decision::DecisionError;
use crate::document_error::SignedTrustError;

/// A question of trust that was not answered, or a change that was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The store did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Private keys are needed, and there is no KEK to unwrap them.
    #[error("a key encryption key is needed to use private keys")]
    NoKeyEncryptionKey,
    /// The KEK to change to is the current one.
    #[error("the new key encryption key is the old one")]
    SameKek,
    /// A private key could not be wrapped or unwrapped.
    #[error("the private key cannot be used")]
    Wrap(#[from] WrapError),
    /// The row of a signing key is not the one that was written with its private half.
    /// Somebody has written to the database, or it is damaged.
    #[error("the database row of the signing key {id} does not belong to its private key")]
    ForgedKey {
        /// The key.
        id: KeyId,
        /// What does not match.
        source: KeyMismatch,
    },
    /// No key could be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A revoked signing key signs no more.
    #[error("the signing key {name} ({id}) was revoked at {}", rfc3339(at))]
    SigningKeyRevoked {
        /// The key.
        id: KeyId,
        /// Its name, as the row says.
        name: KeyName,
        /// When.
        at: DateTime<Utc>,
    },
    /// What was revoked or denied is not trusted again by trusting it.
    #[error("the organization has refused the key {fingerprint} since {}", rfc3339(at))]
    PreviouslyRevoked {
        /// The key.
        fingerprint: Fingerprint,
        /// When.
        at: DateTime<Utc>,
    },
    /// The organization has published its first root document already.
    #[error("the organization {org} already has signed trust")]
    SignedTrustExists {
        /// The organization.
        org: OrgName,
    },
    /// Documents that cannot be published together.
    #[error("the draft of trust documents cannot be used")]
    Draft(#[from] MalformedDraft),
    /// A draft that was made when another root document was the newest, or that says so.
    #[error("the draft was made for the root document {found}, and the newest is {expected}")]
    DraftForAnotherRoot {
        /// The digest of the newest root document that was published.
        expected: RootDigest,
        /// The digest of the one that the draft names.
        found: RootDigest,
    },
    /// A draft whose statement gives trust that rows have taken away since it was made.
    #[error("the draft gives trust that was taken away since it was made: {what}")]
    DraftOutdated {
        /// What was.
        what: TakenAway,
    },
    /// A grant to oneself.
    #[error("the organization {org} cannot grant trust to itself")]
    SelfGrant {
        /// The organization.
        org: OrgName,
    },
    /// Trust that would end before it began.
    #[error(
        "the trust would already have expired, at {}: the time is {}",
        rfc3339(expires_at),
        rfc3339(now)
    )]
    ExpiryPast {
        /// When it would.
        expires_at: DateTime<Utc>,
        /// The present.
        now: DateTime<Utc>,
    },
    /// What a key signed is not signed again for an organization whose own trust in the key
    /// has expired.
    #[error("the organization's trust in the key {fingerprint} expired at {}", rfc3339(at))]
    TrustExpired {
        /// The key.
        fingerprint: Fingerprint,
        /// When.
        at: DateTime<Utc>,
    },
    /// The clock shows a time that no statement can name, so nothing was signed.
    #[error("the clock shows a time that cannot be signed")]
    Clock(#[source] ParseError),
    /// The decision cannot be made.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// A row about a key cannot be read, and may be a denial, so nothing is made from the rows.
    #[error("the organization's row about the key {fingerprint} cannot be read")]
    UnreadableTrust {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// Documents cannot be put together into a bundle.
    #[error("the trust bundle cannot be made")]
    Bundle(#[from] MalformedBundle),
    /// The runtime shut down before anything was decided.
    #[error("the decision was cancelled: the program's runtime is shutting down")]
    Cancelled,
    /// An envelope that is not about a package cannot be stored.
    #[error("the envelope is not a package signature")]
    MalformedEnvelope(#[from] MalformedEnvelope),
    /// A signature that was not added to an envelope.
    #[error(transparent)]
    AddSignature(#[from] AddSignatureError),
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The audit log is not as it was written.
    #[error("the audit log is broken")]
    AuditLogBroken(#[from] AuditFault),
    /// A checkpoint says nothing about another store's logs.
    #[error("the checkpoint is of the store {expected}, this is {found}")]
    CheckpointOfAnotherStore {
        /// The store that the checkpoint is of.
        expected: StoreId,
        /// The store that was asked.
        found: StoreId,
    },
    /// A checkpoint says nothing about another organization's log.
    #[error("the checkpoint is of the organization {expected}, not of {found}")]
    CheckpointOfAnotherOrganization {
        /// The organization that the checkpoint is of.
        expected: OrgId,
        /// The organization whose log was to be verified.
        found: OrgId,
    },
}

/// Trust that an organization gave, and gives no more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TakenAway {
    /// Trust in a key, which was revoked, denied or has expired.
    #[error("{0} is not trusted any more")]
    Key(Fingerprint),
    /// Trust in a key, which ends sooner.
    #[error("trust in {0} ends sooner")]
    KeyUntil(Fingerprint),
    /// A grant to an organization.
    #[error("{0} is not granted trust any more")]
    Grant(OrgName),
    /// A grant to an organization, which has other limits.
    #[error("the grant to {0} has other limits")]
    GrantWithin(OrgName),
    /// Versions of a package.
    #[error("versions of {0} below {1} are not accepted any more")]
    VersionsBelow(PackageName, PackageVersion),
}

impl TrustError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::NoKeyEncryptionKey => "NoKeyEncryptionKey",
            Self::SameKek => "SameKeyEncryptionKey",
            Self::Clock(_) => "UnusableClock",
            Self::Wrap(error) => error.code(),
            Self::ForgedKey { .. } => "ForgedKey",
            Self::Randomness(error) => error.code(),
            Self::SigningKeyRevoked { .. } => "SigningKeyRevoked",
            Self::PreviouslyRevoked { .. } => "PreviouslyRevoked",
            Self::TrustExpired { .. } => "TrustExpired",
            Self::SignedTrustExists { .. } => "SignedTrustExists",
            Self::Draft(error) => error.code(),
            Self::SelfGrant { .. } => "SelfGrant",
            Self::ExpiryPast { .. } => "ExpiryPast",
            Self::Decision(error) => error.code(),
            Self::DraftForAnotherRoot { .. } | Self::DraftOutdated { .. } => "TrustDraftOutdated",
            Self::UnreadableTrust { .. } => "UnreadableTrust",
            Self::Bundle(error) => error.code(),
            Self::Cancelled => "Cancelled",
            Self::MalformedEnvelope(error) => error.code(),
            Self::AddSignature(error) => error.code(),
            Self::Signer(error) => error.code(),
            Self::AuditLogBroken(fault) => fault.code(),
            Self::CheckpointOfAnotherStore { .. } => "CheckpointOfAnotherStore",
            Self::CheckpointOfAnotherOrganization { .. } => "CheckpointOfAnotherOrganization",
        }
    }
}

impl From<SignedTrustError> for TrustError {
    fn from(error: SignedTrustError) -> Self {
        Self::Decision(error.into())
    }
}

/// How the row of a signing key differs from what its private half proves.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyMismatch {
    /// The private half was not wrapped for this id, organization and predecessor, or its
    /// bytes were changed.
    #[error("the private key was not stored with this id, organization and predecessor")]
    PrivateHalf(#[source] WrapError),
    /// The private half has another public half.
    #[error("the private key has the fingerprint {expected}, the row has {found}")]
    PublicHalf {
        /// The fingerprint of the private half.
        expected: Fingerprint,
        /// The other fingerprint: of the row's public key, or the one beside it.
        found: Fingerprint,
    },
}
