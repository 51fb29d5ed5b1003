//! What is taken back, and what is for good.

use signing_crypto::{KeyId, OrgId, TrustedKeyId};
use signing_trust::TrustError;
use signing_trust::store::{Change, Revocation, StoreError};
use tracing::Level;

use super::bench::{Bench, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_keys_reinstatement_is_told_once,
    a_trusted_keys_reinstatement_is_told_once,
    a_declaration_of_compromise_is_told_once,
    a_revocation_says_why,
}

async fn a_signing_keys_reinstatement_is_told_once(bench: Bench) {
    let id = bench.signing_key().await;
    let key = bench.keys.revoke_signing_key(id).await.unwrap().into_inner();
    bench.heard();
    let note = "retired too early".parse().unwrap();
    let reinstate = async |id| bench.keys.reinstate_signing_key(id, &note).await;
    reinstate(id).await.unwrap();
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.reinstated"),
            ("org_id", &bench.org),
            ("key_id", &id),
            ("key_fingerprint", &key.fingerprint),
            ("note", &"retired too early"),
        ],
    );
    assert!(matches!(reinstate(id).await.unwrap(), Change::Unchanged(_)));
    let unknown = KeyId::random();
    assert_refused!(
        reinstate(unknown).await,
        TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == unknown
    );
    bench.told_nothing();
    bench.keys.revoke_signing_key_because(id, Revocation::compromised()).await.unwrap();
    bench.heard();
    assert_refused!(reinstate(id).await, TrustError::Store(StoreError::Compromised { .. }));
    bench.told_nothing();
    bench
        .logged(&[
            "key.signing.created",
            "key.signing.revoked",
            "key.signing.reinstated",
            "key.signing.revoked",
        ])
        .await;
}

async fn a_trusted_keys_reinstatement_is_told_once(bench: Bench) {
    let key = seed_key().verifying_key();
    let row = bench.keys.trust_public_key(bench.org, &key, None).await.unwrap().into_inner().id;
    bench.keys.revoke_trusted_key(row).await.unwrap();
    bench.heard();
    let note = "a mistake".parse().unwrap();
    let reinstate = async |row| bench.keys.reinstate_trusted_key(row, &note).await;
    reinstate(row).await.unwrap();
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.trusted.reinstated"),
            ("org_id", &bench.org),
            ("key_id", &row),
            ("key_fingerprint", &key.fingerprint()),
            ("note", &"a mistake"),
        ],
    );
    assert!(matches!(reinstate(row).await.unwrap(), Change::Unchanged(_)));
    let unknown = TrustedKeyId::random();
    assert_refused!(
        reinstate(unknown).await,
        TrustError::Store(StoreError::TrustedKeyNotFound { id }) if id == unknown
    );
    bench.told_nothing();
    bench.logged(&["key.trusted.added", "key.trusted.revoked", "key.trusted.reinstated"]).await;
}

async fn a_declaration_of_compromise_is_told_once(bench: Bench) {
    let fingerprint = seed_key().fingerprint();
    let declare = async |org, note: Option<&str>| {
        let note = note.map(|note| note.parse().unwrap());
        bench.keys.danger_declare_compromised(org, &fingerprint, note).await
    };
    declare(bench.org, Some("on a public bucket")).await.unwrap();
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.compromised"),
            ("org_id", &bench.org),
            ("key_fingerprint", &fingerprint),
            ("reason", &"compromised"),
            ("note", &"on a public bucket"),
        ],
    );
    assert!(matches!(declare(bench.org, None).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(
        declare(OrgId::random(), None).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    bench.logged(&["key.compromised"]).await;
}

async fn a_revocation_says_why(bench: Bench) {
    let id = bench.signing_key().await;
    let note = Some("a laptop was stolen".parse().unwrap());
    let revocation = Revocation::compromised().with_note(note);
    let key = bench.keys.revoke_signing_key_because(id, revocation).await.unwrap().into_inner();
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.revoked"),
            ("org_id", &bench.org),
            ("key_id", &id),
            ("key_fingerprint", &key.fingerprint),
            ("reason", &"compromised"),
            ("note", &"a laptop was stolen"),
        ],
    );
}
