use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519::{KeypairBytes, PublicKeyBytes};
use pkcs8::{EncodePrivateKey, SecretDocument};
use zeroize::Zeroizing;

use super::*;
use crate::key::{KeyError, SigningKey};

/// The example keys of RFC 8410, section 10.
const RFC_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";
const RFC_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const RFC_PRIVATE_V2: &str = "-----BEGIN PRIVATE KEY-----\n\
    MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
    Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PRIVATE KEY-----\n";

/// `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING }` up to the key's bytes.
const SPKI_HEADER: &str = "302a300506032b6570032100";
/// `SEQUENCE { 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING } }` up to the seed.
const PKCS8_HEADER: &str = "302e020100300506032b657004220420";

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der).into_bytes();
    let lines: Vec<_> = body.chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn public_pem(header: &str, rest: &[u8]) -> String {
    pem("PUBLIC KEY", &[hex::decode(header).unwrap(), rest.to_vec()].concat())
}

fn private_pem(header: &str, rest: &[u8]) -> String {
    pem("PRIVATE KEY", &[hex::decode(header).unwrap(), rest.to_vec()].concat())
}

fn v2_pem(key: &SigningKey, public: &VerifyingKey) -> Zeroizing<String> {
    let public_key = Some(PublicKeyBytes(*public.as_bytes()));
    let pair = KeypairBytes { secret_key: *key.seed(), public_key };
    pair.to_pkcs8_pem(LineEnding::LF).unwrap()
}

fn private_error(text: &[u8]) -> PemError {
    SigningKey::from_pem(text).unwrap_err()
}

fn public_error(text: &[u8]) -> PemError {
    VerifyingKey::from_pem(text).unwrap_err()
}

#[test]
fn the_example_keys_of_rfc_8410_are_read_and_written() {
    let private = SigningKey::from_pem(RFC_PRIVATE.as_bytes()).unwrap();
    let public = VerifyingKey::from_pem(RFC_PUBLIC.as_bytes()).unwrap();
    assert_eq!(private.verifying_key(), public);
    assert_eq!(*private.to_pem(), RFC_PRIVATE);
    assert_eq!(public.to_pem(), RFC_PUBLIC);
}

#[test]
fn a_version_2_key_with_attributes_is_read() {
    let key = SigningKey::from_pem(RFC_PRIVATE_V2.as_bytes()).unwrap();
    assert_eq!(key.verifying_key(), VerifyingKey::from_pem(RFC_PUBLIC.as_bytes()).unwrap());
}

#[test]
fn a_version_2_key_with_its_own_public_half_is_read() {
    let key = SigningKey::generate().unwrap();
    let read = SigningKey::from_pem(v2_pem(&key, &key.verifying_key()).as_bytes()).unwrap();
    assert_eq!(read.seed(), key.seed());
}

#[test]
fn a_version_2_key_with_another_public_half_is_refused() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let text = v2_pem(&key, &other.verifying_key());
    assert_eq!(private_error(text.as_bytes()), PemError::PublicHalfMismatch);

    let (_, der) = SecretDocument::from_pem(&v2_pem(&key, &key.verifying_key())).unwrap();
    let mut der = der.as_bytes().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let text = pem("PRIVATE KEY", &der);
    assert_eq!(private_error(text.as_bytes()), PemError::PublicHalfMismatch);
}

#[test]
fn crlf_and_blank_lines_around_the_block_are_accepted() {
    let variants: [fn(&str) -> String; 4] = [
        |text| text.replace('\n', "\r\n"),
        |text| format!("{text}\n\r\n \t\n"),
        |text| format!("\n\n{text}"),
        |text| text.trim_end().to_owned(),
    ];
    for variant in variants {
        let (public, private) = (variant(RFC_PUBLIC), variant(RFC_PRIVATE));
        assert!(VerifyingKey::from_pem(public.as_bytes()).is_ok(), "{public:?}");
        assert!(SigningKey::from_pem(private.as_bytes()).is_ok(), "{private:?}");
    }
}

#[test]
fn two_blocks_are_refused_and_counted() {
    let error = PemError::SeveralBlocks { found: 2 };
    assert_eq!(public_error(RFC_PUBLIC.repeat(2).as_bytes()), error);
    assert_eq!(private_error(format!("{RFC_PRIVATE}{RFC_PUBLIC}").as_bytes()), error);
    assert_eq!(
        private_error(RFC_PRIVATE.repeat(3).as_bytes()),
        PemError::SeveralBlocks { found: 3 }
    );
}

#[test]
fn forms_of_another_kind_are_named() {
    let block = |label| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    let der = hex::decode(SPKI_HEADER).unwrap();
    for (text, found) in [
        (block("ENCRYPTED PRIVATE KEY").into_bytes(), PemForm::EncryptedPrivateKey),
        (block("RSA PRIVATE KEY").into_bytes(), PemForm::LegacyPrivateKey),
        (block("EC PRIVATE KEY").into_bytes(), PemForm::LegacyPrivateKey),
        (block("OPENSSH PRIVATE KEY").into_bytes(), PemForm::OpensshPrivateKey),
        (block("CERTIFICATE").into_bytes(), PemForm::Certificate),
        (block("CERTIFICATE REQUEST").into_bytes(), PemForm::Certificate),
        (block("PGP PUBLIC KEY BLOCK").into_bytes(), PemForm::Pgp),
        (block("PGP PRIVATE KEY BLOCK").into_bytes(), PemForm::Pgp),
        (block("RSA PUBLIC KEY").into_bytes(), PemForm::OtherPem),
        (block("DH PARAMETERS").into_bytes(), PemForm::OtherPem),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB me@here".to_vec(), PemForm::OpensshPublicKey),
        (b"ecdsa-sha2-nistp256 AAAAE2VjZHNh".to_vec(), PemForm::OpensshPublicKey),
        (der, PemForm::Der),
        (Vec::new(), PemForm::Empty),
        (b" \r\n\t\n".to_vec(), PemForm::Empty),
        (b"hello".to_vec(), PemForm::Unknown),
        (b"\xff\xfe\0".to_vec(), PemForm::Unknown),
        (b"-----BEGIN PUBLIC".to_vec(), PemForm::Unknown),
    ] {
        assert_eq!(
            public_error(&text),
            PemError::WrongForm { expected: PemForm::PublicKey, found },
            "{}",
            String::from_utf8_lossy(&text)
        );
        let expected = PemForm::PrivateKey;
        let as_private = match found {
            PemForm::EncryptedPrivateKey => PemError::PassphraseNeeded,
            found => PemError::WrongForm { expected, found },
        };
        assert_eq!(private_error(&text), as_private);
    }
}

#[test]
fn a_private_key_for_a_public_one_and_the_reverse_are_named() {
    assert_eq!(
        public_error(RFC_PRIVATE.as_bytes()),
        PemError::WrongForm { expected: PemForm::PublicKey, found: PemForm::PrivateKey }
    );
    assert_eq!(
        private_error(RFC_PUBLIC.as_bytes()),
        PemError::WrongForm { expected: PemForm::PrivateKey, found: PemForm::PublicKey }
    );
}

#[test]
fn more_than_64_kib_is_refused_and_64_kib_is_not() {
    let mut text = RFC_PUBLIC.as_bytes().to_vec();
    text.resize(MAX_PEM_SIZE, b'\n');
    assert!(VerifyingKey::from_pem(&text).is_ok());
    text.push(b'\n');
    assert_eq!(public_error(&text), PemError::TooLarge { limit: MAX_PEM_SIZE });
    assert_eq!(private_error(&text), PemError::TooLarge { limit: MAX_PEM_SIZE });
}

#[test]
fn truncation_at_every_length_is_refused() {
    for (text, whole) in [(RFC_PUBLIC, "public"), (RFC_PRIVATE, "private"), (RFC_PRIVATE_V2, "v2")]
    {
        let text = text.trim_end().as_bytes();
        for length in 0..text.len() {
            assert!(VerifyingKey::from_pem(&text[..length]).is_err(), "{whole}: {length} bytes");
            assert!(SigningKey::from_pem(&text[..length]).is_err(), "{whole}: {length} bytes");
        }
    }
    let damaged = &RFC_PRIVATE.as_bytes()[..RFC_PRIVATE.len() / 2];
    assert_eq!(private_error(damaged), PemError::Malformed);
}

#[test]
fn a_flipped_bit_never_gives_the_same_public_key() {
    let key = VerifyingKey::from_pem(RFC_PUBLIC.as_bytes()).unwrap();
    let text = RFC_PUBLIC.trim_end();
    for bit in 0..text.len() * 8 {
        let mut flipped = text.as_bytes().to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(VerifyingKey::from_pem(&flipped), Ok(key), "bit {bit}");
    }
}

#[test]
fn damaged_asn1_is_malformed() {
    let bytes = [7; 32];
    let public = SigningKey::from_seed(&Zeroizing::new(bytes)).verifying_key();
    assert!(VerifyingKey::from_pem(public_pem(SPKI_HEADER, public.as_bytes()).as_bytes()).is_ok());
    for (header, about) in [
        ("302c300706032b65700500032100", "parameters"),
        ("302a300506032b6570032101", "unused bits"),
        ("302a300506032b6570042100", "an octet string"),
    ] {
        let text = public_pem(header, public.as_bytes());
        assert_eq!(public_error(text.as_bytes()), PemError::Malformed, "{about}");
    }

    assert!(SigningKey::from_pem(private_pem(PKCS8_HEADER, &bytes).as_bytes()).is_ok());
    for (header, rest, about) in [
        ("3030020100300706032b6570050004220420", &bytes[..], "parameters"),
        ("302e020102300506032b657004220420", &bytes, "version 3"),
        ("302d020100300506032b65700421041f", &bytes[1..], "31 bytes"),
        ("302e020100300506032b657004220320", &bytes, "a bit string"),
    ] {
        let text = private_pem(header, rest);
        assert_eq!(private_error(text.as_bytes()), PemError::Malformed, "{about}");
    }
}

#[test]
fn bytes_behind_the_asn1_are_malformed() {
    let text = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuEA\n\
        -----END PUBLIC KEY-----\n";
    assert_eq!(public_error(text.as_bytes()), PemError::Malformed);
}

#[test]
fn unfit_public_keys_are_refused_for_their_own_reason() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let small = public_pem(SPKI_HEADER, &identity);
    assert_eq!(public_error(small.as_bytes()), PemError::Key(KeyError::SmallOrder));
    let short = public_pem("3029300506032b6570032000", &[7; 31]);
    assert_eq!(public_error(short.as_bytes()), PemError::Key(KeyError::Length { found: 31 }));
}

#[test]
fn labels_that_do_not_match_are_malformed() {
    let crossed = RFC_PRIVATE.replace("END PRIVATE", "END PUBLIC");
    assert_eq!(private_error(crossed.as_bytes()), PemError::Malformed);
    let relabeled = RFC_PRIVATE.replace("PRIVATE", "PUBLIC");
    assert_eq!(public_error(relabeled.as_bytes()), PemError::Malformed);
    let relabeled = RFC_PUBLIC.replace("PUBLIC", "PRIVATE");
    assert_eq!(private_error(relabeled.as_bytes()), PemError::Malformed);
}
