use ed25519::KeypairBytes;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::der::pem::LineEnding;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{Document, EncodePrivateKey, EncodePublicKey, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use crate::{PemError, PemForm, SigningKey, VerifyingKey};

mod encrypted;
mod passphrase;
mod pbes2;

pub use passphrase::{MAX_PASSPHRASE_SIZE, Passphrase};

/// The most bytes that a PEM file may have: 64 KiB.
pub const MAX_PEM_SIZE: usize = 64 * 1024;

/// `id-Ed25519` (RFC 8410, section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

impl VerifyingKey {
    /// Reads a PEM `PUBLIC KEY`: SubjectPublicKeyInfo (RFC 8410, section 4).
    ///
    /// # Errors
    ///
    /// A [`PemError`] that names what was found instead and shows none of it.
    pub fn from_pem(text: &[u8]) -> Result<Self, PemError> {
        let pem = single_block(text, PemForm::PublicKey)?;
        let (_, document) = Document::from_pem(pem).map_err(|_| PemError::Malformed)?;
        let info: SubjectPublicKeyInfoRef<'_> =
            document.decode_msg().map_err(|_| PemError::Malformed)?;
        require_ed25519(info.algorithm.oid)?;
        if info.algorithm.parameters.is_some() {
            return Err(PemError::Malformed);
        }
        let bytes = info.subject_public_key.as_bytes().ok_or(PemError::Malformed)?;
        Self::from_slice(bytes).map_err(PemError::Key)
    }

    /// Writes a PEM `PUBLIC KEY`, byte for byte as OpenSSL does.
    pub fn to_pem(&self) -> String {
        ed25519::PublicKeyBytes(*self.as_bytes())
            .to_public_key_pem(LineEnding::LF)
            .expect("32 bytes encode")
    }
}

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

    fn from_info(info: PrivateKeyInfoRef<'_>) -> Result<Self, PemError> {
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

/// The only PEM block of `text`, which must be of the form `expected`.
fn single_block(text: &[u8], expected: PemForm) -> Result<&str, PemError> {
    if text.len() > MAX_PEM_SIZE {
        return Err(PemError::TooLarge { limit: MAX_PEM_SIZE });
    }
    let found = PemForm::recognize(text);
    if found != expected {
        return Err(PemError::WrongForm { expected, found });
    }
    let pem = std::str::from_utf8(text).map_err(|_| PemError::Malformed)?.trim();
    match pem.matches("-----BEGIN ").count() {
        1 => Ok(pem),
        found => Err(PemError::SeveralBlocks { found }),
    }
}

fn require_ed25519(found: ObjectIdentifier) -> Result<(), PemError> {
    match found {
        ED25519 => Ok(()),
        _ => Err(PemError::Algorithm { oid: found.to_string(), name: algorithm_name(found) }),
    }
}

fn algorithm_name(oid: ObjectIdentifier) -> Option<&'static str> {
    const NAMES: [(ObjectIdentifier, &str); 6] = [
        (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"), "RSA"),
        (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "RSA-PSS"),
        (ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"), "elliptic curve (ECDSA)"),
        (ObjectIdentifier::new_unwrap("1.3.101.110"), "X25519"),
        (ObjectIdentifier::new_unwrap("1.3.101.111"), "X448"),
        (ObjectIdentifier::new_unwrap("1.3.101.113"), "Ed448"),
    ];
    NAMES.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests;
