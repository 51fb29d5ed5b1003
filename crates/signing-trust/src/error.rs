use thiserror::Error;

use crate::TrustSourceKind;

#[cfg(feature = "store")]
use chrono::{DateTime, Utc};
#[cfg(feature = "store")]
use signing_crypto::{
    EnvelopeError, Fingerprint, KeyError, KeyId, MalformedEnvelope, OrgId, ParseError, StoreId,
    WrapError, rfc3339,
};
#[cfg(feature = "store")]
use signing_store::{AuditFault, StoreError};

/// A question of trust that was not answered, or a change that was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A package that was verified for no organization cannot be checked again
    /// with a store.
    #[error("the package was verified with pinned keys only, for no organization")]
    NoOrganization,
    /// A package is loaded by the kind of trust that it was verified by: pinned keys know
    /// neither revocations nor floors, and a store knows nothing of pinned keys.
    #[error("the package was verified by {verified}, and {asked} cannot say that it still is good")]
    OtherSource {
        /// What it was verified by.
        verified: TrustSourceKind,
        /// What it was to be loaded by.
        asked: TrustSourceKind,
    },
    /// The store did not answer, or refused.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Private keys are needed, and there is no KEK to unwrap them.
    #[cfg(feature = "store")]
    #[error("a key encryption key is needed to use private keys")]
    NoKeyEncryptionKey,
    /// The KEK to change to is the current one.
    #[cfg(feature = "store")]
    #[error("the new key encryption key is the old one")]
    SameKek,
    /// A private key could not be wrapped or unwrapped.
    #[cfg(feature = "store")]
    #[error("the private key cannot be used")]
    Wrap(#[from] WrapError),
    /// The row of a signing key is not the one that was written with its private half.
    /// Somebody has written to the database, or it is damaged.
    #[cfg(feature = "store")]
    #[error("the database row of the signing key {id} does not belong to its private key")]
    ForgedKey {
        /// The key.
        id: KeyId,
        /// What does not match.
        source: KeyMismatch,
    },
    /// A key could not be made.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A revoked signing key signs no more.
    #[cfg(feature = "store")]
    #[error("the signing key {id} was revoked at {}", rfc3339(at))]
    SigningKeyRevoked {
        /// The key.
        id: KeyId,
        /// When.
        at: DateTime<Utc>,
    },
    /// What was revoked or denied is not trusted again by trusting it.
    #[cfg(feature = "store")]
    #[error("the organization has refused the key {fingerprint} since {}", rfc3339(at))]
    PreviouslyRevoked {
        /// The key.
        fingerprint: Fingerprint,
        /// When.
        at: DateTime<Utc>,
    },
    /// A grant to oneself.
    #[cfg(feature = "store")]
    #[error("the organization {org} cannot grant trust to itself")]
    SelfGrant {
        /// The organization.
        org: OrgId,
    },
    /// Trust that would end before it began.
    #[cfg(feature = "store")]
    #[error(
        "the trust would already have expired, at {}: now is {}",
        rfc3339(expires_at),
        rfc3339(now)
    )]
    ExpiryPast {
        /// When it would.
        expires_at: DateTime<Utc>,
        /// The present.
        now: DateTime<Utc>,
    },
    /// The clock shows a time that no statement can name, so nothing was signed.
    #[cfg(feature = "store")]
    #[error("the clock shows a time that cannot be signed")]
    Clock(#[source] ParseError),
    /// A signature names no key, and there are too many to try.
    #[cfg(feature = "store")]
    #[error(
        "a signature names no key, and {found} or more may have made it: at most {limit} are tried"
    )]
    TooManyCandidates {
        /// How many keys there are to try, at least.
        found: usize,
        /// How many are tried.
        limit: usize,
    },
    /// An envelope that is not about a package cannot be stored.
    #[cfg(feature = "store")]
    #[error("the envelope is not a package signature")]
    MalformedEnvelope(#[from] MalformedEnvelope),
    /// An envelope that the key did not sign.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The audit log is not as it was written.
    #[cfg(feature = "store")]
    #[error("the audit log is broken")]
    AuditLogBroken(#[from] AuditFault),
    /// A checkpoint says nothing about another store's logs.
    #[cfg(feature = "store")]
    #[error("the checkpoint is of the store {expected}, this is {found}")]
    CheckpointOfAnotherStore {
        /// The store that the checkpoint is of.
        expected: StoreId,
        /// The store that was asked.
        found: StoreId,
    },
    /// A checkpoint says nothing about another organization's log.
    #[cfg(feature = "store")]
    #[error("the checkpoint is of the organization {expected}, not of {found}")]
    CheckpointOfAnotherOrganization {
        /// The organization that the checkpoint is of.
        expected: OrgId,
        /// The organization whose log was to be verified.
        found: OrgId,
    },
}

impl TrustError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoOrganization => "NoOrganization",
            Self::OtherSource { .. } => "OtherSource",
            #[cfg(feature = "store")]
            Self::Store(error) => error.code(),
            #[cfg(feature = "store")]
            Self::NoKeyEncryptionKey => "NoKeyEncryptionKey",
            #[cfg(feature = "store")]
            Self::SameKek => "SameKeyEncryptionKey",
            #[cfg(feature = "store")]
            Self::Clock(_) => "UnusableClock",
            #[cfg(feature = "store")]
            Self::Wrap(error) => error.code(),
            #[cfg(feature = "store")]
            Self::ForgedKey { .. } => "ForgedKey",
            #[cfg(feature = "store")]
            Self::Key(error) => error.code(),
            #[cfg(feature = "store")]
            Self::SigningKeyRevoked { .. } => "SigningKeyRevoked",
            #[cfg(feature = "store")]
            Self::PreviouslyRevoked { .. } => "PreviouslyRevoked",
            #[cfg(feature = "store")]
            Self::SelfGrant { .. } => "SelfGrant",
            #[cfg(feature = "store")]
            Self::ExpiryPast { .. } => "ExpiryPast",
            #[cfg(feature = "store")]
            Self::TooManyCandidates { .. } => "TooManyCandidates",
            #[cfg(feature = "store")]
            Self::MalformedEnvelope(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Envelope(error) => error.code(),
            #[cfg(feature = "store")]
            Self::AuditLogBroken(_) => "AuditLogBroken",
            #[cfg(feature = "store")]
            Self::CheckpointOfAnotherStore { .. } => "CheckpointOfAnotherStore",
            #[cfg(feature = "store")]
            Self::CheckpointOfAnotherOrganization { .. } => "CheckpointOfAnotherOrganization",
        }
    }
}

/// How the row of a signing key differs from what its private half proves.
#[cfg(feature = "store")]
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
