//! A role holds, or waits for, every lock that it can get.

use std::time::{Duration, Instant};

use signing_trust::Resign;
use signing_trust::store::{Change, Revocation, RolePurpose, Store};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::support::{Backend, Database, World, kek, run, until};

/// Much less than any statement waits for a lock, and much more than it takes.
const AT_ONCE: Duration = Duration::from_secs(4);

/// The numbers that the store's advisory locks had.
const NUMBERS: [i64; 2] = [4_832_910_174_652_801, 4_832_910_174_652_802];

async fn hold_numbers(client: &Client) {
    for number in NUMBERS {
        let sql = format!("SELECT pg_advisory_lock({number})");
        client.batch_execute(&sql).await.unwrap();
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_holds_advisory_locks_delays_no_new_key() {
    run(Backend::Postgres, async |world: World| {
        let org = world.org("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        let client = role.login.connect().await;
        hold_numbers(&client).await;
        let created = world.keys.create_signing_key(org, "release".parse().unwrap());
        timeout(AT_ONCE, created).await.unwrap().unwrap();
        drop(client);
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_holds_advisory_locks_delays_no_migration() {
    run(Backend::Postgres, async |database: Database| {
        let client = database.connect().await;
        hold_numbers(&client).await;
        timeout(AT_ONCE, Store::migrate(&database.url())).await.unwrap().unwrap();
    });
}

/// Preparing a statement asks for no right, and locks the tables behind the views until the end
/// of the transaction.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_prepares_a_change_of_every_table_delays_none() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        let client = role.login.connect().await;
        let names = "SELECT relname::text FROM pg_class
                     WHERE relnamespace = 'cloacina_views'::regnamespace AND relkind = 'v'";
        let views: Vec<String> =
            client.query(names, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let hold = "SET idle_in_transaction_session_timeout = 0; BEGIN";
        client.batch_execute(hold).await.unwrap();
        for view in &views {
            let sql = format!("PREPARE {view} AS DELETE FROM cloacina_views.{view}");
            client.batch_execute(&sql).await.unwrap();
        }
        let locked = "SELECT count(DISTINCT relation) FROM pg_locks
                      JOIN pg_class ON pg_class.oid = relation
                      WHERE relnamespace = 'cloacina'::regnamespace AND relkind = 'r'
                        AND mode = 'RowExclusiveLock'";
        let observer = world.database.connect().await;
        let locked: i64 = observer.query_one(locked, &[]).await.unwrap().get(0);
        assert_eq!(locked, views.len() as i64, "the attack does not work");

        timeout(AT_ONCE, world.key(vendor.org, "another")).await.unwrap();
        timeout(AT_ONCE, world.keys.rotate_kek(&kek(2))).await.unwrap().unwrap();
        timeout(AT_ONCE, Store::migrate(&world.database.url())).await.unwrap().unwrap();
        let revoked = world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired());
        timeout(AT_ONCE, revoked).await.unwrap().unwrap();
        drop(client);
        role.remove().await;
    });
}

/// `CREATE RULE` asks for the strongest lock on a table before it asks for any right to
/// it. While it waits for somebody who reads the table, everybody else waits behind it.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_queues_for_the_strongest_lock_delays_no_revocation() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let by = world.seen_by(&world.role(RolePurpose::Admin).await).await;
        for role in [
            world.role(RolePurpose::Runner).await,
            world.role(RolePurpose::Signer(vendor.org)).await,
        ] {
            let (reads, queues) = (role.login.connect().await, role.login.connect().await);
            let hold = "SET idle_in_transaction_session_timeout = 0;
                        BEGIN; SELECT FROM trusted_keys; SELECT FROM store_state";
            reads.batch_execute(hold).await.unwrap();
            let rule = "SET lock_timeout = 0; SET statement_timeout = 0;
                        CREATE RULE stop AS ON UPDATE TO trusted_keys DO INSTEAD NOTHING";
            let queued = tokio::spawn(async move { queues.batch_execute(rule).await });
            sleep(Duration::from_millis(500)).await;

            let started = Instant::now();
            let revoked = timeout(
                AT_ONCE,
                by.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()),
            )
            .await;
            let revoked = revoked.expect("the revocation waits for the role").unwrap();
            assert!(matches!(revoked, Change::Made(_)), "{revoked:?}");
            assert!(started.elapsed() < AT_ONCE);

            drop(reads);
            let error = queued.await.unwrap().unwrap_err();
            assert!(error.code().is_some(), "{error}");
            let note = "again".parse().unwrap();
            by.keys.reinstate_trusted_key(vendor.trusted.id, &note).await.unwrap();
            role.remove().await;
        }
    });
}

/// Signing again changes what is stored for the organization, so it waits for others who
/// do. A revocation must not wait behind it.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_that_holds_its_lock_delays_no_revocation_behind_a_rotation() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let other = world.key(vendor.org, "other").await;
        let trusted = world.trust(vendor.org, &other).await;
        let role = world.role(RolePurpose::Signer(vendor.org)).await;
        let signer = role.login.connect().await;
        let hold = "SET idle_in_transaction_session_timeout = 0;
                    BEGIN; SELECT FROM cloacina_views.signature_locks FOR UPDATE";
        signer.batch_execute(hold).await.unwrap();
        let (keys, old) = (world.keys.clone(), vendor.key.id);
        let rotation =
            tokio::spawn(async move { keys.rotate_signing_key(old, None, Resign::All).await });
        let observer = world.database.connect().await;
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until(AT_ONCE, "the rotation waits for the signer", async || {
            observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1
        })
        .await;

        let revoked =
            timeout(AT_ONCE, world.keys.revoke_trusted_key(trusted.id, Revocation::retired()))
                .await;
        let revoked = revoked.expect("the revocation waits for the rotation").unwrap();
        assert!(matches!(revoked, Change::Made(_)), "{revoked:?}");

        drop(signer);
        assert_eq!(rotation.await.unwrap().unwrap().signatures.added, 1);
        role.remove().await;
    });
}
