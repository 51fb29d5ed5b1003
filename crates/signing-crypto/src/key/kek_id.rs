use std::fmt;

/// Names a KEK: the first 16 bytes of HMAC-SHA256 (RFC 2104) over a fixed
/// label, keyed with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KekId([u8; Self::LENGTH]);

impl KekId {
    /// The length of an id in bytes.
    pub const LENGTH: usize = 16;

    /// Takes over an id that was stored.
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}
