use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, MalformedEnvelope, NameError, PackageDigest, PackageName, PackageVersion, rfc3339,
};
use thiserror::Error;

use super::RequiredSigners;
use crate::decision::UntrustedReason;

/// Why a package is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerificationError {
    /// The path has no last component.
    #[error("the package's path has no file name")]
    Unnamed,
    /// The path's last component is not UTF-8, and a signed name is.
    #[error("the package's file name is not UTF-8")]
    NameNotUnicode,
    /// The package's file name cannot be signed.
    #[error("the package's file name cannot be signed")]
    InvalidName(#[source] NameError),
    /// It is a directory, a device, a FIFO or a socket.
    #[error("{} is not a regular file", path.display())]
    NotARegularFile {
        /// What was to be read.
        path: PathBuf,
    },
    /// It has no bytes.
    #[error("the package is empty")]
    Empty,
    /// It is larger than the configuration allows.
    #[error("the package has {}, at most {limit} are allowed", bytes(*size))]
    PackageTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The most bytes allowed.
        limit: u64,
    },
    /// There is no signature.
    #[error("there is no signature for the package {location}")]
    SignatureNotFound {
        /// Where it was looked for.
        location: SignatureLocation,
    },
    /// The signature is not a valid envelope.
    #[error("the signature is malformed")]
    MalformedSignature {
        /// What is wrong with it.
        #[source]
        reason: MalformedEnvelope,
    },
    /// Nobody who is trusted has signed the package.
    #[error("the signer {} is not trusted: {reason}", signer(fingerprint))]
    UntrustedSigner {
        /// The key that is said to have signed; `None` if the signature names none.
        fingerprint: Option<Fingerprint>,
        /// Why it is not trusted.
        reason: UntrustedReason,
    },
    /// The signature names no key, and was not tried with every trusted key: those that
    /// name theirs decide. Only `Verifier::inspect` and `Verifier::explain` report it, of one
    /// signature among several.
    #[error("the signature names no key, and was not needed")]
    UnnamedSignature,
    /// The signature is not the trusted key's: it, or what it signs, was changed.
    #[error("the signature was not made by the key {fingerprint} that it names")]
    InvalidSignature {
        /// The key that the signature names.
        fingerprint: Fingerprint,
    },
    /// Fewer have signed than must have.
    #[error("the package must be signed by {required}, found {found}")]
    NotEnoughSigners {
        /// Who must have signed.
        required: RequiredSigners,
        /// How many of these have.
        found: usize,
        /// The trusted keys that have, which may be more than count.
        signers: Vec<Fingerprint>,
        /// Why another signature in the envelope does not count, if there is one.
        #[source]
        refused: Option<Box<VerificationError>>,
    },
    /// Keys of organizations are required, and pinned keys belong to none.
    #[error("the package must be signed by {required}, and pinned keys belong to no organization")]
    NoOrganizations {
        /// Who must have signed.
        required: RequiredSigners,
    },
    /// The package was signed under another name.
    #[error("the package was signed as {:?}, expected {:?}", signed.as_str(), expected.as_str())]
    WrongName {
        /// The name that it should be signed under.
        expected: PackageName,
        /// The name that it is signed under.
        signed: PackageName,
    },
    /// The signature held until then, and no longer.
    #[error("the signature expired at {}, and it is {}", rfc3339(expired_at), rfc3339(now))]
    Expired {
        /// When it expired.
        expired_at: DateTime<Utc>,
        /// The later of the local and the store's clock.
        now: DateTime<Utc>,
    },
    /// The organization accepts the package from a higher version on only.
    #[error("the package {}, and {floor} is the lowest that is accepted", version(found))]
    VersionBelowFloor {
        /// The lowest version that is accepted.
        floor: PackageVersion,
        /// The version that was signed; `None` if none was.
        found: Option<PackageVersion>,
    },
    /// A trusted key has signed other bytes than these.
    #[error("the package is not what was signed: expected {expected}, found {actual}")]
    TamperedPackage {
        /// What was signed.
        expected: ExpectedContent,
        /// What was found.
        actual: ActualContent,
    },
}

impl VerificationError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unnamed | Self::NameNotUnicode | Self::InvalidName(_) => "InvalidPackageName",
            Self::NotARegularFile { .. } => "NotARegularFile",
            Self::Empty => "EmptyPackage",
            Self::PackageTooLarge { .. } => "PackageTooLarge",
            Self::SignatureNotFound { .. } => "SignatureNotFound",
            Self::MalformedSignature { .. } => "MalformedSignature",
            Self::UntrustedSigner { .. } => "UntrustedSigner",
            Self::InvalidSignature { .. } => "InvalidSignature",
            Self::UnnamedSignature => "UnnamedSignature",
            Self::NotEnoughSigners { .. } => "NotEnoughSigners",
            Self::NoOrganizations { .. } => "NoOrganizations",
            Self::WrongName { .. } => "WrongName",
            Self::Expired { .. } => "Expired",
            Self::VersionBelowFloor { .. } => "VersionBelowFloor",
            Self::TamperedPackage { .. } => "TamperedPackage",
        }
    }

    /// If there were not enough signers, why another of them does not count.
    pub(super) fn beside(mut self, other: Option<Self>) -> Self {
        if let Self::NotEnoughSigners { refused, .. } = &mut self {
            *refused = other.map(Box::new);
        }
        self
    }
}

fn signer(fingerprint: &Option<Fingerprint>) -> String {
    match fingerprint {
        Some(fingerprint) => fingerprint.to_string(),
        None => "(the signature names no key)".into(),
    }
}

fn version(found: &Option<PackageVersion>) -> String {
    match found {
        Some(version) => format!("is version {version}"),
        None => "was signed without a version".into(),
    }
}

fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}

/// What a signature says about a package's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedContent {
    /// Their SHA-256.
    pub digest: PackageDigest,
    /// Their number.
    pub size: u64,
}

impl fmt::Display for ExpectedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with SHA-256 {}", bytes(self.size), self.digest)
    }
}

/// What was found instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActualContent {
    /// Another number of bytes, so that there was no need to hash them.
    Size(u64),
    /// As many bytes, with another SHA-256.
    Digest(PackageDigest),
}

impl fmt::Display for ActualContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => f.write_str(&bytes(*size)),
            Self::Digest(digest) => write!(f, "SHA-256 {digest}"),
        }
    }
}

/// Where a signature was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureLocation {
    /// In this file.
    File(PathBuf),
    /// In the store.
    Store,
    /// In this file, then in the store if there is one.
    FileOrStore(PathBuf),
    /// Nowhere: the package is bytes in memory, none was given, and there is no store.
    NotGiven,
}

impl fmt::Display for SignatureLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "at {}", path.display()),
            Self::Store => f.write_str("in the store"),
            Self::FileOrStore(path) => write!(f, "at {} or in a store", path.display()),
            Self::NotGiven => f.write_str("with its bytes, and no store was given"),
        }
    }
}
