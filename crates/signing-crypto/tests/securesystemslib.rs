//! Envelopes made by securesystemslib, the Python library under in-toto and TUF
//! (see `data/README.md`).

use signing_crypto::{
    EnvelopeError, MalformedEnvelope, PackageDigest, SignatureEnvelope, SigningKey, VerifyingKey,
};

const ENVELOPE: &str = include_str!("data/securesystemslib.json");
const OWN_KEYID: &str = include_str!("data/securesystemslib-own-keyid.json");
const PUBLIC_KEY: &str = include_str!("data/securesystemslib.pem");

fn key() -> VerifyingKey {
    VerifyingKey::from_pem(PUBLIC_KEY.as_bytes()).expect("Python writes SPKI")
}

fn parse(text: &str) -> SignatureEnvelope {
    SignatureEnvelope::parse(text.as_bytes()).expect("Python writes DSSE")
}

#[test]
fn an_envelope_of_securesystemslib_is_accepted() {
    let envelope = parse(ENVELOPE);
    assert_eq!(envelope.signatures()[0].claimed_signer(), Some(key().fingerprint()));
    let verified = envelope.verify(&key()).unwrap();
    let content = PackageDigest::of_reader(&b"the package's bytes"[..]).unwrap();
    let statement = verified.statement();
    assert_eq!(verified.signer(), &key());
    assert_eq!(statement.name().as_str(), "libworkflow.so");
    assert_eq!((statement.digest(), statement.size()), (&content.digest, content.size));
    assert_eq!(statement.signed_at().to_string(), "2026-01-28T12:00:00Z");
}

#[test]
fn its_own_keyid_names_another_key_and_none_is_tried() {
    let envelope = parse(OWN_KEYID);
    let claimed = envelope.signatures()[0].claimed_signer().expect("it has a fingerprint's form");
    assert_ne!(claimed, key().fingerprint());
    assert!(matches!(
        envelope.verify(&key()),
        Err(EnvelopeError::NotSignedBy { fingerprint }) if fingerprint == key().fingerprint()
    ));
    // Only the hint is in the way.
    let unnamed = parse(&OWN_KEYID.replace(&claimed.to_string(), ""));
    assert_eq!(unnamed.signatures()[0].claimed_signer(), None);
    let statement = unnamed.verify(&key()).unwrap().statement().clone();
    assert_eq!(&statement, parse(ENVELOPE).verify(&key()).unwrap().statement());
}

#[test]
fn it_is_not_accepted_for_another_key() {
    let other = SigningKey::generate().unwrap();
    let named =
        ENVELOPE.replace(&key().fingerprint().to_string(), &other.fingerprint().to_string());
    assert!(matches!(
        parse(ENVELOPE).verify(&other.verifying_key()),
        Err(EnvelopeError::NotSignedBy { fingerprint }) if fingerprint == other.fingerprint()
    ));
    assert!(matches!(
        parse(&named).verify(&other.verifying_key()),
        Err(EnvelopeError::InvalidSignature { fingerprint }) if fingerprint == other.fingerprint()
    ));
}

#[test]
fn one_flipped_byte_of_payload_or_signature_is_refused() {
    for field in ["\"payload\": \"", "\"sig\": \""] {
        let start = ENVELOPE.find(field).expect("json.dump writes a space") + field.len();
        let mut bytes = ENVELOPE.as_bytes().to_vec();
        // Another letter of base64, so that the change gets as far as the signature.
        bytes[start + 8] = if bytes[start + 8] == b'A' { b'B' } else { b'A' };
        let envelope = SignatureEnvelope::parse(&bytes).unwrap();
        assert!(
            matches!(envelope.verify(&key()), Err(EnvelopeError::InvalidSignature { .. })),
            "{field}"
        );
    }
}

#[test]
fn it_is_refused_when_cut_short() {
    assert!(matches!(
        SignatureEnvelope::parse(&ENVELOPE.as_bytes()[..ENVELOPE.len() - 3]),
        Err(MalformedEnvelope::Json(_))
    ));
}
