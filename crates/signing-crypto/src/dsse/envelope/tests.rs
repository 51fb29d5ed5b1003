use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::digest::PackageDigest;
use crate::dsse::MalformedStatement;
use crate::key::SigningKey;

mod content;
mod hostile;
mod json;
mod signers;

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([fill; 32]))
}

fn statement() -> PackageStatement {
    PackageStatement::new(
        "libworkflow.so".parse().unwrap(),
        PackageDigest::from_bytes([7; 32]),
        123_456,
        "2026-01-28T12:00:00Z".parse().unwrap(),
    )
}

/// DSSE's pre-authentication encoding, written a second time.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"DSSEv1 ".to_vec();
    for (end, part) in [(&b" "[..], payload_type.as_bytes()), (b"", payload)] {
        bytes.extend_from_slice(part.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(end);
    }
    bytes
}

/// What `signatures` holds for `key`, without a keyid.
fn unnamed(key: &SigningKey, payload_type: &str, payload: &[u8]) -> Value {
    json!({ "sig": STANDARD.encode(key.sign_bytes(&pae(payload_type, payload))) })
}

/// The same with a keyid of any type.
fn named(keyid: impl Into<Value>, mut signature: Value) -> Value {
    signature["keyid"] = keyid.into();
    signature
}

fn wire(payload_type: &str, payload: &[u8], signatures: &[Value]) -> String {
    let payload = STANDARD.encode(payload);
    json!({ "payloadType": payload_type, "payload": payload, "signatures": signatures }).to_string()
}

fn parse(text: &str) -> SignatureEnvelope {
    SignatureEnvelope::parse(text.as_bytes()).unwrap()
}

/// An envelope around [`statement`] with these signatures.
fn with_signatures(signatures: &[Value]) -> SignatureEnvelope {
    parse(&wire(PAYLOAD_TYPE, statement().to_json().as_bytes(), signatures))
}

fn sig(key: &SigningKey) -> Value {
    unnamed(key, PAYLOAD_TYPE, statement().to_json().as_bytes())
}

fn malformed(bytes: &[u8]) -> MalformedEnvelope {
    SignatureEnvelope::parse(bytes).unwrap_err()
}

/// What is wrong with a payload that a good key signed. That it is said to
/// nobody but those who ask for that key is checked on the way.
fn fault_of_signed(payload_type: &str, payload: &[u8]) -> MalformedEnvelope {
    let (good, other) = (key(1), key(2).verifying_key());
    let signature = unnamed(&good, payload_type, payload);
    let anonymous = parse(&wire(payload_type, payload, std::slice::from_ref(&signature)));
    let error = anonymous.verify(&other).unwrap_err();
    assert!(matches!(error, EnvelopeError::InvalidSignature { .. }), "{error}");

    let signature = named(good.fingerprint().to_string(), signature);
    let envelope = parse(&wire(payload_type, payload, &[signature]));
    let error = envelope.verify(&other).unwrap_err();
    assert!(matches!(error, EnvelopeError::NotSignedBy { .. }), "{error}");
    match envelope.verify(&good.verifying_key()) {
        Err(EnvelopeError::Malformed(fault)) => fault,
        other => panic!("{other:?} for {}", String::from_utf8_lossy(payload)),
    }
}

fn is_envelope_json(fault: &MalformedEnvelope) -> bool {
    matches!(fault, MalformedEnvelope::Json(_))
}

fn is_statement_json(fault: &MalformedEnvelope) -> bool {
    matches!(fault, MalformedEnvelope::Statement(MalformedStatement::Json(_)))
}

#[test]
fn a_signed_statement_survives_being_written_and_read() {
    let envelope = SignatureEnvelope::sign(&statement(), &key(1));
    let read = parse(&envelope.to_json());
    assert_eq!(read, envelope);
    let verified = read.verify(&key(1).verifying_key()).unwrap();
    assert_eq!(verified.statement(), &statement());
    assert_eq!(verified.signer(), &key(1).verifying_key());
    assert_eq!(read.unverified_statement().unwrap(), statement());
}

#[test]
fn a_statement_of_another_package_is_not_the_same() {
    let digest = PackageDigest::from_bytes([8; 32]);
    let (name, at) = (statement().name().clone(), statement().signed_at());
    let others = [
        PackageStatement::new(
            "libworkflow.so.1".parse().unwrap(),
            *statement().digest(),
            123_456,
            at,
        ),
        PackageStatement::new(name.clone(), digest, 123_456, at),
        PackageStatement::new(name, *statement().digest(), 123_457, at),
    ];
    let signature = sig(&key(1));
    for other in others {
        let stolen =
            wire(PAYLOAD_TYPE, other.to_json().as_bytes(), std::slice::from_ref(&signature));
        let error = parse(&stolen).verify(&key(1).verifying_key()).unwrap_err();
        assert!(matches!(error, EnvelopeError::InvalidSignature { .. }), "{error}");
    }
}

#[test]
fn the_json_is_compact_and_as_documented() {
    // Made by Python's cryptography, hashlib, base64 and string formatting.
    let golden = concat!(
        r#"{"payloadType":"application/vnd.in-toto+json","#,
        r#""payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0Ijpbe"#,
        r#"yJuYW1lIjoibGlid29ya2Zsb3cuc28iLCJkaWdlc3QiOnsic2hhMjU2IjoiMDcwNzA3MDcwNzA3MDcwNzA3M"#,
        r#"DcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNyJ9fV0sInByZWRpY2F0ZVR5c"#,
        r#"GUiOiJ1cm46Y2xvYWNpbmE6cGFja2FnZS1zaWduYXR1cmU6djEiLCJwcmVkaWNhdGUiOnsic2lnbmVkQXQiO"#,
        r#"iIyMDI2LTAxLTI4VDEyOjAwOjAwWiIsInNpemUiOjEyMzQ1Nn19","#,
        r#""signatures":[{"keyid":"34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf42866505f3"#,
        r#"c97e","#,
        r#""sig":"S/oomfeFGurQlx6x1k5Mz6ooTNgdZsK3a6AsH6fKOhJzs2v4ly8g4t8reES0JWWXvtD2FxueYpNqI"#,
        r#"MT2X3RrAg=="}]}"#,
    );
    assert_eq!(SignatureEnvelope::sign(&statement(), &key(1)).to_json(), golden);
    assert!(parse(golden).verify(&key(1).verifying_key()).is_ok());
}

#[test]
fn the_payload_is_the_documented_statement() {
    let digest = "07".repeat(32);
    let expected = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"libworkflow.so","digest":{{"sha256":"{digest}"}}}}],"predicateType":"urn:cloacina:package-signature:v1","predicate":{{"signedAt":"2026-01-28T12:00:00Z","size":123456}}}}"#
    );
    assert_eq!(statement().to_json(), expected);
}

#[test]
fn microseconds_survive_and_nanoseconds_are_cut() {
    for (given, kept) in [
        ("2026-01-28T12:00:00.123456Z", "2026-01-28T12:00:00.123456Z"),
        ("2026-01-28T12:00:00.123456999Z", "2026-01-28T12:00:00.123456Z"),
        ("2026-01-28T12:00:00.000000999Z", "2026-01-28T12:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60.000000Z"),
    ] {
        let (name, digest) = (statement().name().clone(), *statement().digest());
        let statement = PackageStatement::new(name, digest, 0, given.parse().unwrap());
        assert!(statement.to_json().contains(kept), "{}", statement.to_json());
        let envelope = parse(&SignatureEnvelope::sign(&statement, &key(1)).to_json());
        assert_eq!(envelope.verify(&key(1).verifying_key()).unwrap().statement(), &statement);
    }
}

#[test]
fn the_signed_bytes_are_those_of_the_dsse_specification() {
    // https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
    let text = wire("http://example.com/HelloWorld", b"hello world", &[sig(&key(1))]);
    assert_eq!(
        parse(&text).signed_bytes(),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn the_signed_bytes_count_bytes_and_not_characters() {
    let text = wire("tüp", "päylöad".as_bytes(), &[sig(&key(1))]);
    assert_eq!(parse(&text).signed_bytes(), "DSSEv1 4 tüp 9 päylöad".as_bytes());
    assert_eq!(parse(&wire("", b"", &[sig(&key(1))])).signed_bytes(), b"DSSEv1 0  0 ");
}
