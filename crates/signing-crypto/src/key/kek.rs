use std::sync::Arc;
use std::{env, fmt};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::key::random::{NoRandomness, fill_random};
use crate::key::{KekError, KekId};

const ID_LABEL: &[u8] = b"cloacina/kek-id/v1";

/// The key encryption key (KEK): 32 bytes that wrap every private key of a
/// store.
///
/// Clones share one allocation, which is wiped when the last of them goes.
#[derive(Clone)]
pub struct KeyEncryptionKey(Arc<Zeroizing<[u8; 32]>>);

impl KeyEncryptionKey {
    /// Reads the key from the environment variable `var`.
    ///
    /// # Errors
    ///
    /// [`KekError::Missing`] if the variable is unset or empty, otherwise as
    /// [`parse`](Self::parse).
    pub fn from_env(var: &str) -> Result<Self, KekError> {
        let value = match env::var(var) {
            Ok(value) => Zeroizing::new(value),
            Err(env::VarError::NotPresent) => return Err(KekError::Missing { var: var.into() }),
            Err(env::VarError::NotUnicode(_)) => return Err(KekError::Encoding),
        };
        if value.trim().is_empty() {
            return Err(KekError::Missing { var: var.into() });
        }
        Self::parse(&value)
    }

    /// Reads 64 hexadecimal digits or the padded standard base64 of 32 bytes.
    /// White space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, KekError> {
        let text = text.trim();
        let mut key = Zeroizing::new([0; 32]);
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            hex::decode_to_slice(text, key.as_mut_slice()).map_err(|_| KekError::Encoding)?;
            return Ok(Self(Arc::new(key)));
        }
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| KekError::Encoding)?);
        if bytes.len() != key.len() {
            return Err(KekError::Length { found: bytes.len() });
        }
        key.copy_from_slice(&bytes);
        Ok(Self(Arc::new(key)))
    }

    /// A new key from the operating system's random numbers.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(key.as_mut_slice())?;
        Ok(Self::from_bytes(key))
    }

    /// The key as 64 hexadecimal digits, to be kept where only those who sign can read it.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes()))
    }

    /// Takes over 32 bytes, from a key management service for instance.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(bytes))
    }

    /// Tells KEKs apart without revealing anything about them.
    pub fn id(&self) -> KekId {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes keys of any length");
        mac.update(ID_LABEL);
        let tag: [u8; 32] = mac.finalize().into_bytes().into();
        let mut id = [0; KekId::LENGTH];
        id.copy_from_slice(&tag[..KekId::LENGTH]);
        KekId::from_bytes(id)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn hex_and_base64_give_the_same_key() {
        let hex = KeyEncryptionKey::parse(HEX).expect("64 digits");
        let base64 = KeyEncryptionKey::parse(&format!(" {BASE64}\n")).expect("44 characters");
        assert_eq!(hex.id(), base64.id());
    }

    #[test]
    fn a_new_key_is_read_as_it_was_written_and_no_two_are_the_same() {
        let key = KeyEncryptionKey::generate().unwrap();
        assert_eq!(KeyEncryptionKey::parse(&key.to_hex()).unwrap().id(), key.id());
        assert_eq!(key.to_hex().len(), 64);
        assert_ne!(KeyEncryptionKey::generate().unwrap().id(), key.id());
    }

    #[test]
    fn another_key_has_another_id() {
        let other = HEX.replace("1f", "1e");
        assert_ne!(
            KeyEncryptionKey::parse(HEX).unwrap().id(),
            KeyEncryptionKey::parse(&other).unwrap().id()
        );
    }

    #[test]
    fn short_long_and_garbled_keys_are_rejected() {
        for (text, length) in [("", 0), ("c2hvcnQ=", 5), (&STANDARD.encode([0; 33]), 33)] {
            assert!(
                matches!(KeyEncryptionKey::parse(text), Err(KekError::Length { found }) if found == length)
            );
        }
        for text in [&HEX[1..], "not a key", &BASE64[..43], &format!("0x{HEX}")] {
            assert!(KeyEncryptionKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_key() {
        let shown = format!("{:?}", KeyEncryptionKey::parse(HEX).unwrap());
        assert!(!shown.contains("0001") && !shown.contains("[0, 1"), "{shown}");
    }
}
