//! A store that is not the one that was asked before, or not any more.

use std::collections::BTreeSet;
use std::time::Duration;

use signing_trust::store::{Store, StoreError};
use signing_trust::{Freshness, TrustError};

use crate::support::{
    Backend, LONG, Runner, SOON, Vendor, World, assert_refused, on_both_backends, run, until,
};

on_both_backends! {
    store_that_went_back_in_time_decides_nothing,
}

/// A bound that a heartbeat passes often in the time of a test.
const SHORT: Freshness = Freshness::Bounded(Duration::from_millis(600));

async fn store_that_went_back_in_time_decides_nothing(world: World) {
    let vendor = world.vendor("acme").await;
    let url = world.database.url();
    let strict = Runner::start(&url, vendor.org, &vendor, Freshness::Strict).await;
    let bounded = Runner::start(&url, vendor.org, &vendor, SHORT).await;
    assert!(strict.decide().await.unwrap());
    bounded.remembers(&world, true).await;
    let epoch = world.store.state().await.unwrap().trust_epoch;

    let go_to = async |epoch: i64| {
        let sql = format!(
            "DELETE FROM trust_history WHERE epoch >= {epoch};
             UPDATE store_state SET trust_epoch = {epoch}"
        );
        world.database.execute(&sql).await.unwrap();
    };
    go_to(epoch - 1).await;

    let before = epoch;
    assert_refused!(
        strict.decide().await,
        TrustError::Store(StoreError::EpochWentBack { expected, found })
            if expected == before && found == before - 1
    );
    until(SOON, "a heartbeat has found out", async || bounded.decide().await.is_err()).await;
    for _ in 0..50 {
        for runner in [&strict, &bounded] {
            assert_refused!(
                runner.decide().await,
                TrustError::Store(StoreError::EpochWentBack { .. })
            );
        }
    }
    // A program that has not seen the later state cannot know of it.
    let started_later = Runner::start(&url, vendor.org, &vendor, Freshness::Strict).await;
    assert!(started_later.decide().await.unwrap());

    go_to(epoch).await;
    assert!(strict.decide().await.unwrap());
    bounded.remembers(&world, true).await;
}

/// Waits until it says that this is another store, and asserts that it goes on to.
async fn assert_another_store(runner: &Runner) {
    let finds_out = async || {
        let decided = runner.decide().await;
        assert!(!matches!(decided, Ok(true)), "{decided:?}");
        matches!(decided, Err(TrustError::Store(StoreError::AnotherStore { .. })))
    };
    until(SOON, "it finds out", finds_out).await;
    for _ in 0..50 {
        assert!(finds_out().await);
    }
}

/// Makes a store say yes that has never heard of the vendor.
async fn forge(world: &World, vendor: &Vendor) {
    let database = &world.database;
    let (org, key) = (database.id(vendor.org.as_uuid()), &vendor.key);
    let (fingerprint, public_key) =
        (database.bytes(key.fingerprint.as_bytes()), database.bytes(key.public_key.as_bytes()));
    let sql = format!(
        "INSERT INTO organizations (id, name, created_at) VALUES ({org}, 'acme', now());
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         VALUES ({org}, {org}, {fingerprint}, {public_key}, now());
         UPDATE store_state SET trust_epoch = 1000"
    );
    database.execute(&sql).await.unwrap();
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn another_store_in_the_place_of_the_first_decides_nothing() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let (strict, bounded) =
            (Runner::strict(&world, &vendor).await, Runner::bounded(&world, &vendor).await);
        assert!(strict.decide().await.unwrap());

        world.database.replace().await;
        Store::migrate(&world.database.url()).await.unwrap();
        for runner in [&strict, &bounded] {
            assert_another_store(runner).await;
        }
        let list = strict.keys.list_trusted_keys(vendor.org).await;
        assert_refused!(list, TrustError::Store(StoreError::AnotherStore { .. }));
        let change = strict.keys.create_organization("new".parse().unwrap()).await;
        assert_refused!(change, TrustError::Store(StoreError::AnotherStore { .. }));
        let elsewhere = Store::open(&world.database.url()).await.unwrap();
        assert_eq!(elsewhere.organizations().await.unwrap(), []);

        forge(&world, &vendor).await;
        let started_later = Runner::strict(&world, &vendor).await;
        assert!(started_later.decide().await.unwrap(), "the forged store does say yes");
        for runner in [&strict, &bounded] {
            assert_another_store(runner).await;
        }
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn restarted_backends_of_the_same_store_are_taken_up_again() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let url = world.database.url();
        let bounded = Runner::start(&url, vendor.org, &vendor, Freshness::Bounded(LONG)).await;
        bounded.remembers(&world, true).await;

        // The processes for which an expression holds, which is evaluated for these only.
        let backends = async |holds: &str| -> BTreeSet<i32> {
            let sql = format!(
                "SELECT pid, {holds} FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'client backend'
                   AND pid <> pg_backend_pid()"
            );
            let rows = world.database.connect().await.query(&sql, &[]).await.unwrap();
            rows.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect()
        };
        let ended = backends("pg_terminate_backend(pid, 5000)").await;
        assert!(!ended.is_empty());

        bounded.remembers(&world, true).await;
        let now = backends("application_name = 'cloacina listener'").await;
        assert!(!now.is_empty());
        assert!(now.is_disjoint(&ended), "{now:?} {ended:?}");
    });
}
