use std::fmt;
use std::sync::OnceLock;

use super::{Fingerprint, VerifyingKey};
use crate::key::KeyError;

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
