//! A revoked key that is reinstated, and one that cannot be.

use signing_crypto::{KeyId, TrustedKeyId};
use signing_trust::TrustError;
use signing_trust::store::{Change, Revocation, StoreError};
use tracing::Level;

use super::recorded_store::{RecordedStore, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_keys_reinstatement_is_told_once,
    a_trusted_keys_reinstatement_is_told_once,
}

async fn a_signing_keys_reinstatement_is_told_once(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    let key =
        recorded.keys.revoke_signing_key(id, Revocation::retired()).await.unwrap().into_inner();
    recorded.heard();
    let note = "retired too early".parse().unwrap();
    let reinstate = async |id| recorded.keys.reinstate_signing_key(id, &note).await;
    reinstate(id).await.unwrap();
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.reinstated"),
            ("org_id", &recorded.org),
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
    recorded.told_nothing();
    recorded.keys.revoke_signing_key(id, Revocation::compromised()).await.unwrap();
    recorded.heard();
    assert_refused!(reinstate(id).await, TrustError::Store(StoreError::Compromised { .. }));
    recorded.told_nothing();
    recorded
        .logged(&[
            "key.signing.created",
            "key.signing.revoked",
            "key.signing.reinstated",
            "key.signing.revoked",
        ])
        .await;
}

async fn a_trusted_keys_reinstatement_is_told_once(recorded: RecordedStore) {
    let key = seed_key().verifying_key();
    let row = recorded
        .keys
        .trust_public_key(recorded.org, &key, None, None)
        .await
        .unwrap()
        .into_inner()
        .id;
    recorded.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    recorded.heard();
    let note = "a mistake".parse().unwrap();
    let reinstate = async |row| recorded.keys.reinstate_trusted_key(row, &note).await;
    reinstate(row).await.unwrap();
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.trusted.reinstated"),
            ("org_id", &recorded.org),
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
    recorded.told_nothing();
    recorded.logged(&["key.trusted.added", "key.trusted.revoked", "key.trusted.reinstated"]).await;
}
