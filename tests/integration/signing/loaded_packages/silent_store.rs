//! A store that does not answer, whether it says so or is silent.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_loader::{FollowedPackage, GateError, LoadedPackages, Standing};
use signing_trust::store::Revocation;
use tokio_postgres::Client;

use super::host::{Host, LIMIT, STALENESS, is_open, refusal, sign_beside, verifier};
use crate::support::{SOON, World, hide, on_both_backends, until};

on_both_backends! {
    store_that_answers_with_errors_closes_the_gate_in_time_and_opens_it_when_it_is_back,
    store_that_is_silent_closes_the_gate_in_time_and_opens_it_when_it_is_back,
    gate_that_may_stay_open_closes_for_a_refusal_only,
    without_a_gate_silence_is_only_reported,
}

/// The store is asked once a second, so the last answer is not older when it falls silent.
const PERIOD: Duration = Duration::from_secs(1);

/// What a busy machine may add, in which two threads are to run.
const SLACK: Duration = Duration::from_secs(2);

/// Waits until the gate closes, and asserts that it did when it should.
async fn closes_in_time(package: &FollowedPackage, silent: Instant) {
    until(SOON, "the gate closes", async || !is_open(package)).await;
    let took = silent.elapsed();
    assert!(STALENESS - PERIOD - SLACK / 4 < took && took < STALENESS + SLACK, "{took:?}");
    let refused = refusal(package);
    assert!(matches!(refused, GateError::Stale { .. }), "{refused:?}");
    assert_eq!(refused.code(), "TrustStale");
    let standing = package.standing();
    assert!(matches!(standing, Standing::Unknown { .. }), "{standing:?}");
}

async fn store_that_answers_with_errors_closes_the_gate_in_time_and_opens_it_when_it_is_back(
    world: World,
) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    for _ in 0..2 {
        hide(&world, true).await;
        let silent = Instant::now();
        assert!(is_open(&package));
        closes_in_time(&package, silent).await;

        hide(&world, false).await;
        until(SOON, "the gate opens", async || is_open(&package)).await;
        assert!(package.standing().is_trusted());
    }
}

/// Keeps every question waiting until it is dropped.
enum Silence {
    Sqlite(SqliteConnection),
    Postgres(Client),
}

impl Silence {
    async fn of(world: &World) -> Self {
        if world.database.is_sqlite() {
            let url = world.database.file().to_str().unwrap();
            let mut connection = SqliteConnection::establish(url).unwrap();
            connection.batch_execute("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE").unwrap();
            return Self::Sqlite(connection);
        }
        let client = world.database.connect().await;
        client.batch_execute("BEGIN; LOCK TABLE store_state").await.unwrap();
        Self::Postgres(client)
    }

    async fn end(self) {
        match self {
            Self::Sqlite(mut connection) => connection.batch_execute("ROLLBACK").unwrap(),
            Self::Postgres(client) => client.batch_execute("ROLLBACK").await.unwrap(),
        }
    }
}

async fn store_that_is_silent_closes_the_gate_in_time_and_opens_it_when_it_is_back(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    let silence = Silence::of(&world).await;
    let silent = Instant::now();
    assert!(is_open(&package));
    closes_in_time(&package, silent).await;

    silence.end().await;
    until(2 * SOON, "the gate opens", async || is_open(&package)).await;
}

/// The store is silent until the package's host says so. Meanwhile the gate stays as it is.
async fn assert_silence_is_reported(world: &World, package: &FollowedPackage, open: bool) {
    hide(world, true).await;
    until(SOON, "it is reported", async || {
        assert_eq!(is_open(package), open);
        matches!(package.standing(), Standing::Unknown { .. })
    })
    .await;
    hide(world, false).await;
}

async fn gate_that_may_stay_open_closes_for_a_refusal_only(world: World) {
    let vendor = world.vendor("acme").await;
    let forgiving = LIMIT.danger_keep_open_when_stale();
    let loaded = LoadedPackages::gate(&verifier(&world, vendor.org).await, forgiving).unwrap();
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(path).await.unwrap();

    assert_silence_is_reported(&world, &package, true).await;
    until(SOON, "it is trusted", async || package.standing().is_trusted()).await;

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    // Silence does not open it.
    assert_silence_is_reported(&world, &package, false).await;
}

async fn without_a_gate_silence_is_only_reported(world: World) {
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, vendor.org).await;
    let loaded = LoadedPackages::call_back(&verifier, *LIMIT, |_| {}).unwrap();
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(path).await.unwrap();
    assert_silence_is_reported(&world, &package, true).await;
    until(SOON, "it is trusted", async || package.standing().is_trusted()).await;
}
