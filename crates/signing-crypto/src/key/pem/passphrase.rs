use std::fmt;

use zeroize::Zeroizing;

use crate::key::PassphraseError;

/// The most bytes that a passphrase may have: 4 KiB.
pub const MAX_PASSPHRASE_SIZE: usize = 4 * 1024;

/// What a private key is encrypted under: bytes, usually UTF-8, taken as they are.
///
/// They are wiped when the value is dropped and are shown by nothing.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes over the bytes, and wipes them also if they are refused.
    ///
    /// An empty passphrase is one: files under it exist. None is written.
    ///
    /// # Errors
    ///
    /// [`PassphraseError::TooLong`] above [`MAX_PASSPHRASE_SIZE`].
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, PassphraseError> {
        let bytes = bytes.into();
        if bytes.len() > MAX_PASSPHRASE_SIZE {
            return Err(PassphraseError::TooLong { limit: MAX_PASSPHRASE_SIZE });
        }
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passphrase").finish_non_exhaustive()
    }
}
