use thiserror::Error;

#[cfg(feature = "private-keys")]
use crate::key::KekId;
#[cfg(feature = "private-keys")]
use crate::key::random::NoRandomness;

/// Bytes that are not a public key fit to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("an Ed25519 public key has 32 bytes, found {found}")]
    Length {
        /// The number of bytes found.
        found: usize,
    },
    /// The bytes encode no point of the curve.
    #[error("the public key is not a point of the curve edwards25519")]
    NotAPoint,
    /// A second spelling of a point, which would have a second fingerprint.
    #[error("the public key is not canonically encoded (RFC 8032, section 5.1.2)")]
    NotCanonical,
    /// A point for which anybody can make signatures.
    #[error("the public key is a point of small order: anybody can sign for it")]
    SmallOrder,
    /// A point outside the prime-order subgroup.
    #[error("the public key is not in the prime-order subgroup")]
    MixedOrder,
}

impl KeyError {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "UnfitKey"
    }
}

/// A key encryption key that cannot be used.
#[cfg(feature = "private-keys")]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KekError {
    /// The environment variable is unset or empty.
    #[error("the environment variable {var} holds no key encryption key")]
    Missing {
        /// The variable's name.
        var: String,
    },
    /// Neither hexadecimal nor base64.
    #[error("the key encryption key is neither 64 hexadecimal digits nor base64")]
    Encoding,
    /// The wrong length.
    #[error("the key encryption key has {found} bytes, expected 32")]
    Length {
        /// The number of bytes found.
        found: usize,
    },
}

#[cfg(feature = "private-keys")]
impl KekError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "NoKeyEncryptionKey",
            Self::Encoding | Self::Length { .. } => "InvalidKeyEncryptionKey",
        }
    }
}

/// A private key that could not be wrapped or unwrapped.
#[cfg(feature = "private-keys")]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WrapError {
    /// A format that this version does not know.
    #[error("the wrapped key has format version {found}, expected 1")]
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// The wrong length.
    #[error("the wrapped key has {found} bytes, expected {expected}")]
    Length {
        /// The number of bytes found.
        found: usize,
        /// The number that the format has.
        expected: usize,
    },
    /// Another KEK wrapped it.
    #[error(
        "the private key is wrapped with the key encryption key whose id is {expected}; the id of the \
         given one is {found}"
    )]
    OtherKek {
        /// The KEK that wrapped it.
        expected: KekId,
        /// The given KEK.
        found: KekId,
    },
    /// The bytes were changed, or belong to another key, organization or
    /// predecessor. The cipher cannot say which.
    #[error("the wrapped key was changed, or is not the one that belongs here")]
    Rejected,
    /// The operating system gave no random numbers.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

#[cfg(feature = "private-keys")]
impl WrapError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherKek { .. } => "OtherKeyEncryptionKey",
            Self::UnknownVersion { .. } | Self::Length { .. } | Self::Rejected => {
                "PrivateKeyUnusable"
            }
            Self::Randomness(error) => error.code(),
        }
    }
}
