use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;

use crate::key::{Fingerprint, KeyError};

/// An Ed25519 public key that is fit to be trusted: canonically encoded, and a
/// point of the prime-order subgroup.
///
/// RFC 8032 asks for less. With other points one signature can verify for
/// several keys or messages, or two encodings give one key two fingerprints.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Checks 32 raw bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let point = CompressedEdwardsY(*bytes).decompress().ok_or(KeyError::NotAPoint)?;
        if point.compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if point.is_small_order() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::MixedOrder);
        }
        ed25519_dalek::VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| KeyError::NotAPoint)
    }

    /// The public half of a pair that is made from a seed is canonical and in the subgroup.
    #[cfg(feature = "private-keys")]
    pub(super) fn of(pair: &ed25519_dalek::SigningKey) -> Self {
        Self(pair.verifying_key())
    }

    /// Checks raw bytes of any length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        let exact = bytes.try_into().map_err(|_| KeyError::Length { found: bytes.len() })?;
        Self::from_bytes(exact)
    }

    /// The key's 32 raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What this key is called.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }

    /// Strict verification: `S` reduced, `R` not of small order, no cofactor.
    #[must_use]
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests;
