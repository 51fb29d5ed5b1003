use ed25519::KeypairBytes;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::pem::{LineEnding, PemLabel};
use pkcs8::der::{self, Decode, Reader};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{Document, EncodePrivateKey, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::pbes2::{self, BLOCK, SALT, Scheme};
use super::{Passphrase, single_block};
use crate::key::random::fill_random;
use crate::key::{PassphraseError, PemError, PemForm, SigningKey};

/// How often PBKDF2-HMAC-SHA256 is iterated for what is written here.
const ITERATIONS: u32 = 600_000;

impl SigningKey {
    /// Reads a PEM `ENCRYPTED PRIVATE KEY`: PKCS#8 (RFC 5958, section 3) under
    /// PBES2 (RFC 8018, section 6.2), with PBKDF2 or scrypt (RFC 7914) and AES-CBC.
    ///
    /// What the file asks to be computed is bounded before anything is. The
    /// format does not authenticate: a file that somebody has changed can decrypt
    /// to another key, which the fingerprint tells.
    ///
    /// # Errors
    ///
    /// A [`PemError`] that shows nothing of the file or the passphrase. A key that
    /// is not encrypted is [`PemError::WrongForm`]: a user who gives a
    /// passphrase believes that the file is protected.
    pub fn from_encrypted_pem(text: &[u8], passphrase: &Passphrase) -> Result<Self, PemError> {
        let pem = single_block(text, PemForm::EncryptedPrivateKey)?;
        let (_, document) = Document::from_pem(pem).map_err(|_| PemError::Malformed)?;
        let info: AnyRef<'_> = document.decode_msg().map_err(|_| PemError::Malformed)?;
        let (algorithm, ciphertext) = info.sequence(parts).map_err(|_| PemError::Malformed)?;
        let scheme = Scheme::parse(algorithm)?;

        let mut buffer = Zeroizing::new(ciphertext.as_bytes().to_vec());
        let der = scheme.decrypt(passphrase, &mut buffer).ok_or(PemError::WrongPassphrase)?;
        // What a wrong passphrase decrypts to has good padding once in 256 times.
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| PemError::WrongPassphrase)?;
        match Self::from_info(info) {
            Err(PemError::Malformed) => Err(PemError::WrongPassphrase),
            other => other,
        }
    }

    /// Writes a PEM `ENCRYPTED PRIVATE KEY` that OpenSSL reads: PBES2 with 600 000
    /// iterations of PBKDF2-HMAC-SHA256, and AES-256-CBC.
    ///
    /// # Errors
    ///
    /// [`PassphraseError::Empty`], or [`PassphraseError::Randomness`] if there is
    /// none for salt and initialization vector.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase) -> Result<String, PassphraseError> {
        if passphrase.bytes().is_empty() {
            return Err(PassphraseError::Empty);
        }
        let (mut salt, mut iv) = ([0; SALT], [0; BLOCK]);
        fill_random(&mut salt)?;
        fill_random(&mut iv)?;
        Ok(self.encrypt(passphrase, ITERATIONS, salt, iv))
    }

    fn encrypt(
        &self,
        passphrase: &Passphrase,
        iterations: u32,
        salt: [u8; SALT],
        iv: [u8; BLOCK],
    ) -> String {
        let plain = KeypairBytes { secret_key: *self.seed(), public_key: None }.to_pkcs8_der();
        let plain = plain.expect("32 bytes encode");
        let (parameters, ciphertext) =
            pbes2::encrypt(plain.as_bytes(), passphrase, iterations, salt, iv);
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(&ciphertext).expect("a short string encodes"),
        };
        let document = Document::encode_msg(&info).expect("a short document encodes");
        let pem = document.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF);
        pem.expect("a short document encodes")
    }
}

fn parts<'a, R: Reader<'a>>(
    reader: &mut R,
) -> der::Result<(AlgorithmIdentifierRef<'a>, &'a OctetStringRef)> {
    Ok((reader.decode()?, reader.decode()?))
}

#[cfg(test)]
mod tests;
