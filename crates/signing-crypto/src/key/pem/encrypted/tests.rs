use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::pkcs5::pbes2::EncryptionScheme;

use super::*;
use crate::key::MAX_PASSPHRASE_SIZE;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec()).unwrap()
}

fn encrypt(key: &SigningKey, passphrase: &Passphrase) -> String {
    key.encrypt(passphrase, 1, [3; SALT], [5; BLOCK])
}

/// Always the same key, and always the same file under 'secret', opened at once.
fn quick() -> (SigningKey, String) {
    let key = SigningKey::from_seed(&Zeroizing::new([7; 32]));
    let pem = encrypt(&key, &passphrase("secret"));
    (key, pem)
}

fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der).into_bytes();
    let lines: Vec<_> = body.chunks(64).map(String::from_utf8_lossy).collect();
    let label = "ENCRYPTED PRIVATE KEY";
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn der(pem: &str) -> Vec<u8> {
    Document::from_pem(pem).unwrap().1.into_vec()
}

fn error(text: &str, passphrase: &Passphrase) -> PemError {
    SigningKey::from_encrypted_pem(text.as_bytes(), passphrase).unwrap_err()
}

#[test]
fn a_key_comes_back_with_its_passphrase_only() {
    let key = SigningKey::generate().unwrap();
    let pem = key.to_encrypted_pem(&passphrase("secret")).unwrap();
    let read = SigningKey::from_encrypted_pem(pem.as_bytes(), &passphrase("secret")).unwrap();
    assert_eq!(read.seed(), key.seed());
    for wrong in ["Secret", "secret ", "secret\n", "secre", ""] {
        assert_eq!(error(&pem, &passphrase(wrong)), PemError::WrongPassphrase, "{wrong:?}");
    }
}

/// The salt and the initialization vector of an encrypted key.
fn salt_and_iv(pem: &str) -> (Vec<u8>, Vec<u8>) {
    let der = der(pem);
    let info = EncryptedPrivateKeyInfoRef::from_der(&der).unwrap();
    let parameters = info.encryption_algorithm.pbes2().unwrap();
    let salt = parameters.kdf.pbkdf2().unwrap().salt.as_bytes().to_vec();
    let EncryptionScheme::Aes256Cbc { iv } = &parameters.encryption else {
        panic!("{parameters:?}");
    };
    (salt, iv.to_vec())
}

/// Either alone would let the ciphertexts differ.
#[test]
fn salt_and_initialization_vector_are_each_fresh() {
    let key = SigningKey::generate().unwrap();
    let secret = passphrase("secret");
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let (salt, iv) = salt_and_iv(&key.to_encrypted_pem(&secret).unwrap());
        assert_eq!((salt.len(), iv.len()), (SALT, BLOCK));
        // None of them is another one's either.
        assert!(seen.insert(salt) && seen.insert(iv), "{seen:?}");
    }
    // Nor mostly zeros.
    for bytes in seen {
        assert!(bytes.iter().collect::<BTreeSet<_>>().len() > SALT / 2, "{bytes:?}");
    }
}

#[test]
fn a_wrong_passphrase_is_one_error_also_when_its_padding_is_good() {
    let (_, pem) = quick();
    let info = der(&pem);
    let mut padded = 0;
    for number in 0..2_000 {
        let wrong = passphrase(&number.to_string());
        assert_eq!(error(&pem, &wrong), PemError::WrongPassphrase, "{number}");
        let (algorithm, ciphertext) = AnyRef::from_der(&info).unwrap().sequence(parts).unwrap();
        let mut buffer = ciphertext.as_bytes().to_vec();
        let scheme = Scheme::parse(algorithm).unwrap();
        padded += usize::from(scheme.decrypt(&wrong, &mut buffer).is_some());
    }
    assert!(padded > 0, "no padding was good, and nothing was shown");
}

#[test]
fn an_empty_passphrase_is_read_and_not_written() {
    let key = SigningKey::generate().unwrap();
    let empty = passphrase("");
    assert_eq!(key.to_encrypted_pem(&empty).unwrap_err(), PassphraseError::Empty);
    let pem = encrypt(&key, &empty);
    let read = SigningKey::from_encrypted_pem(pem.as_bytes(), &empty).unwrap();
    assert_eq!(read.seed(), key.seed());
}

#[test]
fn a_long_passphrase_counts_to_its_last_byte_and_a_longer_one_is_refused() {
    let longest = passphrase(&"x".repeat(MAX_PASSPHRASE_SIZE));
    let key = SigningKey::generate().unwrap();
    let pem = encrypt(&key, &longest);
    assert!(SigningKey::from_encrypted_pem(pem.as_bytes(), &longest).is_ok());
    let mut other = vec![b'x'; MAX_PASSPHRASE_SIZE];
    other[MAX_PASSPHRASE_SIZE - 1] = b'y';
    assert_eq!(error(&pem, &Passphrase::new(other).unwrap()), PemError::WrongPassphrase);
    let shorter = passphrase(&"x".repeat(MAX_PASSPHRASE_SIZE - 1));
    assert_eq!(error(&pem, &shorter), PemError::WrongPassphrase);
    assert_eq!(
        Passphrase::new(vec![b'x'; MAX_PASSPHRASE_SIZE + 1]).unwrap_err(),
        PassphraseError::TooLong { limit: MAX_PASSPHRASE_SIZE }
    );
}

#[test]
fn a_key_that_is_not_encrypted_is_refused_if_a_passphrase_is_given() {
    let (key, _) = quick();
    let (expected, found) = (PemForm::EncryptedPrivateKey, PemForm::PrivateKey);
    assert_eq!(
        error(&key.to_pem(), &passphrase("secret")),
        PemError::WrongForm { expected, found }
    );
}

#[test]
fn an_encrypted_key_is_refused_if_no_passphrase_is_given() {
    let (_, pem) = quick();
    let refused = SigningKey::from_pem(pem.as_bytes()).unwrap_err();
    assert_eq!(refused, PemError::PassphraseNeeded);
}

#[test]
fn truncation_at_every_length_is_refused() {
    let (_, whole) = quick();
    let secret = passphrase("secret");
    for length in 0..whole.trim_end().len() {
        error(&whole[..length], &secret);
    }
    let whole = der(&whole);
    for length in 0..whole.len() {
        assert_eq!(error(&pem(&whole[..length]), &secret), PemError::Malformed, "{length}");
    }
    assert_eq!(error(&pem(&[&whole[..], &[0]].concat()), &secret), PemError::Malformed);
}

#[test]
fn a_flipped_bit_never_gives_the_same_key() {
    let (key, whole) = quick();
    let (whole, secret) = (der(&whole), passphrase("secret"));
    let mut others = 0;
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = SigningKey::from_encrypted_pem(pem(&flipped).as_bytes(), &secret) {
            assert_ne!(read.seed(), key.seed(), "bit {bit}");
            others += 1;
        }
    }
    // CBC does not authenticate: a change within the seed's block gives another seed.
    assert!(others <= 32 * 8, "{others}");
}

#[test]
fn neither_a_passphrase_nor_an_error_shows_the_passphrase() {
    let (_, pem) = quick();
    let wrong = passphrase("open sesame");
    let shown = format!("{wrong:?} {:?} {}", error(&pem, &wrong), error(&pem, &wrong));
    assert!(!shown.contains("sesame") && !shown.contains("111, 112"), "{shown}");
}
