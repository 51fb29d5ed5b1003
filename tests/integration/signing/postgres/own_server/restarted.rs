//! A server that ends, and is started again or replaced.

use signing_trust::store::{ConnectError, Revocation, Store, StoreError};

use super::{Runners, assert_not_confirmed, until_reached};
use crate::support::{End, OwnServer, World, assert_refused, is_away, run_alone};

async fn assert_is_taken_up_again(server: OwnServer, world: World, end: End) {
    let (kept, revoked) = (world.vendor("kept").await, world.vendor("revoked").await);
    let runners = Runners::start(&world, &kept).await;
    let about_revoked = Runners::start(&world, &revoked).await;
    world.keys.revoke_trusted_key(revoked.trusted.id, Revocation::retired()).await.unwrap();

    server.end("primary", end);
    for runners in [&runners, &about_revoked] {
        runners.find_out(&server, is_away).await;
    }
    let change = world.keys.create_organization("meanwhile".parse().unwrap());
    let refused = assert_not_confirmed(change, &server).await;
    assert!(is_away(&refused), "{refused:?}");
    let opened = Store::open(&world.database.url()).await;
    let opened = opened.unwrap_err();
    assert!(is_away(&opened), "{opened:?}");

    server.start_in("primary");
    runners.are_back(&world, true).await;
    about_revoked.are_back(&world, false).await;
    world.org("meanwhile").await;
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn stopped_server_decides_nothing_and_is_taken_up_again_with_its_revocations() {
    run_alone(async |server, world| assert_is_taken_up_again(server, world, End::Stopped).await);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn killed_server_decides_nothing_and_is_taken_up_again_with_its_revocations() {
    run_alone(async |server, world| assert_is_taken_up_again(server, world, End::Killed).await);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn empty_server_at_the_same_port_decides_nothing() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;

        server.end("primary", End::Killed);
        server.start_in("other");
        // Without the database, with an empty one, and with another store.
        let is_missing = |error: &StoreError| {
            matches!(error, StoreError::Connect(ConnectError::NoSuchDatabase { .. }))
        };
        runners.find_out(&server, is_missing).await;
        world.database.replace().await;
        runners.find_out(&server, is_away).await;
        let opened = Store::open(&world.database.url()).await;
        assert_refused!(opened, StoreError::NoStore);
        Store::migrate(&world.database.url()).await.unwrap();
        runners.find_out(&server, |error| matches!(error, StoreError::AnotherStore { .. })).await;

        server.end("other", End::Stopped);
        server.start_in("primary");
        until_reached(&world.store).await;
        runners.are_back(&world, true).await;
    });
}
