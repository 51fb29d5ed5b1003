use std::path::PathBuf;
use std::time::Duration;

use signing_crypto::{
    AddSignatureError, EnvelopeError, MalformedEnvelope, PackageName, SignerError, StatementTime,
};
#[cfg(feature = "store")]
use signing_trust::TrustError;
use signing_trust::acceptance::SignatureLocation;
use thiserror::Error;

use super::SignedTerms;
use crate::error::PackageError;

/// A package was not signed, or its signature was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The package cannot be read, or the file that holds its signatures.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The signature would never be valid.
    #[error("the signature would already have expired, at {expires_at}")]
    ExpiryPast {
        /// The expiry that was requested.
        expires_at: StatementTime,
    },
    /// The signature file is something else, which is not overwritten.
    #[error("{} exists, and is not a package signature", path.display())]
    NotASignature {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MalformedEnvelope,
    },
    /// The existing signatures say something else, or have no room.
    #[error("cannot add to the signatures {location}")]
    NotAdded {
        /// Where the existing signatures are.
        location: SignatureLocation,
        /// Why.
        source: NotAdded,
    },
    /// Another process changed the signatures at the same time.
    #[error("the signatures {location} were changed by another process at the same time")]
    ChangedMeanwhile {
        /// Where the signatures are.
        location: SignatureLocation,
    },
    /// Another process has held the lock of the signature file's directory for too long. Any
    /// process that can read the directory can hold it.
    #[error("another process has held the lock of {} for {} seconds", path.display(), after.as_secs())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// How long was waited.
        after: Duration,
    },
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The store refused, or did not answer.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl SignError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::ExpiryPast { .. } => "ExpiryPast",
            Self::NotASignature { .. } => "FileExists",
            Self::NotAdded { source, .. } => source.code(),
            Self::ChangedMeanwhile { .. } => "ChangedMeanwhile",
            Self::Locked { .. } => "FileLocked",
            Self::Signer(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Trust(error) => error.code(),
        }
    }
}

/// Why a signature is not added to the existing ones.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotAdded {
    /// They are about a package of another name.
    #[error("they are about \"{found}\", not about \"{wanted}\"")]
    Name {
        /// The signed name.
        found: PackageName,
        /// The package's name.
        wanted: PackageName,
    },
    /// They are about other bytes.
    #[error("they are about other bytes than the package has now")]
    Content,
    /// They state another version or expiry.
    #[error("{}", found.differences(wanted))]
    Terms {
        /// The signed terms.
        found: SignedTerms,
        /// The requested terms.
        wanted: SignedTerms,
    },
    /// They have expired.
    #[error("they expired at {at}")]
    Expired {
        /// When.
        at: StatementTime,
    },
    /// They name the signer, who did not make them, or they are malformed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// They cannot take the signature.
    #[error(transparent)]
    Signature(#[from] AddSignatureError),
}

impl NotAdded {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::Content | Self::Terms { .. } | Self::Expired { .. } => {
                "OtherStatement"
            }
            Self::Envelope(error) => error.code(),
            Self::Signature(error) => error.code(),
        }
    }
}
