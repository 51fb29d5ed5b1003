//! Connections that end in the middle of things, and locks that last: nothing is
//! half-done, the caller gets an error, and it goes on when the server does.

mod limits;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use signing_crypto::NameKind;
use signing_trust::store::{OrganizationRecord, SchemaStatus, Store, StoreError};
use signing_trust::{KeyManager, TrustError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::support::{Backend, Database, World, assert_refused, kek, run, shown, until};

/// Longer than the store lets any operation take.
const OPERATION: Duration = Duration::from_secs(40);

/// How long the server lets a statement take.
const STATEMENT: Duration = Duration::from_secs(10);

/// How many of the store's connections wait for a lock.
async fn waiting(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
               AND application_name = 'cloacina' AND wait_event_type = 'Lock'";
    database.connect().await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn until_waiting(database: &Database, expected: usize) {
    let all = async || waiting(database).await == expected as i64;
    until(STATEMENT / 2, "the operations wait for the lock", all).await;
}

/// A connection that keeps a table from everybody else.
async fn lock(database: &Database, table: &str) -> Client {
    let client = database.connect().await;
    client.batch_execute(&format!("BEGIN; LOCK TABLE {table}")).await.unwrap();
    client
}

async fn unlock(client: Client) {
    client.batch_execute("ROLLBACK").await.unwrap();
}

/// Ends every connection of the store, on the server's side.
async fn end_connections(database: &Database) {
    let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'cloacina'";
    database.execute(sql).await.unwrap();
}

fn create(world: &World, name: &str) -> JoinHandle<Result<OrganizationRecord, TrustError>> {
    let (keys, name) = (world.keys.clone(), name.parse().unwrap());
    tokio::spawn(async move { keys.create_organization(name).await })
}

/// Asserts that it ends in time, without having been done, and that the error tells
/// no password.
async fn assert_not_done<T: Debug, E: Into<TrustError>>(
    world: &World,
    work: impl Future<Output = Result<T, E>>,
) -> StoreError {
    match timeout(OPERATION, work).await.unwrap().map_err(Into::into) {
        Err(TrustError::Store(
            error @ (StoreError::Unavailable(_)
            | StoreError::ServerShutdown(_)
            | StoreError::TimedOut { .. }
            | StoreError::OutcomeUnknown(_)),
        )) => {
            let password = world.database.login().password;
            assert!(password.is_none_or(|password| !shown(&error).contains(&password)));
            error
        }
        other => panic!("{other:?}"),
    }
}

/// Waits until the store works again, and asserts that there is nothing but this.
async fn assert_only(world: &World, expected: &[&str]) {
    let works = async || world.store.organizations().await.is_ok();
    until(OPERATION, "the store works again", works).await;
    let names: Vec<_> = world.store.organizations().await.unwrap();
    let names: Vec<_> = names.iter().map(|org| org.name.to_string()).collect();
    assert_eq!(names, expected);
    let sql = "SELECT (SELECT count(*) FROM audit_heads), (SELECT count(*) FROM audit_log)";
    let row = world.database.connect().await.query_one(sql, &[]).await.unwrap();
    let count = expected.len() as i64;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (count, count));
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn connection_ended_during_a_transaction_leaves_nothing_half_done() {
    run(Backend::Postgres, async |world: World| {
        world.org("before").await;
        for ended in ["one", "two", "three"] {
            // The organization is written by then, its log entry is not.
            let locked = lock(&world.database, "audit_log").await;
            let change = create(&world, ended);
            until_waiting(&world.database, 1).await;
            end_connections(&world.database).await;

            let error = assert_not_done(&world, async { change.await.unwrap() }).await;
            assert!(matches!(error, StoreError::ServerShutdown(_)), "{error:?}");
            unlock(locked).await;
            assert_only(&world, &["before"]).await;
        }
        world.org("one").await;
        assert_only(&world, &["before", "one"]).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn connection_ended_during_a_verification_decides_nothing() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let locked = lock(&world.database, "trusted_keys").await;
        let asked = {
            let (keys, fingerprint) = (world.keys.clone(), vendor.key.fingerprint);
            tokio::spawn(async move { keys.find_trusted_key(vendor.org, &fingerprint).await })
        };
        until_waiting(&world.database, 1).await;
        end_connections(&world.database).await;
        let error = assert_not_done(&world, async { asked.await.unwrap() }).await;
        assert!(matches!(error, StoreError::ServerShutdown(_)), "{error:?}");

        unlock(locked).await;
        let works = async || world.keys.find_trusted_key(vendor.org, &vendor.key.fingerprint).await;
        until(OPERATION, "it decides again", async || works().await.is_ok()).await;
        assert!(works().await.unwrap().is_some());
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn connection_ended_during_a_migration_leaves_nothing_behind() {
    run(Backend::Postgres, async |database: Database| {
        // It lets the migration begin, and not end.
        let client = database.connect().await;
        client.batch_execute("BEGIN; CREATE SCHEMA cloacina").await.unwrap();
        let url = database.url();
        let migration = tokio::spawn(async move { Store::migrate(&url).await.map(|_| ()) });
        until_waiting(&database, 1).await;
        end_connections(&database).await;
        let refused = timeout(OPERATION, migration).await.unwrap().unwrap();
        assert_refused!(refused, StoreError::ServerShutdown(_));
        unlock(client).await;

        assert_refused!(Store::open(&database.url()).await, StoreError::NoStore);
        let (store, applied) = Store::migrate(&database.url()).await.unwrap();
        assert!(!applied.is_empty());
        assert_eq!(store.schema_status().await.unwrap(), SchemaStatus::Current);
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn migrations_wait_for_the_one_that_came_first() {
    run(Backend::Postgres, async |database: Database| {
        let first = database.connect().await;
        first.batch_execute("BEGIN; CREATE SCHEMA cloacina").await.unwrap();
        let migrations: JoinSet<_> = (0..2)
            .map(|_| {
                let url = database.url();
                async move { Store::migrate(&url).await.unwrap().1.len() }
            })
            .collect();
        until_waiting(&database, 2).await;
        assert_refused!(Store::open(&database.url()).await, StoreError::NoStore);
        unlock(first).await;

        let applied = migrations.join_all().await;
        assert!(applied.contains(&0) && applied.iter().any(|&count| count > 0), "{applied:?}");
        Store::open(&database.url()).await.unwrap();
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn eight_programs_that_create_one_key_name_create_one_key() {
    run(Backend::Postgres, async |world: World| {
        let org = world.org("acme").await;
        let mut programs = Vec::new();
        for _ in 0..8 {
            let store = Store::open(&world.database.url()).await.unwrap();
            programs.push(KeyManager::new(store, Some(kek(1))));
        }
        let created: JoinSet<_> =
            programs
                .into_iter()
                .map(|keys| async move {
                    keys.create_signing_key(org, "release".parse().unwrap()).await
                })
                .collect();
        let (made, refused): (Vec<_>, Vec<_>) =
            created.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for refused in refused {
            assert_refused!(
                refused,
                TrustError::Store(StoreError::NameTaken { kind: NameKind::Key })
            );
        }
    });
}
