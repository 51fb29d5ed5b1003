use thiserror::Error;

use crate::key::KekId;

/// A key encryption key that cannot be used.
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
        "the private key is wrapped with the key encryption key {expected}, the given one is {found}"
    )]
    OtherKek {
        /// The KEK that wrapped it.
        expected: KekId,
        /// The given KEK.
        found: KekId,
    },
    /// The bytes were changed, or belong to another key, organization or
    /// predecessor. Which of these is not told apart.
    #[error("the wrapped key was changed, or is not the one that belongs here")]
    Rejected,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Randomness(#[source] getrandom::Error),
}

impl WrapError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherKek { .. } => "OtherKeyEncryptionKey",
            Self::UnknownVersion { .. } | Self::Length { .. } | Self::Rejected => {
                "PrivateKeyUnusable"
            }
            Self::Randomness(_) => "NoRandomness",
        }
    }
}
