//! Many callers at once, and callers that do not wait for the answer.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_crypto::{NameKind, SigningKey};
use signing_trust::store::{Revocation, Store, StoreError};
use signing_trust::{KeyManager, TrustError};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::assert_unbroken;
use crate::support::{Backend, Database, World, assert_refused, on_both_backends, run};

on_both_backends! {
    processes_that_start_at_once_migrate_once,
    of_eight_writers_of_one_key_name_one_succeeds,
    of_eight_writers_of_one_organization_name_one_succeeds,
    eight_writers_that_trust_one_key_make_one_row,
    changes_at_once_leave_an_unbroken_log,
    callers_that_stop_waiting_leave_no_transaction_open,
    change_that_nobody_waits_for_is_made_to_its_end,
    aborted_callers_leave_no_transaction_open,
    callers_that_neither_wait_nor_go_keep_nobody_from_changes,
}

const WRITERS: usize = 8;

/// Does it eight times at once.
async fn at_once<T, F>(work: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: JoinSet<T> = (0..WRITERS).map(work).collect();
    tasks.join_all().await
}

async fn processes_that_start_at_once_migrate_once(database: Database) {
    // Each has a pool of its own, as processes have.
    let url = database.url();
    let migrated = at_once(|_| {
        let url = url.clone();
        async move { Store::migrate(&url).await }
    })
    .await;

    let applied: Vec<_> = migrated.into_iter().map(|result| result.unwrap().1).collect();
    assert_eq!(applied.iter().filter(|applied| !applied.is_empty()).count(), 1, "{applied:?}");
    assert!(Store::open(&url).await.is_ok());
}

/// Asserts that one has succeeded, and that the others found the name taken.
fn assert_one_succeeded<T: Debug>(results: Vec<Result<T, TrustError>>, what: NameKind) {
    let (made, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, WRITERS - 1), "{refused:?}");
    for refused in refused {
        assert_refused!(
            refused,
            TrustError::Store(StoreError::NameTaken { kind }) if kind == what
        );
    }
}

async fn of_eight_writers_of_one_key_name_one_succeeds(world: World) {
    let org = world.org("acme").await;
    let created = at_once(|_| {
        let keys = world.keys.clone();
        async move { keys.create_signing_key(org, "release".parse().unwrap()).await }
    })
    .await;

    assert_one_succeeded(created, NameKind::Key);
    assert_eq!(world.store.signing_keys(org).await.unwrap().len(), 1);
    // What was not made is not in the log either.
    let log = world.store.audit_log(org).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_unbroken(&log);
}

async fn of_eight_writers_of_one_organization_name_one_succeeds(world: World) {
    let created = at_once(|_| {
        let keys = world.keys.clone();
        async move { keys.create_organization("acme".parse().unwrap()).await }
    })
    .await;

    assert_one_succeeded(created, NameKind::Organization);
    assert_eq!(world.store.organizations().await.unwrap().len(), 1);
}

async fn eight_writers_that_trust_one_key_make_one_row(world: World) {
    let org = world.org("acme").await;
    let key = SigningKey::generate().unwrap().verifying_key();
    let trusted = at_once(|_| {
        let keys = world.keys.clone();
        async move { keys.trust_public_key(org, &key, None, None).await.unwrap().into_inner().id }
    })
    .await;

    assert!(trusted.windows(2).all(|pair| pair[0] == pair[1]), "{trusted:?}");
    assert_eq!(world.store.audit_log(org).await.unwrap().len(), 2);
}

async fn changes_at_once_leave_an_unbroken_log(world: World) {
    let org = world.org("acme").await;
    at_once(|writer| {
        let keys = world.keys.clone();
        async move {
            let name = format!("key-{writer}").parse().unwrap();
            let key = keys.create_signing_key(org, name).await.unwrap();
            keys.trust_public_key(org, &key.public_key, None, None).await.unwrap();
            keys.deny_key(org, &key.fingerprint, None).await.unwrap();
            keys.revoke_signing_key(key.id, Revocation::retired()).await.unwrap();
        }
    })
    .await;

    let log = world.store.audit_log(org).await.unwrap();
    assert_eq!(log.len(), 1 + 4 * WRITERS);
    assert_unbroken(&log);
}

/// Asserts that writing goes on, that nothing is half-done, and that no connection
/// is left within a transaction.
async fn assert_writable(world: &World) {
    for name in ["one", "more"] {
        world.org(name).await;
    }
    for org in world.store.organizations().await.unwrap() {
        let log = world.store.audit_log(org.id).await.unwrap();
        assert_eq!(log.len(), 1, "{}", org.name);
        assert_unbroken(&log);
    }
    if world.database.is_sqlite() {
        // Waits for other writers, and only as long as a busy database may take.
        world.database.execute("BEGIN IMMEDIATE; ROLLBACK;").await.unwrap();
    } else {
        assert_no_transaction_is_left(&world.database).await;
    }
}

/// What nobody waits for still runs to its end, so that is waited for: not as long as
/// the server would take to end a transaction that has been left.
async fn assert_no_transaction_is_left(database: &Database) {
    let client = database.connect().await;
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let none = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    };
    let ended = timeout(Duration::from_secs(10), none).await;
    assert!(ended.is_ok(), "a connection is left within a transaction");
}

/// What a future yields, if it does so before it was woken this often.
pub(super) async fn polled<T>(work: impl Future<Output = T>, times: usize) -> Option<T> {
    let (mut work, mut left) = (pin!(work), times);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

async fn callers_that_stop_waiting_leave_no_transaction_open(world: World) {
    let mut left = 0;
    for number in 0..5 * WRITERS {
        let name = format!("dropped-{number}").parse().unwrap();
        // Each gets a little further than the one before, until it is done.
        let made = polled(world.keys.create_organization(name), 1 + number % 15).await;
        left += usize::from(made.is_none());
    }
    assert!(left > 0);
    assert_writable(&world).await;
}

async fn change_that_nobody_waits_for_is_made_to_its_end(world: World) {
    for number in 0..WRITERS {
        let name = format!("dropped-{number}").parse().unwrap();
        assert!(polled(world.keys.create_organization(name), 1).await.is_none());
    }
    let made = async {
        while world.store.organizations().await.unwrap().len() < WRITERS {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(10), made).await.is_ok(), "some were not made");
}

async fn aborted_callers_leave_no_transaction_open(world: World) {
    for number in 0..3 * WRITERS {
        let (keys, name) = (world.keys.clone(), format!("aborted-{number}").parse().unwrap());
        let caller = tokio::spawn(async move { keys.create_organization(name).await });
        // Each gets a little further than the one before.
        for _ in 0..number {
            tokio::task::yield_now().await;
        }
        caller.abort();
    }
    assert_writable(&world).await;
}

/// With a rollback journal a commit waits for those who read, and that has an end.
#[test]
fn change_that_others_read_across_for_too_long_is_not_made_and_keeps_nobody_waiting() {
    run(Backend::Sqlite, async |world: World| {
        let url = world.database.file().to_str().unwrap();
        let mut reader = SqliteConnection::establish(url).unwrap();
        reader.batch_execute("BEGIN; SELECT count(*) FROM organizations;").unwrap();

        let refused = world.keys.create_organization("acme".parse().unwrap()).await;
        assert_refused!(refused, TrustError::Store(StoreError::FileLocked { .. }));

        reader.batch_execute("COMMIT").unwrap();
        assert!(world.store.organizations().await.unwrap().is_empty());
        assert_writable(&world).await;
    });
}

async fn callers_that_neither_wait_nor_go_keep_nobody_from_changes(world: World) {
    let elsewhere = KeyManager::new(Store::open(&world.database.url()).await.unwrap(), None);
    world.org("first").await;
    let mut held_back = 0;
    for times in 1..15 {
        let name = format!("held-{times}").parse().unwrap();
        let mut held = pin!(world.keys.create_organization(name));
        // Each gets a little further than the one before, and is left there.
        let made = polled(held.as_mut(), times).await;
        let name = format!("other-{times}").parse().unwrap();
        let other = timeout(Duration::from_secs(3), elsewhere.create_organization(name)).await;
        other.expect("it waits for an idle client").unwrap();
        if made.is_none() {
            held_back += 1;
            held.await.unwrap();
        }
    }
    assert!(held_back > 0);
}
