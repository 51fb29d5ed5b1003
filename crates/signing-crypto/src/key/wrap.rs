use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use zeroize::Zeroizing;

use crate::key::random::fill_random;
use crate::key::{KekId, KeyEncryptionKey, SigningKey, WrapError};
use crate::names::{KeyId, OrgId};

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
/// binds them to one row of a store, see [`WrapContext`]: `cloacina/wrap/v1` ‖
/// KEK id ‖ org id ‖ key id ‖ `0` and 16 zeros, or `1` and the predecessor's id.
///
/// The public half is not part of it. It is derived from the private half after unwrapping.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey([u8; LENGTH]);

/// What a wrapped key is bound to. It opens in no other context, so that a row of a
/// store can neither take the private half of another row nor claim another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapContext {
    /// The organization that the key belongs to.
    pub org: OrgId,
    /// The key's id.
    pub id: KeyId,
    /// The key that it was made to replace.
    pub predecessor: Option<KeyId>,
}

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
    /// Wraps `key` for this context.
    pub fn wrap_key(
        &self,
        key: &SigningKey,
        context: &WrapContext,
    ) -> Result<WrappedKey, WrapError> {
        let mut nonce = [0; NONCE];
        fill_random(&mut nonce)?;
        self.wrap_with_nonce(key, context, nonce)
    }

    fn wrap_with_nonce(
        &self,
        key: &SigningKey,
        context: &WrapContext,
        nonce: [u8; NONCE],
    ) -> Result<WrappedKey, WrapError> {
        let kek_id = self.id();
        let aad = context.associated_data(kek_id);
        let sealed = self
            .cipher()
            .encrypt(&nonce.into(), Payload { msg: key.seed(), aad: &aad })
            .map_err(|_| WrapError::Rejected)?;
        let mut wrapped = [0; LENGTH];
        wrapped[0] = VERSION;
        wrapped[1..HEADER].copy_from_slice(kek_id.as_bytes());
        wrapped[HEADER..HEADER + NONCE].copy_from_slice(&nonce);
        wrapped[HEADER + NONCE..].copy_from_slice(&sealed);
        Ok(WrappedKey(wrapped))
    }

    /// Unwraps a key in its context.
    ///
    /// # Errors
    ///
    /// [`WrapError::OtherKek`] if another KEK wrapped it, and
    /// [`WrapError::Rejected`] if the bytes were changed or belong into another
    /// context.
    pub fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SigningKey, WrapError> {
        let kek_id = self.id();
        if wrapped.kek_id() != kek_id {
            return Err(WrapError::OtherKek { expected: wrapped.kek_id(), found: kek_id });
        }
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&wrapped.0[HEADER..HEADER + NONCE]);
        let aad = context.associated_data(kek_id);
        let plain = self
            .cipher()
            .decrypt(&nonce.into(), Payload { msg: &wrapped.0[HEADER + NONCE..], aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| WrapError::Rejected)?;
        let mut seed = Zeroizing::new([0; SEED]);
        seed.copy_from_slice(&plain);
        Ok(SigningKey::from_seed(&seed))
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(self.bytes().into())
    }
}

impl WrapContext {
    /// Every part has a fixed length, so no two contexts share their bytes.
    fn associated_data(&self, kek: KekId) -> Vec<u8> {
        let (has_predecessor, predecessor) = match &self.predecessor {
            Some(id) => (1, *id.as_uuid().as_bytes()),
            None => (0, [0; 16]),
        };
        [
            AAD_LABEL.as_slice(),
            kek.as_bytes(),
            self.org.as_uuid().as_bytes(),
            self.id.as_uuid().as_bytes(),
            &[has_predecessor],
            &predecessor,
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn kek(fill: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(Zeroizing::new([fill; 32]))
    }

    fn context() -> WrapContext {
        WrapContext {
            org: OrgId::random(),
            id: KeyId::random(),
            predecessor: Some(KeyId::random()),
        }
    }

    fn wrapped() -> (SigningKey, WrapContext, WrappedKey) {
        let (key, context) = (SigningKey::generate().unwrap(), context());
        let wrapped = kek(7).wrap_key(&key, &context).unwrap();
        (key, context, wrapped)
    }

    /// The key of RFC 8032, section 7.1, test 1, wrapped for two contexts.
    ///
    /// Not made by this code, but with pyca/cryptography 48 (OpenSSL's AES-GCM-SIV and
    /// HMAC), from the layout in the documentation of [`WrappedKey`]. A change of the
    /// layout locks every store out of its private keys: it needs another version.
    #[test]
    fn layout_of_a_wrapped_key_is_the_documented_one() {
        let kek: [u8; 32] = std::array::from_fn(|index| index as u8);
        let kek = KeyEncryptionKey::from_bytes(Zeroizing::new(kek));
        let nonce: [u8; NONCE] = std::array::from_fn(|index| 0xa0 + index as u8);
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
        let key = SigningKey::from_seed(&Zeroizing::new(seed));
        for (predecessor, expected) in [
            (
                None,
                "0105209d0399cec01be5e4395b8152beeba0a1a2a3a4a5a6a7a8a9aaabf717ee5a610a6fb64c26\
                 3ed641c95d9212580f6a63113a3f31f78c7f909788346110cf7acbbfe622a0ab5ae20fea2db5",
            ),
            (
                Some("11111111-2222-4333-8444-555555555555".parse().unwrap()),
                "0105209d0399cec01be5e4395b8152beeba0a1a2a3a4a5a6a7a8a9aaab08016b485d9dd5524a1d\
                 2f38f7ab6416651d4b291a67ca2f98a5d59f92872d433749f910a03cc09709754cc83243f8ff",
            ),
        ] {
            let context = WrapContext {
                org: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d".parse().unwrap(),
                id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
                predecessor,
            };
            let wrapped = kek.wrap_with_nonce(&key, &context, nonce).unwrap();
            assert_eq!(hex::encode(wrapped.as_bytes()), expected);
            let stored = WrappedKey::from_slice(&hex::decode(expected).unwrap()).unwrap();
            assert_eq!(kek.unwrap_key(&stored, &context).unwrap().seed(), key.seed());
        }
    }

    #[test]
    fn wrapped_key_opens_in_its_own_context() {
        let (key, context, wrapped) = wrapped();
        let stored = WrappedKey::from_slice(wrapped.as_bytes()).unwrap();
        let opened = kek(7).unwrap_key(&stored, &context).unwrap();
        assert_eq!(opened.seed(), key.seed());
    }

    #[test]
    fn wrapped_key_opens_in_no_other_context() {
        let (key, context, wrapped) = wrapped();
        for other in [
            WrapContext { org: OrgId::random(), ..context },
            WrapContext { id: KeyId::random(), ..context },
            WrapContext { predecessor: Some(KeyId::random()), ..context },
            WrapContext { predecessor: None, ..context },
        ] {
            let refused = kek(7).unwrap_key(&wrapped, &other);
            assert!(matches!(refused, Err(WrapError::Rejected)), "{other:?}");
        }
        // The id of all zeros is a predecessor too.
        let nobody = WrapContext { predecessor: None, ..context };
        let zeros = WrapContext { predecessor: Some(uuid::Uuid::nil().into()), ..context };
        for (wrapped_for, opened_for) in [(nobody, zeros), (zeros, nobody)] {
            let wrapped = kek(7).wrap_key(&key, &wrapped_for).unwrap();
            assert!(kek(7).unwrap_key(&wrapped, &wrapped_for).is_ok());
            let refused = kek(7).unwrap_key(&wrapped, &opened_for);
            assert!(matches!(refused, Err(WrapError::Rejected)));
        }
    }

    #[test]
    fn another_kek_is_named_and_rejected() {
        let (_, context, wrapped) = wrapped();
        let result = kek(8).unwrap_key(&wrapped, &context);
        assert!(matches!(result, Err(WrapError::OtherKek { expected, found })
            if expected == kek(7).id() && found == kek(8).id()));
    }

    /// A KEK whose id was put over that of the right one.
    #[test]
    fn another_kek_with_its_own_id_is_rejected() {
        let (_, context, wrapped) = wrapped();
        let mut bytes = wrapped.as_bytes().to_vec();
        bytes[1..HEADER].copy_from_slice(kek(8).id().as_bytes());
        let renamed = WrappedKey::from_slice(&bytes).unwrap();
        let result = kek(8).unwrap_key(&renamed, &context);
        assert!(matches!(result, Err(WrapError::Rejected)));
    }

    #[test]
    fn every_flipped_byte_is_detected() {
        let (_, context, wrapped) = wrapped();
        for position in 0..LENGTH {
            let mut bytes = wrapped.as_bytes().to_vec();
            bytes[position] ^= 1;
            let opened = WrappedKey::from_slice(&bytes)
                .and_then(|wrapped| kek(7).unwrap_key(&wrapped, &context));
            let error = opened.unwrap_err();
            let is_expected = match position {
                0 => matches!(error, WrapError::UnknownVersion { .. }),
                1..HEADER => matches!(error, WrapError::OtherKek { .. }),
                _ => matches!(error, WrapError::Rejected),
            };
            assert!(is_expected, "byte {position}: {error:?}");
        }
    }

    #[test]
    fn every_wrapping_has_a_fresh_nonce() {
        let (key, context, _) = wrapped();
        let nonces: Vec<[u8; NONCE]> = (0..64)
            .map(|_| {
                let wrapped = kek(7).wrap_key(&key, &context).unwrap();
                wrapped.as_bytes()[HEADER..HEADER + NONCE].try_into().unwrap()
            })
            .collect();
        assert_eq!(nonces.iter().collect::<BTreeSet<_>>().len(), nonces.len());
        // And every byte of it is random.
        for position in 0..NONCE {
            let values: BTreeSet<_> = nonces.iter().map(|nonce| nonce[position]).collect();
            assert!(values.len() > 16, "byte {position}: {values:?}");
        }
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
