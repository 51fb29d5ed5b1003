use std::fmt::Display;

use signing_crypto::{KeyId, NameKind, OrgId, TrustedKeyId};
use signing_trust::store::{Change, StoreError};
use signing_trust::{KeyManager, TrustError};
use tracing::Level;

use super::bench::{Bench, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_keys_making_is_told_once,
    a_signing_keys_import_is_told_once,
    an_export_is_told_each_time_and_is_no_change,
    a_signing_keys_revocation_is_told_once,
    trusting_and_revoking_a_key_is_told_once_each,
    a_denial_is_told_once,
}

async fn a_signing_keys_making_is_told_once(bench: Bench) {
    let name = || "release".parse().unwrap();
    let key = bench.keys.create_signing_key(bench.org, name()).await.unwrap();
    bench.told(
        Level::INFO,
        &[
            ("event_type", &"key.signing.created"),
            ("org_id", &bench.org),
            ("name", &"release"),
            ("key_id", &key.id),
            ("key_fingerprint", &key.fingerprint),
        ],
    );
    assert_refused!(
        bench.keys.create_signing_key(bench.org, name()).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Key })
    );
    let without_kek = KeyManager::new(bench.world.store.clone(), None);
    let refused = without_kek.create_signing_key(bench.org, "x".parse().unwrap()).await;
    assert_refused!(refused, TrustError::NoKeyEncryptionKey);
    assert_refused!(
        bench.keys.create_signing_key(OrgId::random(), name()).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    bench.logged(&["key.signing.created"]).await;
}

async fn a_signing_keys_import_is_told_once(bench: Bench) {
    let import = async |name: &str| {
        bench.keys.import_signing_key(bench.org, name.parse().unwrap(), &seed_key()).await
    };
    let key = import("release").await.unwrap();
    bench.told(
        Level::INFO,
        &[
            ("event_type", &"key.signing.created"),
            ("org_id", &bench.org),
            ("name", &"release"),
            ("key_id", &key.id),
            ("key_fingerprint", &seed_key().fingerprint()),
        ],
    );
    assert_refused!(import("again").await, TrustError::Store(StoreError::SigningKeyExists));
    bench.told_nothing();
    bench.logged(&["key.signing.created"]).await;
}

async fn an_export_is_told_each_time_and_is_no_change(bench: Bench) {
    let id = bench.signing_key().await;
    for _ in 0..2 {
        let key = bench.keys.export_public_key(id).await.unwrap();
        bench.told(
            Level::INFO,
            &[
                ("event_type", &"key.exported"),
                ("org_id", &bench.org),
                ("key_id", &id),
                ("key_fingerprint", &key.fingerprint()),
            ],
        );
    }
    let unknown = KeyId::random();
    assert_refused!(
        bench.keys.export_public_key(unknown).await,
        TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == unknown
    );
    bench.told_nothing();
    bench.logged(&["key.signing.created"]).await;
}

async fn a_signing_keys_revocation_is_told_once(bench: Bench) {
    let id = bench.signing_key().await;
    let key = bench.keys.revoke_signing_key(id).await.unwrap().into_inner();
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.signing.revoked"),
            ("org_id", &bench.org),
            ("key_id", &id),
            ("key_fingerprint", &key.fingerprint),
            ("reason", &"retired"),
        ],
    );
    let again = bench.keys.revoke_signing_key(id).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    let unknown = KeyId::random();
    assert_refused!(
        bench.keys.revoke_signing_key(unknown).await,
        TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == unknown
    );
    bench.told_nothing();
    bench.logged(&["key.signing.created", "key.signing.revoked"]).await;
}

async fn trusting_and_revoking_a_key_is_told_once_each(bench: Bench) {
    let key = seed_key().verifying_key();
    let trust = async || bench.keys.trust_public_key(bench.org, &key, None).await;
    let row = trust().await.unwrap().into_inner().id;
    let told = |level, event_type: &'static str| {
        let fields: [(&'static str, &dyn Display); 4] = [
            ("event_type", &event_type),
            ("org_id", &bench.org),
            ("key_id", &row),
            ("key_fingerprint", &key.fingerprint()),
        ];
        let reason: &[(&'static str, &dyn Display)] = match level {
            Level::WARN => &[("reason", &"retired")],
            _ => &[],
        };
        bench.told(level, &[&fields, reason].concat());
    };
    told(Level::INFO, "key.trusted.added");
    assert!(matches!(trust().await.unwrap(), Change::Unchanged(_)));
    bench.told_nothing();

    bench.keys.revoke_trusted_key(row).await.unwrap();
    told(Level::WARN, "key.trusted.revoked");
    let again = bench.keys.revoke_trusted_key(row).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    assert_refused!(trust().await, TrustError::PreviouslyRevoked { .. });
    let unknown = TrustedKeyId::random();
    assert_refused!(
        bench.keys.revoke_trusted_key(unknown).await,
        TrustError::Store(StoreError::TrustedKeyNotFound { id }) if id == unknown
    );
    bench.told_nothing();
    bench.logged(&["key.trusted.added", "key.trusted.revoked"]).await;
}

async fn a_denial_is_told_once(bench: Bench) {
    let fingerprint = seed_key().fingerprint();
    let deny = async |reason| bench.keys.deny_key(bench.org, &fingerprint, reason).await.unwrap();
    let row = deny(Some("leaked".parse().unwrap())).await.into_inner().id;
    bench.told(
        Level::WARN,
        &[
            ("event_type", &"key.denied"),
            ("org_id", &bench.org),
            ("key_id", &row),
            ("key_fingerprint", &fingerprint),
            ("reason", &"retired"),
            ("note", &"leaked"),
        ],
    );
    assert!(matches!(deny(None).await, Change::Unchanged(_)));
    assert_refused!(
        bench.keys.deny_key(OrgId::random(), &fingerprint, None).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    bench.logged(&["key.denied"]).await;
}
