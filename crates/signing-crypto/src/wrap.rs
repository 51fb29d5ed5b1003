use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use zeroize::Zeroizing;

use crate::{KekId, KeyEncryptionKey, KeyId, OrgId, SigningKey, VerifyingKey, WrapError};

const VERSION: u8 = 1;
const NONCE: usize = 12;
const SEED: usize = 32;
const TAG: usize = 16;
const HEADER: usize = 1 + KekId::LENGTH;
const LENGTH: usize = HEADER + NONCE + SEED + TAG;

const AAD_LABEL: &[u8; 16] = b"cloacina/wrap/v1";

/// A private key, encrypted for keeping with AES-256-GCM-SIV (RFC 8452).
///
/// The bytes are: version `1`, the 16-byte [`KekId`], a random 12-byte nonce,
/// and the encrypted 32-byte seed with its 16-byte tag. The additional data
/// binds them to one key of one organisation, so that rows of a store cannot be
/// swapped: `cloacina/wrap/v1` ‖ KEK id ‖ org id ‖ key id ‖ public key.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey([u8; LENGTH]);

impl WrappedKey {
    /// Reads stored bytes; whether they open is for
    /// [`unwrap_key`](KeyEncryptionKey::unwrap_key) to say.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WrapError> {
        match bytes.first() {
            None => Err(WrapError::Length { found: 0, expected: LENGTH }),
            Some(&VERSION) => bytes
                .try_into()
                .map(Self)
                .map_err(|_| WrapError::Length { found: bytes.len(), expected: LENGTH }),
            Some(&found) => Err(WrapError::UnknownVersion { found }),
        }
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The KEK that wrapped it, as it says itself.
    pub fn kek_id(&self) -> KekId {
        let mut id = [0; KekId::LENGTH];
        id.copy_from_slice(&self.0[1..HEADER]);
        KekId::from_bytes(id)
    }
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrappedKey").field("kek_id", &self.kek_id()).finish_non_exhaustive()
    }
}

impl KeyEncryptionKey {
    /// Wraps `key` as the key `id` of `org`.
    pub fn wrap_key(
        &self,
        key: &SigningKey,
        org: OrgId,
        id: KeyId,
    ) -> Result<WrappedKey, WrapError> {
        let kek_id = self.id();
        let mut wrapped = [0; LENGTH];
        wrapped[0] = VERSION;
        wrapped[1..HEADER].copy_from_slice(kek_id.as_bytes());
        let nonce = &mut wrapped[HEADER..HEADER + NONCE];
        getrandom::fill(nonce).map_err(WrapError::Randomness)?;
        let mut nonce_bytes = [0; NONCE];
        nonce_bytes.copy_from_slice(nonce);

        let aad = associated_data(kek_id, org, id, &key.verifying_key());
        let sealed = self
            .cipher()
            .encrypt(&nonce_bytes.into(), Payload { msg: key.seed(), aad: &aad })
            .map_err(|_| WrapError::Rejected)?;
        wrapped[HEADER + NONCE..].copy_from_slice(&sealed);
        Ok(WrappedKey(wrapped))
    }

    /// Unwraps the key `id` of `org`, whose public half is `expected`.
    ///
    /// # Errors
    ///
    /// [`WrapError::OtherKek`] if another KEK wrapped it, and
    /// [`WrapError::Rejected`] if the bytes were changed or belong to another
    /// key, organisation or public half.
    pub fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        org: OrgId,
        id: KeyId,
        expected: &VerifyingKey,
    ) -> Result<SigningKey, WrapError> {
        let kek_id = self.id();
        if wrapped.kek_id() != kek_id {
            return Err(WrapError::OtherKek { expected: wrapped.kek_id(), found: kek_id });
        }
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&wrapped.0[HEADER..HEADER + NONCE]);
        let aad = associated_data(kek_id, org, id, expected);
        let plain = self
            .cipher()
            .decrypt(&nonce.into(), Payload { msg: &wrapped.0[HEADER + NONCE..], aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| WrapError::Rejected)?;
        let mut seed = Zeroizing::new([0; SEED]);
        seed.copy_from_slice(&plain);
        let key = SigningKey::from_seed(&seed);
        if key.verifying_key() != *expected {
            return Err(WrapError::Rejected);
        }
        Ok(key)
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(self.bytes().into())
    }
}

/// Every part has a fixed length, so no two contexts share their bytes.
fn associated_data(kek: KekId, org: OrgId, key: KeyId, public: &VerifyingKey) -> Vec<u8> {
    [
        AAD_LABEL.as_slice(),
        kek.as_bytes(),
        org.as_uuid().as_bytes(),
        key.as_uuid().as_bytes(),
        public.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(fill: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(Zeroizing::new([fill; 32]))
    }

    fn wrapped() -> (SigningKey, OrgId, KeyId, WrappedKey) {
        let (key, org, id) = (SigningKey::generate().unwrap(), OrgId::random(), KeyId::random());
        let wrapped = kek(7).wrap_key(&key, org, id).unwrap();
        (key, org, id, wrapped)
    }

    #[test]
    fn wrapped_key_opens_in_its_own_place() {
        let (key, org, id, wrapped) = wrapped();
        let stored = WrappedKey::from_slice(wrapped.as_bytes()).unwrap();
        let opened = kek(7).unwrap_key(&stored, org, id, &key.verifying_key()).unwrap();
        assert_eq!(opened.seed(), key.seed());
    }

    #[test]
    fn wrapped_key_does_not_open_in_another_place() {
        let (key, org, id, wrapped) = wrapped();
        let public = key.verifying_key();
        let other = SigningKey::generate().unwrap().verifying_key();
        for result in [
            kek(7).unwrap_key(&wrapped, OrgId::random(), id, &public),
            kek(7).unwrap_key(&wrapped, org, KeyId::random(), &public),
            kek(7).unwrap_key(&wrapped, org, id, &other),
        ] {
            assert!(matches!(result, Err(WrapError::Rejected)));
        }
    }

    #[test]
    fn another_kek_is_named_and_rejected() {
        let (key, org, id, wrapped) = wrapped();
        let result = kek(8).unwrap_key(&wrapped, org, id, &key.verifying_key());
        assert!(matches!(result, Err(WrapError::OtherKek { expected, found })
            if expected == kek(7).id() && found == kek(8).id()));
    }

    #[test]
    fn every_flipped_byte_is_detected() {
        let (key, org, id, wrapped) = wrapped();
        for position in 0..LENGTH {
            let mut bytes = wrapped.as_bytes().to_vec();
            bytes[position] ^= 1;
            let opened = WrappedKey::from_slice(&bytes)
                .and_then(|wrapped| kek(7).unwrap_key(&wrapped, org, id, &key.verifying_key()));
            assert!(opened.is_err(), "byte {position}");
        }
    }

    #[test]
    fn every_wrapping_has_its_own_nonce() {
        let (key, org, id, wrapped) = wrapped();
        assert_ne!(kek(7).wrap_key(&key, org, id).unwrap(), wrapped);
    }

    #[test]
    fn other_lengths_and_versions_are_named() {
        let (.., wrapped) = wrapped();
        let bytes = wrapped.as_bytes();
        let short = WrappedKey::from_slice(&bytes[..LENGTH - 1]);
        assert!(
            matches!(short, Err(WrapError::Length { found, expected: LENGTH }) if found == LENGTH - 1)
        );
        let future = WrappedKey::from_slice(&[2, 0, 0]);
        assert!(matches!(future, Err(WrapError::UnknownVersion { found: 2 })));
    }
}
