//! Each change is in the log, raises the epoch, and stays there.

mod checkpoints;
mod concurrency;
mod events;
mod every_event;
mod forger;
mod pages;
mod recorder;
mod reference_page;
mod runner_events;
mod tampering;
mod whole_life;

use signing_crypto::{NameKind, OrgId, SigningKey};
use signing_trust::store::{Revocation, StoreError};
use signing_trust::{EventType, TrustError, TrustLimits};

use super::assert_unbroken;
use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    every_change_of_trust_raises_the_epoch,
    change_of_trust_past_the_store_raises_the_epoch_as_well,
    every_change_is_in_the_log_of_who_made_it,
    change_that_failed_is_neither_logged_nor_counted,
    log_cannot_be_rewritten,
    edited_entry_does_not_match_its_hash,
}

/// What the triggers say.
pub(super) const APPEND_ONLY: &str = "the audit log is append-only";

async fn epoch(world: &World) -> i64 {
    world.store.state().await.unwrap().trust_epoch
}

async fn every_change_of_trust_raises_the_epoch(world: World) {
    let keys = &world.keys;
    let mut seen = vec![epoch(&world).await];
    let parent = world.org("parent").await;
    seen.push(epoch(&world).await);
    let child = world.org("child").await;
    seen.push(epoch(&world).await);
    let key = SigningKey::generate().unwrap();
    let trusted = keys.trust_public_key(child, &key.verifying_key(), None, None).await.unwrap();
    seen.push(epoch(&world).await);
    keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
    seen.push(epoch(&world).await);
    keys.deny_key(parent, &key.fingerprint(), None).await.unwrap();
    seen.push(epoch(&world).await);
    keys.revoke_trusted_key(trusted.into_inner().id, Revocation::retired()).await.unwrap();
    seen.push(epoch(&world).await);
    keys.revoke_trust(parent, child).await.unwrap();
    seen.push(epoch(&world).await);
    keys.delete_organization(child).await.unwrap();
    seen.push(epoch(&world).await);

    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
}

async fn change_of_trust_past_the_store_raises_the_epoch_as_well(world: World) {
    let acme = world.vendor("acme").await;
    let child = world.org("child").await;
    world.keys.grant_trust(acme.org, child, TrustLimits::default()).await.unwrap();
    for sql in [
        "UPDATE trusted_keys SET name = 'edited'",
        "DELETE FROM trusted_keys",
        "UPDATE trust_grants SET revoked_at = created_at",
        "DELETE FROM trust_grants",
        "UPDATE organizations SET deleted_at = created_at",
    ] {
        let before = epoch(&world).await;
        world.database.execute(sql).await.unwrap();
        assert!(epoch(&world).await > before, "{sql}");
    }
}

async fn every_change_is_in_the_log_of_who_made_it(world: World) {
    let acme = world.vendor("acme").await;
    let child = world.org("child").await;
    let keys = &world.keys;
    keys.grant_trust(acme.org, child, TrustLimits::default()).await.unwrap();
    keys.revoke_trust(acme.org, child).await.unwrap();
    keys.store_signature(acme.org, &acme.signature).await.unwrap();
    keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    let stranger = SigningKey::generate().unwrap().fingerprint();
    keys.deny_key(acme.org, &stranger, Some("a reason".parse().unwrap())).await.unwrap();
    keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    keys.delete_organization(acme.org).await.unwrap();

    let log = keys.store().audit_log(acme.org).await.unwrap();
    let types: Vec<_> = log.iter().map(|entry| entry.event_type.as_str()).collect();
    let expected = [
        EventType::OrganizationCreated,
        EventType::SigningKeyCreated,
        EventType::TrustedKeyAdded,
        EventType::GrantCreated,
        EventType::GrantRevoked,
        EventType::TrustedKeyRevoked,
        EventType::KeyDenied,
        EventType::SigningKeyRevoked,
        EventType::OrganizationDeleted,
    ];
    assert_eq!(types, expected.map(EventType::as_str));
    assert_unbroken(&log);
    assert!(log.iter().all(|entry| entry.org_id == acme.org));
    let denied: serde_json::Value = serde_json::from_str(&log[6].details).unwrap();
    assert_eq!(denied["note"], "a reason");
    assert_eq!(denied["key_fingerprint"], stranger.to_string());
    assert_eq!(keys.store().audit_log(child).await.unwrap().len(), 1);
}

async fn change_that_failed_is_neither_logged_nor_counted(world: World) {
    let acme = world.vendor("acme").await;
    let store = &world.store;
    let before = (store.audit_log(acme.org).await.unwrap(), epoch(&world).await);

    let taken = acme.key.name.clone();
    assert_refused!(
        world.keys.create_signing_key(acme.org, taken).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Key })
    );
    assert_refused!(
        world.keys.create_organization("acme".parse().unwrap()).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Organization })
    );
    assert_refused!(
        world.keys.grant_trust(acme.org, acme.org, TrustLimits::default()).await,
        TrustError::SelfGrant { .. }
    );
    assert_refused!(
        world.keys.grant_trust(acme.org, OrgId::random(), TrustLimits::default()).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );

    assert_eq!((store.audit_log(acme.org).await.unwrap(), epoch(&world).await), before);
}

async fn log_cannot_be_rewritten(world: World) {
    let acme = world.vendor("acme").await;
    let store = &world.store;
    let before = store.audit_log(acme.org).await.unwrap();

    for sql in [
        "UPDATE audit_log SET details = '{}'",
        "UPDATE audit_log SET sequence = sequence + 100",
        "DELETE FROM audit_log WHERE sequence = 2",
        "DELETE FROM audit_log",
    ] {
        world.database.refuses(sql, APPEND_ONLY).await;
    }
    let past_the_triggers = match world.database.is_sqlite() {
        // REPLACE deletes what is in its way without saying so.
        true => {
            "REPLACE INTO audit_log SELECT org_id, sequence, occurred_at, event_type, '{}', \
             previous_hash, entry_hash FROM audit_log WHERE sequence = 2"
        }
        false => "TRUNCATE audit_log",
    };
    world.database.refuses(past_the_triggers, APPEND_ONLY).await;
    assert_eq!(store.audit_log(acme.org).await.unwrap(), before);
    world.key(acme.org, "another").await;
    assert_unbroken(&store.audit_log(acme.org).await.unwrap());
}

async fn edited_entry_does_not_match_its_hash(world: World) {
    let acme = world.vendor("acme").await;
    // Who owns the database can remove the trigger; the hashes are still there.
    let remove = match world.database.is_sqlite() {
        true => "DROP TRIGGER audit_log_is_not_updated",
        false => "DROP TRIGGER audit_log_is_append_only ON audit_log",
    };
    world.database.execute(remove).await.unwrap();
    let edit = "UPDATE audit_log SET details = '{}' WHERE sequence = 2";
    world.database.execute(edit).await.unwrap();

    let log = world.store.audit_log(acme.org).await.unwrap();

    let holds: Vec<_> = log.iter().map(|entry| entry.entry_hash == entry.computed_hash()).collect();
    assert_eq!(holds, [true, false, true]);
}
