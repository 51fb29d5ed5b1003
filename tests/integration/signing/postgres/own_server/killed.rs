//! A server that dies by SIGKILL in the middle of things, and recovers from its log.

use std::fmt::Debug;

use signing_loader::PackageError;
use signing_trust::store::{Change, Revocation, SchemaStatus, Store, StoreError, TrustedKeyRecord};
use signing_trust::{KeyManager, TrustError};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{
    Ledger, OPERATION, Runners, assert_not_confirmed, assert_tells_no_password, until_one_waits,
    until_reached,
};
use crate::support::{
    Database, End, OwnServer, Vendor, World, assert_refused, is_away, run_alone, until,
};

/// Makes commits of a revocation wait for the holder of the lock 1, before anything of
/// them is written to the server's log.
const WAIT_IN_COMMIT: &str = "
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON trusted_keys
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()";

/// Makes commits wait after they are written, for a standby that does not exist.
const WAIT_AFTER_COMMIT: [&str; 2] =
    ["ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"];

/// Makes a migration wait in its midst for the holder of the lock 1.
const WAIT_IN_MIGRATION: &str = "
    CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(1); END $$;
    CREATE EVENT TRIGGER wait ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER')
        EXECUTE FUNCTION wait()";

/// The server takes this up a little later, so commits until one has waited.
pub(super) async fn wait_after_commits(database: &Database) {
    let client = database.connect().await;
    client.batch_execute("CREATE TABLE probe (x INT)").await.unwrap();
    for sql in WAIT_AFTER_COMMIT {
        client.batch_execute(sql).await.unwrap();
    }
    tokio::spawn(async move {
        // The last of them ends with the server.
        while client.batch_execute("INSERT INTO probe VALUES (1)").await.is_ok() {}
    });
    let client = database.connect().await;
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep')";
    let waits = async || client.query_one(sql, &[]).await.unwrap().get(0);
    until(OPERATION, "commits wait", waits).await;
}

fn revoke(
    keys: &KeyManager,
    vendor: &Vendor,
) -> JoinHandle<Result<Change<TrustedKeyRecord>, TrustError>> {
    let (keys, id) = (keys.clone(), vendor.trusted.id);
    tokio::spawn(async move { keys.revoke_trusted_key(id, Revocation::retired()).await })
}

/// Kills the server while a change waits for something, and starts it again.
pub(super) async fn kill_during<T: Debug>(
    change: JoinHandle<Result<T, TrustError>>,
    for_what: &str,
    (server, world): (&OwnServer, &World),
) -> StoreError {
    until_one_waits(&world.database, for_what).await;
    server.end("primary", End::Killed);
    let error = assert_not_confirmed(async { change.await.unwrap() }, server).await;
    server.start_in("primary");
    until_reached(&world.store).await;
    error
}

/// Asserts that the revocation was not made, and that it can be.
async fn assert_not_made(world: &World, vendor: &Vendor, runners: &Runners, before: Ledger) {
    assert_eq!(Ledger::of(&world.database).await, before);
    runners.are_back(world, true).await;
    let again =
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(matches!(again, Change::Made(_)), "{again:?}");
    assert_eq!(Ledger::of(&world.database).await, before.with_a_revocation());
    assert!(!runners.strict.decide().await.unwrap());
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_in_the_middle_of_a_revocation_has_made_nothing_of_it() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;
        let before = Ledger::of(&world.database).await;
        // The key is marked by then, the log entry is not written.
        let client = world.database.connect().await;
        client.batch_execute("BEGIN; LOCK TABLE audit_log").await.unwrap();

        let error = kill_during(revoke(&world.keys, &vendor), "Lock", (&server, &world)).await;

        assert!(is_away(&error), "{error:?}");
        assert_not_made(&world, &vendor, &runners, before).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_before_a_commit_is_written_has_made_nothing_of_it() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;
        let before = Ledger::of(&world.database).await;
        world.database.execute(WAIT_IN_COMMIT).await.unwrap();
        let client = world.database.connect().await;
        client.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();

        let error = kill_during(revoke(&world.keys, &vendor), "Lock", (&server, &world)).await;

        assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
        assert_not_made(&world, &vendor, &runners, before).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_after_a_commit_is_written_has_made_all_of_it() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let runners = Runners::start(&world, &vendor).await;
        let before = Ledger::of(&world.database).await;
        wait_after_commits(&world.database).await;

        let error = kill_during(revoke(&world.keys, &vendor), "SyncRep", (&server, &world)).await;

        assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
        assert_eq!(Ledger::of(&world.database).await, before.with_a_revocation());
        world.database.execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
        world.database.execute("SELECT pg_reload_conf()").await.unwrap();
        runners.are_back(&world, false).await;
        let again =
            world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        assert!(matches!(again, Change::Unchanged(_)), "{again:?}");
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_in_the_middle_of_a_migration_leaves_nothing_half_made() {
    run_alone(async |server: OwnServer, database: Database| {
        database.execute(WAIT_IN_MIGRATION).await.unwrap();
        let client = database.connect().await;
        client.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
        let url = database.url();
        let migration = tokio::spawn(async move { Store::migrate(&url).await.map(|_| ()) });
        until_one_waits(&database, "Lock").await;

        server.end("primary", End::Killed);
        let refused = timeout(OPERATION, migration).await.unwrap().unwrap().unwrap_err();
        assert_tells_no_password(&refused, &server);
        assert!(is_away(&refused), "{refused:?}");

        server.start_in("primary");
        let made = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'cloacina%'";
        let made = database.connect().await.query_one(made, &[]).await.unwrap();
        assert_eq!(made.get::<_, i64>(0), 0);
        assert_refused!(Store::open(&database.url()).await, StoreError::NoStore);
        let (store, applied) = Store::migrate(&database.url()).await.unwrap();
        assert!(!applied.is_empty());
        assert_eq!(store.schema_status().await.unwrap(), SchemaStatus::Current);
        let world = World::on(database).await;
        let vendor = world.vendor("acme").await;
        world.verdict(vendor.org, &vendor).await.unwrap();
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_in_the_middle_of_a_verification_verifies_nothing() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let client = world.database.connect().await;
        client.batch_execute("BEGIN; LOCK TABLE trusted_keys").await.unwrap();
        let verify = world.verify(&vendor.package, vendor.org, vendor.memory());
        let kill = async {
            until_one_waits(&world.database, "Lock").await;
            server.end("primary", End::Killed);
        };

        let (verified, ()) = tokio::join!(timeout(OPERATION, verify), kill);

        let error = verified.unwrap().unwrap_err();
        assert_tells_no_password(&error, &server);
        assert!(
            matches!(&error, PackageError::Trust(TrustError::Store(error)) if is_away(error)),
            "{error:?}"
        );
        server.start_in("primary");
        until_reached(&world.store).await;
        world.verdict(vendor.org, &vendor).await.unwrap();
    });
}
