//! What a server goes through as a whole: it stands still, ends, comes back as another
//! one or from a copy, and runs out of disk. Each test has a server of its own.

mod confirmed_changes;
mod disk;
mod killed;
mod killed_rotation;
mod paused;
mod restarted;
mod standby;

use std::error::Error;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use signing_trust::store::{Store, StoreError};
use signing_trust::{Freshness, TrustError};
use tokio::time::timeout;

use crate::support::{Database, LONG, OwnServer, Runner, Vendor, World, is_away, shown, until};

/// How long the store lets any operation take, and a little for this machine.
const OPERATION: Duration = Duration::from_secs(18);

/// Programs that decide about one vendor, each in its own way.
struct Runners {
    strict: Runner,
    bounded: Runner,
}

impl Runners {
    /// With a bound so long that it ends no decision in the time of a test.
    async fn start(world: &World, vendor: &Vendor) -> Self {
        let strict = Runner::strict(world, vendor).await;
        assert!(strict.decide().await.unwrap());
        let freshness = Freshness::Bounded(LONG);
        let url = world.database.url();
        let bounded = Runner::start(&url, vendor.org, vendor, freshness).await;
        bounded.remembers(world, true).await;
        Self { strict, bounded }
    }

    fn each(&self) -> [&Runner; 2] {
        [&self.strict, &self.bounded]
    }

    /// Waits until both find this reason not to decide, and asserts that they go on to,
    /// that one that is strict decides nothing at all, and that none tells the password.
    async fn find_out(&self, server: &OwnServer, reason: impl Fn(&StoreError) -> bool) {
        let refuses = async |runner: &Runner| {
            let found = refusal(runner, server).await;
            assert!(found.is_some() || !std::ptr::eq(runner, &self.strict), "it decided");
            found.is_some_and(|error| reason(&error))
        };
        for runner in self.each() {
            until(OPERATION, "it finds out", async || refuses(runner).await).await;
            for _ in 0..20 {
                assert!(refuses(runner).await, "it forgot");
            }
        }
    }

    /// Waits until both give this answer again, by the pools that they have, and
    /// asserts that meanwhile neither gives the other one.
    async fn are_back(&self, world: &World, answer: bool) {
        for runner in self.each() {
            until(OPERATION, "it decides again", async || match runner.decide().await {
                Ok(decided) => {
                    assert_eq!(decided, answer);
                    true
                }
                Err(_) => false,
            })
            .await;
        }
        self.bounded.remembers(world, answer).await;
    }
}

/// Why the store refuses to decide, if it does, which never tells the password.
async fn refusal(runner: &Runner, server: &OwnServer) -> Option<StoreError> {
    match runner.decide().await {
        Ok(_) => None,
        Err(TrustError::Store(error)) => {
            assert_tells_no_password(&error, server);
            Some(error)
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Asserts that a question is refused in time because the server cannot be asked.
async fn assert_undecided(runner: &Runner, server: &OwnServer) {
    let decided = timeout(OPERATION, runner.decide()).await.unwrap();
    match decided {
        Err(TrustError::Store(error)) if is_away(&error) => {
            assert_tells_no_password(&error, server);
        }
        other => panic!("{other:?}"),
    }
}

/// Asserts that a change is refused in time, or not confirmed, and says which.
async fn assert_not_confirmed<T: Debug>(
    change: impl Future<Output = Result<T, TrustError>>,
    server: &OwnServer,
) -> StoreError {
    match timeout(OPERATION, change).await.unwrap() {
        Err(TrustError::Store(error))
            if is_away(&error) || matches!(error, StoreError::OutcomeUnknown(_)) =>
        {
            assert_tells_no_password(&error, server);
            error
        }
        other => panic!("{other:?}"),
    }
}

fn assert_tells_no_password(error: &(dyn Error + 'static), server: &OwnServer) {
    let shown = shown(error);
    assert!(!shown.contains(server.password()), "an error tells the password");
}

/// What one transaction changes together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ledger {
    revoked: i64,
    entries: i64,
    /// The sum of what the organizations' heads say of how many entries there are.
    heads: i64,
    epoch: i64,
}

impl Ledger {
    async fn of(database: &Database) -> Self {
        let sql = "SELECT (SELECT count(*) FROM trusted_keys WHERE revoked_at IS NOT NULL),
                          (SELECT count(*) FROM audit_log),
                          (SELECT sum(sequence)::bigint FROM audit_heads),
                          (SELECT trust_epoch FROM store_state)";
        let row = database.connect().await.query_one(sql, &[]).await.unwrap();
        let [revoked, entries, heads, epoch] = [0, 1, 2, 3].map(|column| row.get(column));
        let ledger = Self { revoked, entries, heads, epoch };
        assert_eq!(ledger.entries, ledger.heads, "{ledger:?}");
        ledger
    }

    /// As it is after one more key was revoked.
    fn with_a_revocation(&self) -> Self {
        let Self { revoked, entries, heads, epoch } = self;
        Self { revoked: revoked + 1, entries: entries + 1, heads: heads + 1, epoch: epoch + 1 }
    }
}

/// Waits until one of the store's connections waits for this kind of thing.
async fn until_one_waits(database: &Database, for_what: &str) {
    let client = database.connect().await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
               AND application_name = 'cloacina' AND $1 IN (wait_event_type, wait_event)";
    let waits = async || client.query_one(sql, &[&for_what]).await.unwrap().get::<_, i64>(0) == 1;
    until(Duration::from_secs(5), "an operation waits", waits).await;
}

/// Waits until a pool reaches the server again.
async fn until_reached(store: &Store) {
    until(OPERATION, "the server is reached", async || store.state().await.is_ok()).await;
}

async fn elapsed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    (work.await, started.elapsed())
}
