use thiserror::Error;

/// Bytes that are not a public key fit to be trusted, or no key could be made.
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
    /// The operating system gave no random numbers.
    #[cfg(feature = "private-keys")]
    #[error("the operating system gave no random numbers")]
    Randomness(#[source] getrandom::Error),
}

impl KeyError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. }
            | Self::NotAPoint
            | Self::NotCanonical
            | Self::SmallOrder
            | Self::MixedOrder => "UnfitKey",
            #[cfg(feature = "private-keys")]
            Self::Randomness(_) => "NoRandomness",
        }
    }
}
