#[cfg(feature = "private-keys")]
mod encrypted;
mod error;
#[cfg(feature = "private-keys")]
mod passphrase;
#[cfg(feature = "private-keys")]
mod pbes2;
#[cfg(feature = "private-keys")]
mod private;

use spki::der::asn1::{BitStringRef, ObjectIdentifier};
use spki::der::pem::LineEnding;
use spki::{AlgorithmIdentifierRef, Document, SubjectPublicKeyInfoRef};

use crate::key::VerifyingKey;

pub use error::{KdfCost, PassphraseError, PemError, PemForm};
#[cfg(feature = "private-keys")]
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
        let info = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef { oid: ED25519, parameters: None },
            subject_public_key: BitStringRef::from_bytes(self.as_bytes()).expect("32 bytes fit"),
        };
        let document = Document::encode_msg(&info).expect("32 bytes encode");
        document.to_pem("PUBLIC KEY", LineEnding::LF).expect("DER is shorter than PEM may be")
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
