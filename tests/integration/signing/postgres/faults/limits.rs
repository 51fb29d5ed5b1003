//! Locks and statements that last too long, for the server or altogether.

use std::time::{Duration, Instant};

use signing_trust::TrustError;
use signing_trust::store::{Store, StoreError};
use tokio::time::sleep_until;

use super::{
    OPERATION, STATEMENT, assert_not_done, assert_only, create, lock, unlock, until_waiting,
    waiting,
};
use crate::support::{Backend, Database, World, assert_refused, run, until};

/// How long the server lets a statement wait for a lock.
const LOCK: Duration = Duration::from_secs(8);

/// How many connections a store has.
const POOL: usize = 8;

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn locked_table_ends_a_statement_in_the_servers_time() {
    run(Backend::Postgres, async |world: World| {
        world.org("before").await;
        let locked = lock(&world.database, "organizations").await;
        let started = Instant::now();
        let (read, written) = tokio::join!(
            assert_not_done(&world, world.store.organizations()),
            assert_not_done(&world, world.keys.create_organization("late".parse().unwrap())),
        );
        // The server itself says so, which is before the store stops to wait.
        for error in [read, written] {
            assert!(matches!(error, StoreError::TimedOut { after } if after == LOCK), "{error:?}");
        }
        assert!(started.elapsed() < LOCK + Duration::from_secs(4));
        unlock(locked).await;
        assert_only(&world, &["before"]).await;
        world.org("late").await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn statement_that_takes_too_long_ends_in_the_servers_time() {
    run(Backend::Postgres, async |world: World| {
        world.org("before").await;
        let sql = "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
                   AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
                   CREATE TRIGGER dawdle BEFORE INSERT ON organizations
                   FOR EACH ROW EXECUTE FUNCTION dawdle()";
        world.database.execute(sql).await.unwrap();
        let started = Instant::now();
        let change = world.keys.create_organization("late".parse().unwrap());
        let error = assert_not_done(&world, change).await;
        assert!(matches!(error, StoreError::TimedOut { after } if after == STATEMENT), "{error:?}");
        assert!(started.elapsed() < STATEMENT + Duration::from_secs(4));
        world.database.execute("DROP TRIGGER dawdle ON organizations").await.unwrap();
        assert_only(&world, &["before"]).await;
        world.org("late").await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn change_that_took_too_long_altogether_is_not_made_afterwards() {
    run(Backend::Postgres, async |world: World| {
        world.org("before").await;
        let mut locks = Vec::new();
        for table in ["audit_log", "audit_heads", "organizations"] {
            locks.push(lock(&world.database, table).await);
        }
        let (started, change) = (Instant::now(), create(&world, "late"));
        // No lock lasts as long as the server waits for one; together they last longer
        // than the store waits.
        for seconds in [5, 10] {
            until_waiting(&world.database, 1).await;
            sleep_until((started + Duration::from_secs(seconds)).into()).await;
            unlock(locks.pop().unwrap()).await;
        }
        until_waiting(&world.database, 1).await;
        assert_refused!(
            change.await.unwrap(),
            TrustError::Store(StoreError::TimedOut { after }) if after == Duration::from_secs(15)
        );
        assert_eq!(waiting(&world.database).await, 1);

        unlock(locks.pop().unwrap()).await;
        let client = world.database.connect().await;
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'cloacina' AND state <> 'idle'";
        let idle = async || client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0;
        until(STATEMENT, "it has ended", idle).await;
        assert_only(&world, &["before"]).await;
        world.org("late").await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn migration_waits_longer_for_another_one_than_a_statement_may_take() {
    run(Backend::Postgres, async |database: Database| {
        let first = database.connect().await;
        first.batch_execute("BEGIN; CREATE SCHEMA cloacina").await.unwrap();
        let (started, url) = (Instant::now(), database.url());
        let migration = tokio::spawn(async move { Store::migrate(&url).await.map(|_| ()) });
        until_waiting(&database, 1).await;
        sleep_until((started + STATEMENT + Duration::from_secs(6)).into()).await;
        until_waiting(&database, 1).await;
        assert!(!migration.is_finished());
        unlock(first).await;
        migration.await.unwrap().unwrap();
        Store::open(&database.url()).await.unwrap();
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn exhausted_pool_is_refused_in_time_and_recovers() {
    run(Backend::Postgres, async |world: World| {
        world.org("before").await;
        let locked = lock(&world.database, "organizations").await;
        let holders: Vec<_> =
            (0..POOL).map(|number| create(&world, &format!("holder-{number}"))).collect();
        until_waiting(&world.database, POOL).await;

        let started = Instant::now();
        let ninth = assert_not_done(&world, world.store.organizations()).await;
        assert!(matches!(ninth, StoreError::TimedOut { .. }), "{ninth:?}");
        assert!(started.elapsed() < OPERATION / 2);
        for holder in holders {
            let error = assert_not_done(&world, async { holder.await.unwrap() }).await;
            assert!(matches!(error, StoreError::TimedOut { .. }), "{error:?}");
        }
        unlock(locked).await;
        assert_only(&world, &["before"]).await;
    });
}
