//! What a rotation does is told as if it were done by hand.

use std::fmt::Display;

use signing_crypto::{Fingerprint, KeyId, SignatureEnvelope, SigningKey};
use signing_trust::store::{Change, SigningKeyRecord};
use signing_trust::{Resign, TrustError};
use tracing::Level;

use super::recorded_store::{RecordedStore, seed_key, statement};
use crate::support::{kek, on_both_backends};

on_both_backends! {
    a_successors_making_and_trust_are_told_once_each,
    a_signature_in_anothers_place_is_told_once_as_signed_and_stored,
    a_signature_beside_a_full_envelope_is_told_once_as_signed_and_stored,
    a_kek_rotation_is_told_once_for_each_organization_with_keys,
}

type Told<'a> = (Level, Vec<(&'static str, &'a dyn Display)>);

fn signed<'a>(
    recorded: &'a RecordedStore,
    id: &'a KeyId,
    fingerprint: &'a Fingerprint,
) -> Told<'a> {
    let fields: Vec<(&'static str, &dyn Display)> = vec![
        ("event_type", &"package.signed"),
        ("org_id", &recorded.org),
        ("key_id", id),
        ("key_fingerprint", fingerprint),
        ("package_name", &"a.so"),
        ("package_hash", &HASH),
    ];
    (Level::INFO, fields)
}

fn stored(recorded: &RecordedStore) -> Told<'_> {
    let fields: Vec<(&'static str, &dyn Display)> = vec![
        ("event_type", &"package.signature.stored"),
        ("org_id", &recorded.org),
        ("package_name", &"a.so"),
        ("package_hash", &HASH),
    ];
    (Level::INFO, fields)
}

/// The digest that every statement here is about.
const HASH: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[track_caller]
fn told(recorded: &RecordedStore, expected: &[Told<'_>]) {
    let expected: Vec<_> = expected.iter().map(|(level, fields)| (*level, &fields[..])).collect();
    recorded.told_in_order(&expected);
}

/// A key that signs, and its successor, after the event about the successor.
async fn rotated(recorded: &RecordedStore) -> (KeyId, SigningKeyRecord) {
    let name = "ci".parse().unwrap();
    let old = recorded.keys.import_signing_key(recorded.org, name, &seed_key()).await.unwrap().id;
    let rotation = recorded.keys.rotate_signing_key(old, None, Resign::Leave).await.unwrap();
    recorded.heard();
    (old, rotation.successor.into_inner())
}

async fn a_successors_making_and_trust_are_told_once_each(recorded: RecordedStore) {
    let name = "ci".parse().unwrap();
    let old = recorded.keys.import_signing_key(recorded.org, name, &seed_key()).await.unwrap().id;
    recorded
        .keys
        .trust_public_key(recorded.org, &seed_key().verifying_key(), None, None)
        .await
        .unwrap();
    recorded.heard();
    let rotation = recorded.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    let new = rotation.successor.into_inner();
    let row = rotation.trusted.unwrap().into_inner();
    let about = |event_type, id| -> Told<'_> {
        let fields: Vec<(&'static str, &dyn Display)> = vec![
            ("event_type", event_type),
            ("org_id", &recorded.org),
            ("name", &"ci.2"),
            ("key_id", id),
            ("key_fingerprint", &new.fingerprint),
        ];
        (Level::INFO, fields)
    };
    let (mut made, trusted) =
        (about(&"key.signing.created", &new.id), about(&"key.trusted.added", &row.id));
    made.1.push(("predecessor_id", &old));
    told(&recorded, &[made, trusted]);
    recorded.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    recorded.told_nothing();
}

async fn a_signature_in_anothers_place_is_told_once_as_signed_and_stored(recorded: RecordedStore) {
    let (old, new) = rotated(&recorded).await;
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    recorded.keys.store_signature(recorded.org, &envelope).await.unwrap();
    recorded.heard();
    for resign in [Resign::Leave, Resign::All, Resign::All] {
        let rotation = recorded.keys.rotate_signing_key(old, None, resign.clone()).await.unwrap();
        match rotation.signatures.added {
            1 => {
                told(&recorded, &[signed(&recorded, &new.id, &new.fingerprint), stored(&recorded)]);
            }
            _ => recorded.told_nothing(),
        }
        assert_eq!(rotation.signatures.left, u64::from(resign == Resign::Leave));
    }
    let logged = ["key.signing.created", "key.signing.created"];
    recorded.logged(&logged).await;
}

async fn a_signature_beside_a_full_envelope_is_told_once_as_signed_and_stored(
    recorded: RecordedStore,
) {
    let (old, new) = rotated(&recorded).await;
    let mut full = SignatureEnvelope::sign(&statement(), &seed_key());
    while full.add_signature(&SigningKey::generate().unwrap()).is_ok() {}
    recorded.keys.store_signature(recorded.org, &full).await.unwrap();
    recorded.heard();
    let rotation = recorded.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(rotation.signatures.added, 1);
    told(&recorded, &[signed(&recorded, &new.id, &new.fingerprint), stored(&recorded)]);
    let rotation = recorded.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(rotation.signatures.already, 1);
    recorded.told_nothing();
}

async fn a_kek_rotation_is_told_once_for_each_organization_with_keys(recorded: RecordedStore) {
    recorded.signing_key().await;
    let child = recorded.child().await;
    for name in ["one", "two"] {
        recorded.keys.create_signing_key(child, name.parse().unwrap()).await.unwrap();
    }
    recorded.keys.create_organization("without".parse().unwrap()).await.unwrap();
    recorded.heard();
    let (old, new) = (kek(1).id(), kek(2).id());
    recorded.keys.rotate_kek(&kek(2)).await.unwrap();
    let about = |org, keys| -> Told<'_> {
        let fields: Vec<(&'static str, &dyn Display)> = vec![
            ("event_type", &"kek.rotated"),
            ("org_id", org),
            ("old_kek_id", &old),
            ("new_kek_id", &new),
            ("keys", keys),
        ];
        (Level::INFO, fields)
    };
    let mut expected = [(&recorded.org, about(&recorded.org, &1)), (&child, about(&child, &2))];
    expected.sort_by_key(|(org, _)| **org);
    told(&recorded, &expected.map(|(_, told)| told));

    let again = recorded.keys.rotate_kek(&kek(2)).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    let same = recorded.keys.rotate_kek(&kek(1)).await;
    assert!(matches!(same, Err(TrustError::SameKek)));
    recorded.told_nothing();
    recorded.logged(&["key.signing.created", "kek.rotated"]).await;
}
