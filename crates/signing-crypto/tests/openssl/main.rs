//! What the `openssl` program (version 3) makes of our keys and signatures, and
//! we of its.

mod passphrases;
mod workshop;

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::{
    EnvelopeError, MAX_PEM_SIZE, PAYLOAD_TYPE, PackageDigest, PackageStatement, PemError, PemForm,
    SignatureEnvelope, SigningKey, VerifyingKey,
};

use crate::workshop::{Workshop, run};

fn statement() -> PackageStatement {
    PackageStatement::new(
        "libworkflow.so".parse().expect("a name"),
        PackageDigest::from_bytes([7; 32]),
        123_456,
        "2026-01-28T12:00:00Z".parse().expect("a time"),
    )
}

/// The first signature of an envelope, as somebody with other tools gets it.
fn raw_signature(envelope: &SignatureEnvelope) -> Vec<u8> {
    let json: serde_json::Value = serde_json::from_str(&envelope.to_json()).expect("JSON");
    let text = json["signatures"][0]["sig"].as_str().expect("a string");
    STANDARD.decode(text).expect("base64")
}

#[test]
fn keys_made_by_openssl_are_read_and_written_byte_for_byte() {
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out key.pem");
    shop.run("pkey -in key.pem -pubout -out pub.pem");
    let key = SigningKey::from_pem(&shop.read("key.pem")).unwrap();
    let public = VerifyingKey::from_pem(&shop.read("pub.pem")).unwrap();
    assert_eq!(key.verifying_key(), public);
    assert_eq!(key.to_pem().as_bytes(), shop.read("key.pem"));
    assert_eq!(public.to_pem().as_bytes(), shop.read("pub.pem"));
}

#[test]
fn keys_made_by_us_are_read_by_openssl() {
    let shop = Workshop::new();
    let key = SigningKey::generate().unwrap();
    shop.write("key.pem", &*key.to_pem());
    let public = key.verifying_key().to_pem();
    assert_eq!(shop.run("pkey -in key.pem -pubout"), public.as_bytes());
    shop.write("pub.pem", &public);
    assert_eq!(shop.run("pkey -pubin -in pub.pem -pubout"), public.as_bytes());
}

#[test]
fn our_signature_is_accepted_by_openssl_until_a_byte_is_flipped() {
    let shop = Workshop::new();
    let key = SigningKey::generate().unwrap();
    let envelope = SignatureEnvelope::sign(&statement(), &key);
    let verify = "pkeyutl -verify -pubin -inkey pub.pem -rawin -in pae -sigfile sig";
    shop.write("pub.pem", key.verifying_key().to_pem());
    shop.write("pae", envelope.signed_bytes());
    shop.write("sig", raw_signature(&envelope));
    shop.run(verify);

    let pae = envelope.signed_bytes();
    for position in [0, 7, pae.len() / 2, pae.len() - 1] {
        let mut flipped = pae.clone();
        flipped[position] ^= 1;
        shop.write("pae", &flipped);
        let output = shop.try_run(verify);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "byte {position}");
        assert!(said.contains("Signature Verification Failure"), "byte {position}: {said}");
    }
}

#[test]
fn a_signature_made_by_openssl_is_accepted_until_a_byte_is_flipped() {
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out key.pem");
    shop.run("pkey -in key.pem -pubout -out pub.pem");
    let key = VerifyingKey::from_pem(&shop.read("pub.pem")).unwrap();
    let payload = statement().to_json();
    let (type_length, length) = (PAYLOAD_TYPE.len(), payload.len());
    shop.write("pae", format!("DSSEv1 {type_length} {PAYLOAD_TYPE} {length} {payload}"));
    shop.run("pkeyutl -sign -inkey key.pem -rawin -in pae -out sig");

    let mut signature = shop.read("sig");
    let envelope = |signature: &[u8]| {
        let (payload, sig) = (STANDARD.encode(&payload), STANDARD.encode(signature));
        let json = format!(
            r#"{{"payloadType":"{PAYLOAD_TYPE}","payload":"{payload}","signatures":[{{"sig":"{sig}"}}]}}"#
        );
        SignatureEnvelope::parse(json.as_bytes()).expect("well formed")
    };
    assert_eq!(envelope(&signature).verify(&key).unwrap().statement(), &statement());
    signature[10] ^= 1;
    assert!(matches!(
        envelope(&signature).verify(&key),
        Err(EnvelopeError::InvalidSignature { fingerprint }) if fingerprint == key.fingerprint()
    ));
}

/// No error may show a line of the file, in any of the ways that it can be
/// printed.
fn assert_shows_nothing_of(file: &[u8], error: &PemError, about: &str) {
    let shown = format!("{error} {error:?} {error:#?}");
    for line in String::from_utf8_lossy(file).lines().filter(|line| !line.starts_with("-----")) {
        for part in line.split_whitespace().filter(|part| part.len() >= 8) {
            assert!(!shown.contains(part), "{about}: {shown}");
        }
    }
}

#[test]
fn wrong_key_files_are_named_and_not_shown() {
    use PemForm::*;
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out ed25519.pem");
    shop.run("pkey -in ed25519.pem -pubout -out ed25519.pub");
    shop.run("pkey -in ed25519.pem -aes-256-cbc -passout pass:secret -out encrypted.pem");
    shop.run("pkey -in ed25519.pem -outform DER -out key.der");
    shop.run("pkey -in ed25519.pem -pubout -outform DER -out pub.der");
    shop.run("req -new -x509 -key ed25519.pem -subj /CN=test -days 1 -out certificate.pem");
    shop.run("req -new -key ed25519.pem -subj /CN=test -out request.pem");
    shop.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    shop.run("rsa -in rsa.pem -traditional -out rsa-traditional.pem");
    shop.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    shop.run("genpkey -algorithm X25519 -out x25519.pem");
    shop.run("genpkey -algorithm ED448 -out ed448.pem");
    for name in ["rsa", "ec", "x25519", "ed448"] {
        shop.run(&format!("pkey -in {name}.pem -pubout -out {name}.pub"));
    }
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "someone@example", "-f", "ssh"]);
    assert!(run(&mut keygen, shop.directory()).status.success());

    let algorithm = |oid: &str, name| PemError::Algorithm { oid: oid.to_owned(), name: Some(name) };
    let rsa = || algorithm("1.2.840.113549.1.1.1", "RSA");
    let ec = || algorithm("1.2.840.10045.2.1", "elliptic curve (ECDSA)");
    let x25519 = || algorithm("1.3.101.110", "X25519");
    let ed448 = || algorithm("1.3.101.113", "Ed448");
    let not_private = |found| PemError::WrongForm { expected: PrivateKey, found };
    let not_public = |found| PemError::WrongForm { expected: PublicKey, found };

    for (file, as_private, as_public) in [
        ("rsa.pem", rsa(), not_public(PrivateKey)),
        ("rsa.pub", not_private(PublicKey), rsa()),
        ("ec.pem", ec(), not_public(PrivateKey)),
        ("ec.pub", not_private(PublicKey), ec()),
        ("x25519.pem", x25519(), not_public(PrivateKey)),
        ("x25519.pub", not_private(PublicKey), x25519()),
        ("ed448.pem", ed448(), not_public(PrivateKey)),
        ("ed448.pub", not_private(PublicKey), ed448()),
        ("rsa-traditional.pem", not_private(LegacyPrivateKey), not_public(LegacyPrivateKey)),
        ("encrypted.pem", PemError::PassphraseNeeded, not_public(EncryptedPrivateKey)),
        ("certificate.pem", not_private(Certificate), not_public(Certificate)),
        ("request.pem", not_private(Certificate), not_public(Certificate)),
        ("key.der", not_private(Der), not_public(Der)),
        ("pub.der", not_private(Der), not_public(Der)),
        ("ssh", not_private(OpensshPrivateKey), not_public(OpensshPrivateKey)),
        ("ssh.pub", not_private(OpensshPublicKey), not_public(OpensshPublicKey)),
    ] {
        let text = shop.read(file);
        for (error, expected) in [
            (SigningKey::from_pem(&text).unwrap_err(), as_private),
            (VerifyingKey::from_pem(&text).unwrap_err(), as_public),
        ] {
            assert_eq!(error, expected, "{file}");
            assert_shows_nothing_of(&text, &error, file);
        }
    }
}

#[test]
fn spoilt_copies_of_good_files_are_named_and_not_shown() {
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out key.pem");
    shop.run("pkey -in key.pem -pubout -out pub.pem");
    let (private, public) = (shop.read("key.pem"), shop.read("pub.pem"));
    let oversized = |text: &[u8]| [text, &vec![b'\n'; MAX_PEM_SIZE][..]].concat();
    let twice = |text: &[u8]| text.repeat(2);
    let half = |text: &[u8]| text[..text.len() / 2].to_vec();
    let too_large = || PemError::TooLarge { limit: MAX_PEM_SIZE };
    let several = || PemError::SeveralBlocks { found: 2 };
    let crossed = |expected, found| PemError::WrongForm { expected, found };
    for (text, expected) in [
        (oversized(&private), too_large()),
        (twice(&private), several()),
        ([&private[..], &public[..]].concat(), several()),
        (half(&private), PemError::Malformed),
        (Vec::new(), crossed(PemForm::PrivateKey, PemForm::Empty)),
        (public.clone(), crossed(PemForm::PrivateKey, PemForm::PublicKey)),
    ] {
        let error = SigningKey::from_pem(&text).unwrap_err();
        assert_eq!(error, expected);
        assert_shows_nothing_of(&text, &error, &expected.to_string());
    }
    for (text, expected) in [
        (oversized(&public), too_large()),
        (twice(&public), several()),
        ([&public[..], &private[..]].concat(), several()),
        (half(&public), PemError::Malformed),
        (Vec::new(), crossed(PemForm::PublicKey, PemForm::Empty)),
        (private.clone(), crossed(PemForm::PublicKey, PemForm::PrivateKey)),
    ] {
        let error = VerifyingKey::from_pem(&text).unwrap_err();
        assert_eq!(error, expected);
        assert_shows_nothing_of(&text, &error, &expected.to_string());
    }
}

#[test]
fn files_of_openssl_with_other_line_ends_are_accepted() {
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out key.pem");
    shop.run("pkey -in key.pem -pubout -out pub.pem");
    let text = |file| String::from_utf8(shop.read(file)).unwrap();
    let (private, public) = (text("key.pem"), text("pub.pem"));
    let key = VerifyingKey::from_pem(public.as_bytes()).unwrap();
    for variant in [|text: &str| text.replace('\n', "\r\n"), |text: &str| format!("{text}\n\n\n")] {
        let read = SigningKey::from_pem(variant(&private).as_bytes()).unwrap();
        assert_eq!(read.verifying_key(), key);
        assert_eq!(VerifyingKey::from_pem(variant(&public).as_bytes()), Ok(key));
    }
}
