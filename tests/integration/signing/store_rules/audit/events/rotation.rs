//! What a rotation does is told as if it were done by hand.

use std::fmt::Display;

use signing_crypto::{Fingerprint, KeyId, SignatureEnvelope, SigningKey};
use signing_trust::store::{Change, SigningKeyRecord};
use signing_trust::{Resign, TrustError};
use tracing::Level;

use super::bench::{Bench, seed_key, statement};
use crate::support::{kek, on_both_backends};

on_both_backends! {
    a_successors_making_and_trust_are_told_once_each,
    a_signature_in_anothers_place_is_told_once_as_signed_and_stored,
    a_signature_beside_a_full_envelope_is_told_once_as_signed_and_stored,
    a_kek_rotation_is_told_once_for_each_organization_with_keys,
}

type Told<'a> = (Level, Vec<(&'static str, &'a dyn Display)>);

fn signed<'a>(bench: &'a Bench, id: &'a KeyId, fingerprint: &'a Fingerprint) -> Told<'a> {
    let fields: Vec<(&'static str, &dyn Display)> = vec![
        ("event_type", &"package.signed"),
        ("org_id", &bench.org),
        ("key_id", id),
        ("key_fingerprint", fingerprint),
        ("package_name", &"a.so"),
        ("package_hash", &HASH),
    ];
    (Level::INFO, fields)
}

fn stored(bench: &Bench) -> Told<'_> {
    let fields: Vec<(&'static str, &dyn Display)> = vec![
        ("event_type", &"package.signature.stored"),
        ("org_id", &bench.org),
        ("package_name", &"a.so"),
        ("package_hash", &HASH),
    ];
    (Level::INFO, fields)
}

/// The digest that every statement here is about.
const HASH: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[track_caller]
fn told(bench: &Bench, expected: &[Told<'_>]) {
    let expected: Vec<_> = expected.iter().map(|(level, fields)| (*level, &fields[..])).collect();
    bench.told_in_order(&expected);
}

/// A key that signs, and its successor, after the event about the successor.
async fn rotated(bench: &Bench) -> (KeyId, SigningKeyRecord) {
    let name = "ci".parse().unwrap();
    let old = bench.keys.import_signing_key(bench.org, name, &seed_key()).await.unwrap().id;
    let rotation = bench.keys.rotate_signing_key(old, None, Resign::Leave).await.unwrap();
    bench.heard();
    (old, rotation.successor.into_inner())
}

async fn a_successors_making_and_trust_are_told_once_each(bench: Bench) {
    let name = "ci".parse().unwrap();
    let old = bench.keys.import_signing_key(bench.org, name, &seed_key()).await.unwrap().id;
    bench.keys.trust_public_key(bench.org, &seed_key().verifying_key(), None, None).await.unwrap();
    bench.heard();
    let rotation = bench.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    let new = rotation.successor.into_inner();
    let row = rotation.trusted.unwrap().into_inner();
    let about = |event_type, id| -> Told<'_> {
        let fields: Vec<(&'static str, &dyn Display)> = vec![
            ("event_type", event_type),
            ("org_id", &bench.org),
            ("name", &"ci.2"),
            ("key_id", id),
            ("key_fingerprint", &new.fingerprint),
        ];
        (Level::INFO, fields)
    };
    let (mut made, trusted) =
        (about(&"key.signing.created", &new.id), about(&"key.trusted.added", &row.id));
    made.1.push(("predecessor_id", &old));
    told(&bench, &[made, trusted]);
    bench.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    bench.told_nothing();
}

async fn a_signature_in_anothers_place_is_told_once_as_signed_and_stored(bench: Bench) {
    let (old, new) = rotated(&bench).await;
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    bench.keys.store_signature(bench.org, &envelope).await.unwrap();
    bench.heard();
    for resign in [Resign::Leave, Resign::All, Resign::All] {
        let rotation = bench.keys.rotate_signing_key(old, None, resign).await.unwrap();
        match rotation.signatures.added {
            1 => told(&bench, &[signed(&bench, &new.id, &new.fingerprint), stored(&bench)]),
            _ => bench.told_nothing(),
        }
        assert_eq!(rotation.signatures.left, u64::from(resign == Resign::Leave));
    }
    let logged = ["key.signing.created", "key.signing.created"];
    bench.logged(&logged).await;
}

async fn a_signature_beside_a_full_envelope_is_told_once_as_signed_and_stored(bench: Bench) {
    let (old, new) = rotated(&bench).await;
    let mut full = SignatureEnvelope::sign(&statement(), &seed_key());
    while full.add_signature(&SigningKey::generate().unwrap()).is_ok() {}
    bench.keys.store_signature(bench.org, &full).await.unwrap();
    bench.heard();
    let rotation = bench.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(rotation.signatures.added, 1);
    told(&bench, &[signed(&bench, &new.id, &new.fingerprint), stored(&bench)]);
    let rotation = bench.keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(rotation.signatures.already, 1);
    bench.told_nothing();
}

async fn a_kek_rotation_is_told_once_for_each_organization_with_keys(bench: Bench) {
    bench.signing_key().await;
    let child = bench.child().await;
    for name in ["one", "two"] {
        bench.keys.create_signing_key(child, name.parse().unwrap()).await.unwrap();
    }
    bench.keys.create_organization("without".parse().unwrap()).await.unwrap();
    bench.heard();
    let (old, new) = (kek(1).id(), kek(2).id());
    bench.keys.rotate_kek(&kek(2)).await.unwrap();
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
    let mut expected = [(&bench.org, about(&bench.org, &1)), (&child, about(&child, &2))];
    expected.sort_by_key(|(org, _)| **org);
    told(&bench, &expected.map(|(_, told)| told));

    let again = bench.keys.rotate_kek(&kek(2)).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    let same = bench.keys.rotate_kek(&kek(1)).await;
    assert!(matches!(same, Err(TrustError::SameKek)));
    bench.told_nothing();
    bench.logged(&["key.signing.created", "kek.rotated"]).await;
}
