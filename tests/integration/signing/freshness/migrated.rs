//! A database that a newer program migrates while this one runs.

use std::time::Duration;

use signing_trust::store::{Revocation, Store, StoreError};
use signing_trust::{Freshness, TrustError};

use crate::support::{Runner, SOON, World, assert_refused, on_both_backends, until};

on_both_backends! {
    program_that_runs_while_a_newer_one_migrates_decides_and_changes_nothing_any_more,
    database_that_lacks_a_migration_again_is_refused,
}

async fn program_that_runs_while_a_newer_one_migrates_decides_and_changes_nothing_any_more(
    world: World,
) {
    let vendor = world.vendor("acme").await;
    let strict = Runner::strict(&world, &vendor).await;
    let (url, short) = (world.database.url(), Freshness::Bounded(Duration::from_millis(600)));
    let bounded = Runner::start(&url, vendor.org, &vendor, short).await;
    bounded.remembers(&world, true).await;
    assert!(strict.decide().await.unwrap());
    let before = world.store.state().await.unwrap();

    let sql = "UPDATE store_state SET schema_version = schema_version + 1;
               INSERT INTO schema_migrations (name) VALUES ('9999_future')";
    world.database.execute(sql).await.unwrap();

    until(SOON, "a heartbeat has found out", async || bounded.decide().await.is_err()).await;
    for runner in [&strict, &bounded] {
        for _ in 0..20 {
            assert_refused!(
                runner.decide().await,
                TrustError::Store(StoreError::SchemaTooNew { unknown }) if unknown.len() == 4
            );
        }
    }
    let list = strict.keys.list_trusted_keys(vendor.org).await;
    assert_refused!(list, TrustError::Store(StoreError::SchemaTooNew { .. }));
    let change = world.keys.create_organization("new".parse().unwrap()).await;
    assert_refused!(change, TrustError::Store(StoreError::SchemaTooNew { .. }));
    let change = world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await;
    assert_refused!(change, TrustError::Store(StoreError::SchemaTooNew { .. }));
    assert_eq!(world.store.state().await.unwrap(), before);
    assert_refused!(
        Store::open(&url).await,
        StoreError::SchemaTooNew { unknown } if unknown == "9999_future"
    );
}

/// As after a backup was restored that an older program has made.
async fn database_that_lacks_a_migration_again_is_refused(world: World) {
    let vendor = world.vendor("acme").await;
    let strict = Runner::strict(&world, &vendor).await;
    assert!(strict.decide().await.unwrap());
    let sql = "UPDATE store_state SET schema_version = schema_version - 1";
    world.database.execute(sql).await.unwrap();
    assert_refused!(
        strict.decide().await,
        TrustError::Store(StoreError::SchemaOutdated { missing }) if missing.len() == 1
    );
}
