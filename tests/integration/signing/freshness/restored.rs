//! A store that was set back to a backup, and then changed again.

use signing_crypto::SigningKey;
use signing_trust::store::{Revocation, Store, StoreError};
use signing_trust::{Freshness, KeyManager, TrustError};

use crate::support::{LONG, Runner, SOON, World, assert_refused, on_both_backends, until};

on_both_backends! {
    revocation_that_a_restored_backup_lacks_does_not_come_back_with_later_changes,
    ordinary_changes_stop_nobody,
    as_many_changes_as_were_lost_are_not_taken_for_the_lost_ones,
    program_that_has_revoked_does_not_accept_a_store_that_lacks_its_revocation,
    change_is_not_made_in_a_store_that_lacks_what_was_seen,
}

/// Keeps what `restore` needs to bring the keys and the state of trust back.
async fn back_up(world: &World) {
    let (open, backup) = backup(world);
    let sql = format!(
        "{open}
         CREATE TABLE {backup}state AS SELECT * FROM store_state;
         CREATE TABLE {backup}keys AS SELECT * FROM trusted_keys"
    );
    world.database.execute(&sql).await.unwrap();
}

/// Everything is as it was when it was backed up, the history included.
async fn restore(world: &World) {
    let (open, backup) = backup(world);
    let sql = format!(
        "{open}
         BEGIN;
         UPDATE trusted_keys SET
             revoked_at = (SELECT revoked_at FROM {backup}keys k WHERE k.id = trusted_keys.id),
             revocation_reason = NULL;
         DELETE FROM trust_history WHERE epoch >= (SELECT trust_epoch FROM {backup}state);
         UPDATE store_state SET trust_epoch = (SELECT trust_epoch FROM {backup}state),
                                trust_state = (SELECT trust_state FROM {backup}state);
         COMMIT"
    );
    world.database.execute(&sql).await.unwrap();
}

/// What opens the backup, and how the names of its tables begin. A SQLite store has no tables but
/// its own.
fn backup(world: &World) -> (String, &'static str) {
    match world.database.url().sqlite_path() {
        Some(store) => (format!("ATTACH '{}.backup' AS backup;", store.display()), "backup."),
        None => (String::new(), "backed_up_"),
    }
}

/// Somebody who has not seen what the store was before.
async fn somebody_else(world: &World) -> KeyManager {
    KeyManager::new(Store::open(&world.database.url()).await.unwrap(), None)
}

/// A change that has nothing to do with the keys that are asked about.
async fn change(keys: &KeyManager, number: usize) {
    keys.create_organization(format!("another-{number}").parse().unwrap()).await.unwrap();
}

async fn assert_diverged(runner: &Runner) {
    assert_refused!(runner.decide().await, TrustError::Store(StoreError::HistoryDiverged { .. }));
}

async fn revocation_that_a_restored_backup_lacks_does_not_come_back_with_later_changes(
    world: World,
) {
    let vendor = world.vendor("acme").await;
    back_up(&world).await;
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    let strict = Runner::strict(&world, &vendor).await;
    let url = world.database.url();
    let freshness = Freshness::Bounded(LONG);
    let bounded = Runner::start(&url, vendor.org, &vendor, freshness).await;
    for runner in [&strict, &bounded] {
        assert!(!runner.decide().await.unwrap());
    }

    restore(&world).await;
    assert_refused!(strict.decide().await, TrustError::Store(StoreError::EpochWentBack { .. }));
    let somebody_else = somebody_else(&world).await;
    for number in 0..5 {
        change(&somebody_else, number).await;
        for _ in 0..2 {
            assert_diverged(&strict).await;
        }
        assert!(!matches!(bounded.decide().await, Ok(true)));
    }
    // Another question, and one about all possible signers.
    let stranger = SigningKey::generate().unwrap().fingerprint();
    let found = strict.keys.find_trusted_key(vendor.org, &stranger).await;
    assert_refused!(found, TrustError::Store(StoreError::HistoryDiverged { .. }));
    let list = strict.keys.list_trusted_keys(vendor.org).await;
    assert_refused!(list, TrustError::Store(StoreError::HistoryDiverged { .. }));
    let graph = strict.keys.trust_graph(None).await;
    assert_refused!(graph, TrustError::Store(StoreError::HistoryDiverged { .. }));
    // A program that has not seen the revocation cannot know of it.
    assert!(Runner::strict(&world, &vendor).await.decide().await.unwrap());
    if !world.database.is_sqlite() {
        until(SOON, "a heartbeat has found out", async || bounded.decide().await.is_err()).await;
    }
}

async fn ordinary_changes_stop_nobody(world: World) {
    let vendor = world.vendor("acme").await;
    let strict = Runner::strict(&world, &vendor).await;
    let somebody_else = somebody_else(&world).await;
    for number in 0..5 {
        assert!(strict.decide().await.unwrap());
        for step in 0..number {
            change(&somebody_else, 10 * number + step).await;
        }
        assert!(strict.decide().await.unwrap());
        change(&strict.keys, 100 + number).await;
    }
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(!strict.decide().await.unwrap());
}

/// The epoch is the one that was seen last, and what it stands for is not.
async fn as_many_changes_as_were_lost_are_not_taken_for_the_lost_ones(world: World) {
    let vendor = world.vendor("acme").await;
    let strict = Runner::strict(&world, &vendor).await;
    back_up(&world).await;
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(!strict.decide().await.unwrap());
    let epoch = world.store.state().await.unwrap().trust_epoch;

    restore(&world).await;
    let somebody_else = somebody_else(&world).await;
    while somebody_else.store().state().await.unwrap().trust_epoch < epoch {
        change(&somebody_else, 0).await;
    }

    assert_eq!(somebody_else.store().state().await.unwrap().trust_epoch, epoch);
    assert_diverged(&strict).await;
}

async fn program_that_has_revoked_does_not_accept_a_store_that_lacks_its_revocation(world: World) {
    let vendor = world.vendor("acme").await;
    let strict = Runner::strict(&world, &vendor).await;
    assert!(strict.decide().await.unwrap());
    back_up(&world).await;
    // It does not ask afterwards.
    strict.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();

    restore(&world).await;
    assert_refused!(strict.decide().await, TrustError::Store(StoreError::EpochWentBack { .. }));
    change(&somebody_else(&world).await, 0).await;
    assert_diverged(&strict).await;
}

async fn change_is_not_made_in_a_store_that_lacks_what_was_seen(world: World) {
    let vendor = world.vendor("acme").await;
    back_up(&world).await;
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    restore(&world).await;
    let somebody_else = somebody_else(&world).await;
    for number in 0..3 {
        change(&somebody_else, number).await;
    }
    let epoch = somebody_else.store().state().await.unwrap().trust_epoch;

    let refused = world.keys.create_organization("mine".parse().unwrap()).await;
    assert_refused!(refused, TrustError::Store(StoreError::HistoryDiverged { .. }));
    let refused = world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await;
    assert_refused!(refused, TrustError::Store(StoreError::HistoryDiverged { .. }));

    assert_eq!(somebody_else.store().state().await.unwrap().trust_epoch, epoch);
    somebody_else.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
}
