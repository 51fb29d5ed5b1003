use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::digest::parse_lower_hex;
use crate::key::VerifyingKey;
use crate::names::ParseError;

/// What a public key is called everywhere: SHA-256 of its 32 raw bytes,
/// written as 64 lower-case hexadecimal digits. It is also the `keyid` of a
/// DSSE signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of `key`.
    pub fn of(key: &VerifyingKey) -> Self {
        Self::of_bytes(key.as_bytes())
    }

    pub(crate) fn of_bytes(key: &[u8; 32]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Takes over a fingerprint that was computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The fingerprint's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_lower_hex(text).map(Self).ok_or(ParseError::Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
