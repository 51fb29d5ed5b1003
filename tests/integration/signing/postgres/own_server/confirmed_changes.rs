//! A server that dies by SIGKILL at any moment, while many change trust.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signing_crypto::{Fingerprint, OrgId, SigningKey};
use signing_trust::store::StoreError;
use signing_trust::{KeyManager, TrustError};
use tokio::task::JoinSet;

use super::{Ledger, OPERATION, assert_not_confirmed, until_reached};
use crate::support::{Database, End, OwnServer, World, run_alone, until};

/// How often the server dies.
const ROUNDS: usize = 3;
const WRITERS: usize = 8;

/// What somebody has denied who went on until a denial was not confirmed.
struct Denied {
    confirmed: Vec<Fingerprint>,
    last: Fingerprint,
    error: TrustError,
}

async fn deny(keys: KeyManager, org: OrgId, count: Arc<AtomicUsize>) -> Denied {
    let mut confirmed = Vec::new();
    loop {
        let last = SigningKey::generate().unwrap().fingerprint();
        if let Err(error) = keys.deny_key(org, &last, None).await {
            return Denied { confirmed, last, error };
        }
        confirmed.push(last);
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the database denies, each of which has had its entry in the log and its epoch
/// since it was as in `before`.
async fn denied(database: &Database, before: &Ledger) -> BTreeSet<String> {
    let client = database.connect().await;
    let sql = "SELECT encode(fingerprint, 'hex') FROM trusted_keys WHERE revoked_at IS NOT NULL";
    let rows = client.query(sql, &[]).await.unwrap();
    let denied: BTreeSet<_> = rows.iter().map(|row| row.get(0)).collect();
    let ledger = Ledger::of(database).await;
    let count = denied.len() as i64;
    let expected = (before.entries + count, before.epoch + count);
    assert_eq!((ledger.entries, ledger.epoch), expected);
    denied
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn confirmed_denials_outlive_a_server_that_is_killed_at_any_moment() {
    run_alone(async |server: OwnServer, world: World| {
        let mut orgs = Vec::new();
        for number in 0..WRITERS {
            orgs.push(world.org(&format!("operator-{number}")).await);
        }
        // As on servers that were tuned for speed.
        let client = world.database.connect().await;
        client.batch_execute("ALTER SYSTEM SET synchronous_commit = off").await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let before = Ledger::of(&world.database).await;
        for round in 0..ROUNDS {
            let count = Arc::new(AtomicUsize::new(0));
            let deny = |&org| deny(world.keys.clone(), org, count.clone());
            let writers: JoinSet<_> = orgs.iter().map(deny).collect();
            let some = 50 * (round + 1);
            let begun = async || count.load(Ordering::Relaxed) >= some;
            until(OPERATION, "some are denied", begun).await;
            server.end("primary", End::Killed);
            let ended = writers.join_all().await;
            server.start_in("primary");
            until_reached(&world.store).await;

            let denied = denied(&world.database, &before).await;
            for Denied { confirmed, last, error } in ended {
                let lost = confirmed.iter().find(|found| !denied.contains(&found.to_string()));
                assert_eq!(lost, None, "it was confirmed");
                let error = assert_not_confirmed(async { Err::<(), _>(error) }, &server).await;
                let made = denied.contains(&last.to_string());
                assert!(!made || matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
            }
        }
    });
}
