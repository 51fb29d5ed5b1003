use sha2::{Digest, Sha256};

use crate::digest::sha256_of;
use crate::key::VerifyingKey;

sha256_of!(
    /// What a public key is called everywhere: SHA-256 of its 32 raw bytes, written as 64
    /// lower-case hexadecimal digits. It is also the `keyid` of a DSSE signature.
    Fingerprint,
    Fingerprint
);

impl Fingerprint {
    /// The fingerprint of `key`.
    pub fn of(key: &VerifyingKey) -> Self {
        Self::of_bytes(key.as_bytes())
    }

    pub(crate) fn of_bytes(key: &[u8; 32]) -> Self {
        Self(Sha256::digest(key).into())
    }
}
