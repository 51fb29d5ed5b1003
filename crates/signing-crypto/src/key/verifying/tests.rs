use zeroize::Zeroizing;

use super::*;
use crate::key::{SigningKey, UncheckedKey};

mod points;
mod taming;
mod wycheproof;

/// RFC 8032, section 7.1: TEST 1, TEST 2, TEST 3 and TEST SHA(abc), each as
/// seed, public key, message and signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn from_seed(text: &str) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(bytes(text)))
}

/// A key that was not checked on import, to see what verification alone does.
fn unchecked(public: &[u8; 32]) -> VerifyingKey {
    VerifyingKey(ed25519_dalek::VerifyingKey::from_bytes(public).unwrap())
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = from_seed(seed);
        let message = hex::decode(message).unwrap();
        assert_eq!(hex::encode(key.verifying_key().as_bytes()), public);
        assert_eq!(hex::encode(key.sign_bytes(&message)), signature);
        let imported = VerifyingKey::from_slice(&hex::decode(public).unwrap()).unwrap();
        assert_eq!(imported, key.verifying_key());
        assert!(imported.accepts(&message, &bytes::<64>(signature)));
    }
}

#[test]
fn a_flipped_bit_in_message_or_signature_is_refused() {
    for [_, public, message, signature] in RFC_8032 {
        let key = VerifyingKey::from_bytes(&bytes(public)).unwrap();
        let (message, signature) = (hex::decode(message).unwrap(), bytes::<64>(signature));
        for bit in 0..message.len() * 8 {
            let mut message = message.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.accepts(&message, &signature), "{public}: message bit {bit}");
        }
        for bit in 0..signature.len() * 8 {
            let mut signature = signature;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.accepts(&message, &signature), "{public}: signature bit {bit}");
        }
    }
}

#[test]
fn the_signature_of_another_key_is_refused() {
    let keys = RFC_8032.map(|[_, public, ..]| VerifyingKey::from_bytes(&bytes(public)).unwrap());
    for (signer, [_, _, message, signature]) in RFC_8032.into_iter().enumerate() {
        let message = hex::decode(message).unwrap();
        for (other, key) in keys.iter().enumerate() {
            let accepted = key.accepts(&message, &bytes::<64>(signature));
            assert_eq!(accepted, signer == other, "{other} for {signer}");
        }
    }
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let [seed, _, message, signature] = RFC_8032[2];
    let key = from_seed(seed).verifying_key();
    let message = hex::decode(message).unwrap();
    let signature = hex::decode(signature).unwrap();
    assert!(key.accepts(&message, &signature));
    for length in (0..64).chain([65, 128, 4096]) {
        let mut other = signature.clone();
        other.resize(length, 0);
        assert!(!key.accepts(&message, &other), "{length} bytes");
    }
}

#[test]
fn debug_output_shows_the_fingerprint_and_not_the_seed() {
    let [seed, public, ..] = RFC_8032[0];
    let key = from_seed(seed);
    for text in [format!("{key:?}"), format!("{key:#?}")] {
        assert!(text.contains(&key.fingerprint().to_string()), "{text}");
        let lower = text.to_lowercase();
        assert!(!lower.contains(&seed[..8]) && !lower.contains("157, 97"), "{text}");
    }
    let shown = format!("{:?}", VerifyingKey::from_bytes(&bytes(public)).unwrap());
    assert_eq!(shown, format!("VerifyingKey({})", key.fingerprint()));
}

#[test]
fn a_fingerprint_is_the_hash_of_the_raw_public_key() {
    // `printf %s d75a…511a | xxd -r -p | sha256sum`
    assert_eq!(
        from_seed(RFC_8032[0][0]).fingerprint().to_string(),
        "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"
    );
}

#[test]
fn two_generated_keys_differ() {
    let (one, two) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    assert_ne!(one.fingerprint(), two.fingerprint());
    assert_ne!(one.seed(), &[0; 32]);
}

#[test]
fn unchecked_bytes_are_a_key_only_if_they_are_fit_to_be_trusted() {
    let key = SigningKey::generate().unwrap().verifying_key();
    let bytes = UncheckedKey::from_bytes(*key.as_bytes());
    assert_eq!((bytes.check(), bytes.fingerprint()), (Ok(key), key.fingerprint()));
    assert_eq!(UncheckedKey::from(key), bytes);
    // The neutral element, for which anybody can sign; refused each time.
    let mut small_order = [0; 32];
    small_order[0] = 1;
    let bytes = UncheckedKey::from_bytes(small_order);
    for _ in 0..2 {
        assert_eq!(bytes.check(), Err(KeyError::SmallOrder));
    }
}
