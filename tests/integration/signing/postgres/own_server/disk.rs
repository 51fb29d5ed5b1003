//! A server that runs out of disk.

use signing_trust::TrustError;
use signing_trust::store::StoreError;

use super::{Ledger, Runners, assert_not_confirmed, assert_tells_no_password, until_reached};
use crate::support::{OwnServer, World, is_away, run_alone, shown};

/// More changes than fit in what the server has set aside.
const MANY: usize = 20_000;

/// Makes changes until one is refused, and returns how many were made, and why not.
async fn change_until_refused(
    server: &OwnServer,
    world: &World,
    before_each: &str,
) -> (usize, StoreError) {
    for number in 0..MANY {
        if !before_each.is_empty() && world.database.execute(before_each).await.is_err() {
            let change = world.keys.create_organization("none".parse().unwrap());
            return (number, assert_not_confirmed(change, server).await);
        }
        let name = format!("{number}-{}", "x".repeat(200)).parse().unwrap();
        match world.keys.create_organization(name).await {
            Ok(_) => {}
            Err(TrustError::Store(error)) => return (number, error),
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the disk is not full after {MANY} changes");
}

/// Asserts that what is full decides as before or refuses, and that it is whole and
/// goes on when there is space again.
async fn assert_recovers(server: &OwnServer, world: &World, runners: &Runners, made: usize) {
    for runner in runners.each() {
        match runner.decide().await {
            Ok(decided) => assert!(decided),
            Err(TrustError::Store(error)) => assert_tells_no_password(&error, server),
            Err(other) => panic!("{other:?}"),
        }
    }
    server.free_disk();
    // It may have ended itself.
    server.start_in("primary");
    until_reached(&world.store).await;
    runners.are_back(world, true).await;

    let count = world.store.organizations().await.unwrap().len();
    // One that was not confirmed may have been made.
    assert!((made + 1..=made + 2).contains(&count), "{made} {count}");
    let sql = "SELECT count(*) FROM organizations
               WHERE id NOT IN (SELECT org_id FROM audit_log WHERE sequence = 1)";
    let row = world.database.connect().await.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    let before = Ledger::of(&world.database).await;
    world.org("afterwards").await;
    let after = Ledger::of(&world.database).await;
    assert_eq!((after.entries, after.epoch), (before.entries + 1, before.epoch + 1));
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn full_disk_refuses_changes_and_leaves_nothing_half_done() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;

        server.fill_disk();
        let (made, refused) = change_until_refused(&server, &world, "").await;

        assert_tells_no_password(&refused, &server);
        assert!(matches!(refused, StoreError::DiskFull(_)), "{refused:?}");
        assert!(shown(&refused).contains("No space left on device"), "{}", shown(&refused));
        // Nothing is to be written for that.
        for runner in runners.each() {
            assert!(runner.decide().await.unwrap());
        }
        assert_recovers(&server, &world, &runners, made).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_that_ends_because_its_log_does_not_fit_leaves_nothing_half_done() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;

        server.fill_disk();
        // The rest of a log file is left unused, until there is no next one.
        let (made, refused) = change_until_refused(&server, &world, "SELECT pg_switch_wal()").await;

        assert_tells_no_password(&refused, &server);
        assert!(
            is_away(&refused)
                || matches!(refused, StoreError::DiskFull(_) | StoreError::OutcomeUnknown(_)),
            "{refused:?}"
        );
        assert!(server.log().contains("PANIC"), "{}", server.log());
        assert_recovers(&server, &world, &runners, made).await;
    });
}
