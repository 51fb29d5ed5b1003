use std::fmt::Display;

use signing_crypto::{KeyId, NameKind, OrgId, TrustedKeyId};
use signing_trust::store::{Change, Revocation, StoreError};
use signing_trust::{KeyManager, TrustError};
use tracing::Level;

use super::recorded_store::{RecordedStore, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_keys_making_is_told_once,
    a_signing_keys_import_is_told_once,
    an_export_is_told_each_time_and_is_no_change,
    a_signing_keys_revocation_is_told_once,
    trusting_and_revoking_a_key_is_told_once_each,
    a_denial_is_told_once,
    a_declaration_of_compromise_is_told_once,
    a_revocation_says_why,
}

async fn a_signing_keys_making_is_told_once(recorded: RecordedStore) {
    let name = || "release".parse().unwrap();
    let key = recorded.keys.create_signing_key(recorded.org, name()).await.unwrap();
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"key.signing.created"),
            ("org_id", &recorded.org),
            ("name", &"release"),
            ("key_id", &key.id),
            ("key_fingerprint", &key.fingerprint),
        ],
    );
    assert_refused!(
        recorded.keys.create_signing_key(recorded.org, name()).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Key })
    );
    let without_kek = KeyManager::new(recorded.world.store.clone(), None);
    let refused = without_kek.create_signing_key(recorded.org, "x".parse().unwrap()).await;
    assert_refused!(refused, TrustError::NoKeyEncryptionKey);
    assert_refused!(
        recorded.keys.create_signing_key(OrgId::random(), name()).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    recorded.logged(&["key.signing.created"]).await;
}

async fn a_signing_keys_import_is_told_once(recorded: RecordedStore) {
    let import = async |name: &str| {
        recorded.keys.import_signing_key(recorded.org, name.parse().unwrap(), &seed_key()).await
    };
    let key = import("release").await.unwrap();
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"key.signing.created"),
            ("org_id", &recorded.org),
            ("name", &"release"),
            ("key_id", &key.id),
            ("key_fingerprint", &seed_key().fingerprint()),
        ],
    );
    assert_refused!(import("again").await, TrustError::Store(StoreError::SigningKeyExists));
    recorded.told_nothing();
    recorded.logged(&["key.signing.created"]).await;
}

async fn an_export_is_told_each_time_and_is_no_change(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    for _ in 0..2 {
        let key = recorded.keys.export_public_key(id).await.unwrap();
        recorded.told(
            Level::INFO,
            &[
                ("event_type", &"key.exported"),
                ("org_id", &recorded.org),
                ("key_id", &id),
                ("key_fingerprint", &key.fingerprint()),
            ],
        );
    }
    let unknown = KeyId::random();
    assert_refused!(
        recorded.keys.export_public_key(unknown).await,
        TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == unknown
    );
    recorded.told_nothing();
    recorded.logged(&["key.signing.created"]).await;
}

async fn a_signing_keys_revocation_is_told_once(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    let key =
        recorded.keys.revoke_signing_key(id, Revocation::retired()).await.unwrap().into_inner();
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.revoked"),
            ("org_id", &recorded.org),
            ("key_id", &id),
            ("key_fingerprint", &key.fingerprint),
            ("reason", &"retired"),
        ],
    );
    let again = recorded.keys.revoke_signing_key(id, Revocation::retired()).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    let unknown = KeyId::random();
    assert_refused!(
        recorded.keys.revoke_signing_key(unknown, Revocation::retired()).await,
        TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == unknown
    );
    recorded.told_nothing();
    recorded.logged(&["key.signing.created", "key.signing.revoked"]).await;
}

async fn trusting_and_revoking_a_key_is_told_once_each(recorded: RecordedStore) {
    let key = seed_key().verifying_key();
    let trust = async || recorded.keys.trust_public_key(recorded.org, &key, None, None).await;
    let row = trust().await.unwrap().into_inner().id;
    let told = |level, event_type: &'static str| {
        let fields: [(&'static str, &dyn Display); 4] = [
            ("event_type", &event_type),
            ("org_id", &recorded.org),
            ("key_id", &row),
            ("key_fingerprint", &key.fingerprint()),
        ];
        let reason: &[(&'static str, &dyn Display)] = match level {
            Level::WARN => &[("reason", &"retired")],
            _ => &[],
        };
        recorded.told(level, &[&fields, reason].concat());
    };
    told(Level::INFO, "key.trusted.added");
    assert!(matches!(trust().await.unwrap(), Change::Unchanged(_)));
    recorded.told_nothing();

    recorded.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    told(Level::WARN, "key.trusted.revoked");
    let again = recorded.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    assert_refused!(trust().await, TrustError::PreviouslyRevoked { .. });
    let unknown = TrustedKeyId::random();
    assert_refused!(
        recorded.keys.revoke_trusted_key(unknown, Revocation::retired()).await,
        TrustError::Store(StoreError::TrustedKeyNotFound { id }) if id == unknown
    );
    recorded.told_nothing();
    recorded.logged(&["key.trusted.added", "key.trusted.revoked"]).await;
}

async fn a_denial_is_told_once(recorded: RecordedStore) {
    let fingerprint = seed_key().fingerprint();
    let deny =
        async |reason| recorded.keys.deny_key(recorded.org, &fingerprint, reason).await.unwrap();
    let row = deny(Some("leaked".parse().unwrap())).await.into_inner().id;
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.denied"),
            ("org_id", &recorded.org),
            ("key_id", &row),
            ("key_fingerprint", &fingerprint),
            ("reason", &"retired"),
            ("note", &"leaked"),
        ],
    );
    assert!(matches!(deny(None).await, Change::Unchanged(_)));
    assert_refused!(
        recorded.keys.deny_key(OrgId::random(), &fingerprint, None).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    recorded.logged(&["key.denied"]).await;
}

async fn a_declaration_of_compromise_is_told_once(recorded: RecordedStore) {
    let fingerprint = seed_key().fingerprint();
    let declare = async |org, note: Option<&str>| {
        let note = note.map(|note| note.parse().unwrap());
        recorded.keys.danger_declare_compromised(org, &fingerprint, note).await
    };
    declare(recorded.org, Some("on a public bucket")).await.unwrap();
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.compromised"),
            ("org_id", &recorded.org),
            ("key_fingerprint", &fingerprint),
            ("reason", &"compromised"),
            ("note", &"on a public bucket"),
        ],
    );
    assert!(matches!(declare(recorded.org, None).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(
        declare(OrgId::random(), None).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    recorded.logged(&["key.compromised"]).await;
}

async fn a_revocation_says_why(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    let note = Some("a laptop was stolen".parse().unwrap());
    let revocation = Revocation::compromised().with_note(note);
    let key = recorded.keys.revoke_signing_key(id, revocation).await.unwrap().into_inner();
    recorded.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.revoked"),
            ("org_id", &recorded.org),
            ("key_id", &id),
            ("key_fingerprint", &key.fingerprint),
            ("reason", &"compromised"),
            ("note", &"a laptop was stolen"),
        ],
    );
}
