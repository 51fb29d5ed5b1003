use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

use thiserror::Error;

use super::MAX_SIGNATURES;

/// A number of signers: 1 to 16, the most that an envelope has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerCount(NonZeroU8);

impl SignerCount {
    /// One signer.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// Checks the number.
    pub fn new(count: usize) -> Result<Self, SignerCountError> {
        let in_range = u8::try_from(count).ok().filter(|_| count <= MAX_SIGNATURES);
        let error = SignerCountError { limit: MAX_SIGNATURES };
        in_range.and_then(NonZeroU8::new).map(Self).ok_or(error)
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.get().into()
    }
}

impl FromStr for SignerCount {
    type Err = SignerCountError;

    fn from_str(text: &str) -> Result<Self, SignerCountError> {
        // Text that is not a number is refused as 0 is.
        Self::new(text.parse().unwrap_or(0))
    }
}

impl fmt::Display for SignerCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of signers that no envelope can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a number of signers from 1 to {limit}")]
#[non_exhaustive]
pub struct SignerCountError {
    /// The most that there can be.
    pub limit: usize,
}

impl SignerCountError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidArgument"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_1_to_16() {
        for good in 1..=16 {
            assert_eq!(SignerCount::new(good).unwrap().get(), good);
            assert_eq!(good.to_string().parse(), SignerCount::new(good));
        }
        for bad in [0, 17, 256, 257, usize::MAX] {
            assert_eq!(SignerCount::new(bad), Err(SignerCountError { limit: 16 }));
        }
        for bad in ["", "0", "-1", "17", "257", "two", "2.0", " 2", "0x2"] {
            assert!(bad.parse::<SignerCount>().is_err(), "{bad}");
        }
    }
}
