use sha2::{Digest, Sha256};

use crate::digest::sha256_of;

sha256_of!(
    /// Names one root document: SHA-256 of its payload, written as 64 lower-case hexadecimal
    /// digits. Further signatures do not change it.
    RootDigest,
    Digest
);

impl RootDigest {
    pub(super) fn of(payload: &[u8]) -> Self {
        Self(Sha256::digest(payload).into())
    }
}

sha256_of!(
    /// SHA-256 of a document's payload. Further signatures do not change it.
    DocumentDigest,
    Digest
);

impl DocumentDigest {
    pub(super) fn of(payload: &[u8]) -> Self {
        Self(Sha256::digest(payload).into())
    }
}

impl From<RootDigest> for DocumentDigest {
    fn from(root: RootDigest) -> Self {
        Self(root.0)
    }
}
