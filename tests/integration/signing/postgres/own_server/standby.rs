//! Copies of a server: one that follows it, and one that takes its place.

use std::time::{Duration, Instant};

use signing_trust::store::{Revocation, Store, StoreError};
use signing_trust::{Freshness, KeyManager, TrustError};

use super::{OPERATION, Runners, refusal};
use crate::support::{
    End, LONG, Login, OwnServer, Runner, World, assert_refused, run_alone, until,
};

fn in_recovery(error: &StoreError) -> bool {
    matches!(error, StoreError::InRecovery)
}

async fn promote(login: &Login) {
    let sql = "SELECT pg_promote()";
    assert!(login.connect().await.query_one(sql, &[]).await.unwrap().get::<_, bool>(0));
}

/// Waits until the standby has replayed what the primary has written.
async fn until_replayed(world: &World, standby: &Login) {
    let sql = "SELECT pg_current_wal_flush_lsn()::text";
    let row = world.database.connect().await.query_one(sql, &[]).await.unwrap();
    let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", row.get::<_, &str>(0));
    let client = standby.connect().await;
    let replayed = async || client.query_one(&sql, &[]).await.unwrap().get(0);
    until(OPERATION, "the standby has replayed it", replayed).await;
}

fn standby(server: &OwnServer, world: &World) -> Login {
    server.back_up();
    server.start_standby();
    Login { port: server.second_port(), ..world.database.login() }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn hot_standby_decides_nothing_strictly_or_from_memory_until_it_is_promoted() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let login = standby(&server, &world);
        until_replayed(&world, &login).await;
        // It has the row, and is refused for what it is.
        let sql = "SELECT count(*) FROM trusted_keys WHERE revoked_at IS NULL";
        let row = login.connect().await.query_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 1);

        let bound = Duration::from_millis(300);
        let of =
            async |freshness| Runner::start(&login.url(""), vendor.org, &vendor, freshness).await;
        let runners = Runners {
            strict: of(Freshness::Strict).await,
            bounded: of(Freshness::Bounded(LONG)).await,
        };
        let impatient = of(Freshness::Bounded(bound)).await;
        runners.find_out(&server, in_recovery).await;
        let mut decisions = 0;
        let started = Instant::now();
        while started.elapsed() < 5 * bound {
            assert!(refusal(&impatient, &server).await.is_some_and(|error| in_recovery(&error)));
            decisions += 1;
        }
        assert!(decisions > 20, "{decisions}");

        let refused = runners.strict.keys.store().watch_trust().await.unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnlyServer), "{refused:?}");
        let change =
            runners.strict.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await;
        assert_refused!(change, TrustError::Store(StoreError::InRecovery));

        promote(&login).await;
        for runner in runners.each().into_iter().chain([&impatient]) {
            let decides = async || matches!(runner.decide().await, Ok(true));
            until(OPERATION, "it decides", decides).await;
        }
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn standby_in_the_primarys_place_decides_once_it_is_promoted() {
    run_alone(async |server: OwnServer, world: World| {
        let (kept, revoked) = (world.vendor("kept").await, world.vendor("revoked").await);
        let runners = Runners::start(&world, &kept).await;
        let about_revoked = Runners::start(&world, &revoked).await;
        let login = standby(&server, &world);
        world.keys.revoke_trusted_key(revoked.trusted.id, Revocation::retired()).await.unwrap();
        until_replayed(&world, &login).await;

        server.end("primary", End::Killed);
        server.end("standby", End::Stopped);
        server.start_in("standby");
        for runners in [&runners, &about_revoked] {
            runners.find_out(&server, in_recovery).await;
        }

        promote(&world.database.login()).await;
        runners.are_back(&world, true).await;
        about_revoked.are_back(&world, false).await;
        world.org("afterwards").await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn promoted_standby_that_lacks_the_last_revocation_decides_nothing() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;
        server.back_up();
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        assert!(!runners.strict.decide().await.unwrap());
        runners.bounded.remembers(&world, false).await;

        server.end("primary", End::Killed);
        server.start_in("standby");
        promote(&world.database.login()).await;

        let went_back = |error: &StoreError| matches!(error, StoreError::EpochWentBack { .. });
        runners.find_out(&server, went_back).await;
        // A program that has not seen the revocation cannot know of it.
        assert!(Runner::strict(&world, &vendor).await.decide().await.unwrap());
        let list = runners.strict.keys.list_trusted_keys(vendor.org).await;
        assert_refused!(list, TrustError::Store(StoreError::EpochWentBack { .. }));

        // As many changes as were lost, and more: the revocation is still not there.
        let elsewhere = newly_opened(&world).await;
        let diverged = |error: &StoreError| matches!(error, StoreError::HistoryDiverged { .. });
        for number in 0..5 {
            let name = format!("afterwards-{number}").parse().unwrap();
            elsewhere.create_organization(name).await.unwrap();
            runners.find_out(&server, diverged).await;
        }
        let change = runners.strict.keys.create_organization("mine".parse().unwrap()).await;
        assert_refused!(change, TrustError::Store(StoreError::HistoryDiverged { .. }));
        assert!(Runner::strict(&world, &vendor).await.decide().await.unwrap());
    });
}

/// Somebody who has not seen what the store was before.
async fn newly_opened(world: &World) -> KeyManager {
    KeyManager::new(Store::open(&world.database.url()).await.unwrap(), None)
}
