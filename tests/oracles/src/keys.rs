use std::str;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::{
    KeyEncryptionKey, MAX_PEM_SIZE, Passphrase, SigningKey, VerifyingKey, WrapContext, WrappedKey,
};
use zeroize::Zeroizing;

use crate::Verdict;
use crate::bytes::key;

/// A public key as PEM.
pub(crate) fn public_key(input: &[u8]) -> Verdict {
    let parsed = VerifyingKey::from_pem(input);
    if let Ok(key) = &parsed {
        assert!(input.len() <= MAX_PEM_SIZE);
        assert_eq!(VerifyingKey::from_pem(key.to_pem().as_bytes()).as_ref(), Ok(key));
        // RFC 8410: the key's bytes are the last 32 of the structure.
        assert!(der(input).ends_with(key.as_bytes()));
        assert!(SigningKey::from_pem(input).is_err(), "a public key is no private one");
    }
    Verdict::from(&parsed)
}

/// A private key as PEM.
pub(crate) fn private_key(input: &[u8]) -> Verdict {
    let parsed = SigningKey::from_pem(input);
    if let Ok(key) = &parsed {
        let again = SigningKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!(again.verifying_key(), key.verifying_key());
        assert!(VerifyingKey::from_pem(input).is_err(), "a private key is no public one");
    }
    Verdict::from(&parsed)
}

/// A private key behind a passphrase, as PEM. The seeds' passphrase is `passphrase`.
pub(crate) fn encrypted_private_key(input: &[u8]) -> Verdict {
    let passphrase = Passphrase::new(b"passphrase".to_vec()).unwrap();
    let parsed = SigningKey::from_encrypted_pem(input, &passphrase);
    if parsed.is_ok() {
        assert!(SigningKey::from_pem(input).is_err(), "it does not open without its passphrase");
        let other = Passphrase::new(b"another".to_vec()).unwrap();
        assert!(SigningKey::from_encrypted_pem(input, &other).is_err());
    }
    Verdict::from(&parsed)
}

/// What stands between the lines that begin and end a public key. There may be other text
/// before them (RFC 7468, section 2).
fn der(pem: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(pem).unwrap();
    let (_, body) = text.split_once("-----BEGIN PUBLIC KEY-----").unwrap();
    let (body, _) = body.split_once("-----END").unwrap();
    STANDARD.decode(body.replace(char::is_whitespace, "")).unwrap()
}

/// A wrapped private key as a store keeps it. Only what was wrapped opens.
pub(crate) fn wrapped_key(input: &[u8]) -> Verdict {
    let parsed = WrappedKey::from_slice(input);
    if let Ok(wrapped) = &parsed {
        assert_eq!(wrapped.as_bytes(), input);
        let kek = KeyEncryptionKey::from_bytes(Zeroizing::new([3; 32]));
        let context = WrapContext {
            org: "936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap(),
            id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            predecessor: None,
        };
        assert!(kek.unwrap_key(wrapped, &context).is_err());
        let ours = kek.wrap_key(&key(), &context).unwrap();
        let mut mixed = ours.as_bytes().to_vec();
        let last = mixed.len() - 1;
        mixed[last] ^= input[last] | 1;
        let mixed = WrappedKey::from_slice(&mixed).unwrap();
        assert!(kek.unwrap_key(&mixed, &context).is_err());
    }
    Verdict::from(&parsed)
}

/// A key encryption key as text, beside `base64` and a hexadecimal reader.
pub(crate) fn key_encryption_key(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let parsed = KeyEncryptionKey::parse(text);
    let text = text.trim();
    let expected = hexadecimal(text).or_else(|| STANDARD.decode(text).ok());
    let expected = expected.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let expected = expected.map(|bytes| KeyEncryptionKey::from_bytes(Zeroizing::new(bytes)).id());
    assert_eq!(parsed.as_ref().ok().map(KeyEncryptionKey::id), expected);
    Verdict::from(&parsed)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    Some(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}
