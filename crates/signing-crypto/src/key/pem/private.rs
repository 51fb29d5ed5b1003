use ed25519::KeypairBytes;
use pkcs8::der::pem::LineEnding;
use pkcs8::{EncodePrivateKey, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::{require_ed25519, single_block};
use crate::key::{PemError, PemForm, SigningKey};

impl SigningKey {
    /// Reads a PEM `PRIVATE KEY`: PKCS#8 (RFC 8410, section 7), version 1 or 2.
    ///
    /// # Errors
    ///
    /// A [`PemError`] that names what was found instead and shows none of it. In
    /// version 2, a public half that does not belong to the private one is
    /// [`PemError::PublicHalfMismatch`]. An encrypted key is
    /// [`PemError::PassphraseNeeded`], see
    /// [`from_encrypted_pem`](Self::from_encrypted_pem).
    pub fn from_pem(text: &[u8]) -> Result<Self, PemError> {
        let pem = match single_block(text, PemForm::PrivateKey) {
            Err(PemError::WrongForm { found: PemForm::EncryptedPrivateKey, .. }) => {
                return Err(PemError::PassphraseNeeded);
            }
            other => other?,
        };
        let (_, document) = SecretDocument::from_pem(pem).map_err(|_| PemError::Malformed)?;
        let info: PrivateKeyInfoRef<'_> = document.decode_msg().map_err(|_| PemError::Malformed)?;
        Self::from_info(info)
    }

    /// Writes a PEM `PRIVATE KEY` in PKCS#8 version 1, byte for byte as OpenSSL
    /// does. It is not encrypted.
    pub fn to_pem(&self) -> Zeroizing<String> {
        // With the public half inside it would be version 2, which neither
        // OpenSSL 3.0 nor Python's cryptography can read.
        KeypairBytes { secret_key: *self.seed(), public_key: None }
            .to_pkcs8_pem(LineEnding::LF)
            .expect("32 bytes encode")
    }

    pub(super) fn from_info(info: PrivateKeyInfoRef<'_>) -> Result<Self, PemError> {
        require_ed25519(info.algorithm.oid)?;
        let pair = KeypairBytes::try_from(info).map_err(|_| PemError::Malformed)?;
        let key = Self::from_seed(&Zeroizing::new(pair.secret_key));
        match &pair.public_key {
            Some(public) if public.as_ref() != key.verifying_key().as_bytes() => {
                Err(PemError::PublicHalfMismatch)
            }
            _ => Ok(key),
        }
    }
}
