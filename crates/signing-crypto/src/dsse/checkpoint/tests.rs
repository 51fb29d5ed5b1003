use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::digest::PackageDigest;
use crate::dsse::{AddSignatureError, EnvelopeError, MalformedStatement, PackageStatement};
use crate::key::SigningKey;

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([fill; 32]))
}

fn checkpoint() -> AuditCheckpoint {
    AuditCheckpoint {
        store: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
        org: "936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap(),
        org_name: "acme".parse().unwrap(),
        sequence: 42,
        entry_hash: EntryHash::from_bytes([7; 32]),
        created_at: "2026-01-28T12:00:00Z".parse().unwrap(),
    }
}

fn package() -> PackageStatement {
    let signed_at = "2026-01-28T12:00:00Z".parse().unwrap();
    PackageStatement::new("a.so".parse().unwrap(), PackageDigest::from_bytes([7; 32]), 1, signed_at)
}

/// What comes of a statement that is signed whatever it says.
fn read(statement: &str) -> Result<AuditCheckpoint, CheckpointError> {
    let envelope = SignatureEnvelope::sign_statement(statement.into(), &key(1)).unwrap();
    SignedCheckpoint(envelope).verify(&key(1).verifying_key()).map(|read| read.checkpoint)
}

fn edited(change: impl FnOnce(&mut Value)) -> Result<AuditCheckpoint, CheckpointError> {
    let mut statement = serde_json::from_str(&checkpoint().to_json()).unwrap();
    change(&mut statement);
    read(&statement.to_string())
}

#[test]
fn signed_checkpoint_round_trips() {
    let signed = SignedCheckpoint::sign(&checkpoint(), &key(1)).unwrap();
    let read = SignedCheckpoint::parse(signed.to_json().as_bytes()).unwrap();
    let verified = read.verify(&key(1).verifying_key()).unwrap();
    assert_eq!(verified.checkpoint(), &checkpoint());
    assert_eq!(verified.signer(), &key(1).verifying_key());
    assert!(!signed.to_json().contains('\n'));
}

#[test]
fn statement_has_its_documented_form() {
    let expected = concat!(
        r#"{"_type":"https://in-toto.io/Statement/v1","#,
        r#""subject":[{"name":"936da01f-9abd-4d9d-80c7-02af85c822a8","digest":{"sha256":"#,
        r#""0707070707070707070707070707070707070707070707070707070707070707"}}],"#,
        r#""predicateType":"urn:cloacina:audit-checkpoint:v1","#,
        r#""predicate":{"storeId":"67e55044-10b1-426f-9247-bb680e5fe0c8","#,
        r#""organization":"acme","sequence":42,"createdAt":"2026-01-28T12:00:00Z"}}"#,
    );
    assert_eq!(checkpoint().to_json(), expected);
}

#[test]
fn checkpoint_of_another_key_is_rejected() {
    let signed = SignedCheckpoint::sign(&checkpoint(), &key(1)).unwrap();
    let refused = signed.verify(&key(2).verifying_key()).unwrap_err();
    assert!(matches!(refused, CheckpointError::Signature(EnvelopeError::NotSignedBy { .. })));

    let mut unnamed: Value = serde_json::from_str(&signed.to_json()).unwrap();
    unnamed["signatures"][0].as_object_mut().unwrap().remove("keyid").unwrap();
    let unnamed = SignedCheckpoint::parse(unnamed.to_string().as_bytes()).unwrap();
    unnamed.verify(&key(1).verifying_key()).unwrap();
    let refused = unnamed.verify(&key(2).verifying_key()).unwrap_err();
    assert!(matches!(refused, CheckpointError::Signature(EnvelopeError::InvalidSignature { .. })));
}

#[test]
fn checkpoint_that_says_more_than_was_signed_is_rejected() {
    let signed = SignedCheckpoint::sign(&checkpoint(), &key(1)).unwrap();
    let other = AuditCheckpoint { sequence: 41, ..checkpoint() };
    let mut forged: Value = serde_json::from_str(&signed.to_json()).unwrap();
    let other: Value =
        serde_json::from_str(&SignedCheckpoint::sign(&other, &key(1)).unwrap().to_json()).unwrap();
    forged["payload"] = other["payload"].clone();
    let forged = SignedCheckpoint::parse(forged.to_string().as_bytes()).unwrap();
    let refused = forged.verify(&key(1).verifying_key()).unwrap_err();
    assert!(matches!(refused, CheckpointError::Signature(EnvelopeError::InvalidSignature { .. })));
}

#[test]
fn package_signature_is_no_checkpoint() {
    let signature = SignatureEnvelope::sign(&package(), &key(1));
    let read = SignedCheckpoint::parse(signature.to_json().as_bytes()).unwrap();
    let refused = read.verify(&key(1).verifying_key()).unwrap_err();
    assert!(matches!(
        refused,
        CheckpointError::Malformed(MalformedCheckpoint::Statement(
            MalformedStatement::PredicateType { expected: CHECKPOINT_TYPE, found }
        )) if found == crate::PREDICATE_TYPE
    ));
}

#[test]
fn checkpoint_is_no_package_signature() {
    let signed = SignedCheckpoint::sign(&checkpoint(), &key(1)).unwrap();
    let mut read = SignatureEnvelope::parse(signed.to_json().as_bytes()).unwrap();
    let refused = read.verify(&key(1).verifying_key()).unwrap_err();
    assert!(matches!(refused, EnvelopeError::Malformed(_)), "{refused:?}");
    let unread = read.unverified_statement();
    let Err(MalformedEnvelope::Statement(unread)) = unread else { panic!("{unread:?}") };
    assert!(matches!(unread, MalformedStatement::PredicateType { .. }), "{unread:?}");
    assert!(matches!(read.add_signature(&key(2)), Err(AddSignatureError::Malformed(_))));
}

#[test]
fn other_predicate_type_does_not_turn_one_into_the_other() {
    // A package's statement that calls itself a checkpoint, and the other way round.
    let package = package().to_json().replace(crate::PREDICATE_TYPE, CHECKPOINT_TYPE);
    assert!(matches!(read(&package), Err(CheckpointError::Malformed(_))));

    let renamed = checkpoint().to_json().replace(CHECKPOINT_TYPE, crate::PREDICATE_TYPE);
    let envelope = SignatureEnvelope::sign_statement(renamed, &key(1)).unwrap();
    let refused = envelope.verify(&key(1).verifying_key()).unwrap_err();
    assert!(matches!(refused, EnvelopeError::Malformed(_)));
}

#[test]
fn every_checkpoint_that_is_read_can_be_written_and_read_again() {
    let dated = |time: &str| edited(|it| it["predicate"]["createdAt"] = time.into());
    for time in
        ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:58:59.5-00:01"]
    {
        let checkpoint = dated(time).unwrap();
        assert_eq!(read(&checkpoint.to_json()).unwrap(), checkpoint, "{time}");
    }
    // Within the years by their own offset, beyond them in UTC.
    for time in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"] {
        let refused = dated(time).unwrap_err();
        assert!(
            matches!(
                refused,
                CheckpointError::Malformed(MalformedCheckpoint::Field { field: "createdAt" })
            ),
            "{time}: {refused:?}"
        );
    }
}

#[test]
fn statements_of_another_form_are_rejected() {
    assert_eq!(edited(|_| {}).unwrap(), checkpoint());
    let hash = "07".repeat(32);
    type Edit = Box<dyn FnOnce(&mut Value)>;
    let edits: [(&str, Edit); 13] = [
        ("type", Box::new(|it| it["_type"] = "https://in-toto.io/Statement/v0.1".into())),
        ("more", Box::new(|it| it["more"] = 1.into())),
        ("no subject", Box::new(|it| it["subject"] = json!([]))),
        (
            "subjects",
            Box::new(|it| {
                let subject = it["subject"][0].clone();
                it["subject"].as_array_mut().unwrap().push(subject);
            }),
        ),
        ("array", Box::new(move |it| it["subject"][0]["digest"] = json!([hash]))),
        ("hash", Box::new(|it| it["subject"][0]["digest"]["sha256"] = "07".into())),
        ("org", Box::new(|it| it["subject"][0]["name"] = "acme".into())),
        ("store", Box::new(|it| it["predicate"]["storeId"] = "1".into())),
        ("name", Box::new(|it| it["predicate"]["organization"] = "a b".into())),
        ("none", Box::new(|it| it["predicate"]["sequence"] = 0.into())),
        ("negative", Box::new(|it| it["predicate"]["sequence"] = (-1).into())),
        ("time", Box::new(|it| it["predicate"]["createdAt"] = "yesterday".into())),
        ("unknown", Box::new(|it| it["predicate"]["expiresAt"] = "2026-01-28T12:00:00Z".into())),
    ];
    for (what, edit) in edits {
        let read = edited(edit);
        assert!(matches!(read, Err(CheckpointError::Malformed(_))), "{what}: {read:?}");
    }
    let twice = checkpoint().to_json().replace(r#""sequence":42"#, r#""sequence":42,"sequence":1"#);
    assert!(matches!(read(&twice), Err(CheckpointError::Malformed(_))));
}
