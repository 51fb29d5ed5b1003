use std::fmt;
use std::sync::OnceLock;

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::Signer;
use zeroize::Zeroizing;

use crate::{Fingerprint, KeyError};

/// An Ed25519 key pair (RFC 8032).
///
/// Private and public half cannot be taken apart: signing with a mismatched
/// public half would leak the private one. The secret is wiped when the value
/// is dropped and is shown by nothing.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(KeyError::Randomness)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key pair of a 32-byte seed, which RFC 8032 calls the private key.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The fingerprint of the public half.
    pub fn fingerprint(&self) -> Fingerprint {
        self.verifying_key().fingerprint()
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Not public: everything that is signed says what it is (see `envelope`).
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

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

/// The bytes of a public key, which are checked when somebody asks for the key, and once.
///
/// The check takes longer than reading the bytes from a database, and most of the keys that
/// are read together are never used.
#[derive(Clone)]
pub struct UncheckedKey {
    bytes: [u8; 32],
    checked: OnceLock<Result<VerifyingKey, KeyError>>,
}

impl UncheckedKey {
    /// Takes the bytes as they are.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, checked: OnceLock::new() }
    }

    /// The 32 raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// What a key of these bytes is called.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_bytes(&self.bytes)
    }

    /// The key.
    ///
    /// # Errors
    ///
    /// As [`VerifyingKey::from_bytes`].
    pub fn check(&self) -> Result<VerifyingKey, KeyError> {
        self.checked.get_or_init(|| VerifyingKey::from_bytes(&self.bytes)).clone()
    }
}

impl From<VerifyingKey> for UncheckedKey {
    fn from(key: VerifyingKey) -> Self {
        Self { bytes: *key.as_bytes(), checked: OnceLock::from(Ok(key)) }
    }
}

impl PartialEq for UncheckedKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for UncheckedKey {}

impl fmt::Debug for UncheckedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UncheckedKey({})", hex::encode(self.bytes))
    }
}

#[cfg(test)]
mod tests;
