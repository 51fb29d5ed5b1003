//! Two threads that no other task of the program can hold up.
//!
//! One asks the store, in a runtime of its own and over connections of its own. The other one
//! waits for nothing but the clock: a database that neither answers nor refuses cannot keep
//! gates open.

use std::future::poll_fn;
use std::io;
use std::iter;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{self, Thread};
use std::time::Duration;

use signing_trust::store::StoreError;
use signing_trust::{TrustError, TrustFollower, TrustReader, boot_time};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::following::Following;
use super::package::Followed;
use crate::error::PackageError;
use crate::load::Provider;
use crate::verified::{questions, require_providers};

/// How long the watchdog sleeps at most. Its sleep does not count the time for which the
/// machine is suspended, and what it looks at does.
const MAX_SLEEP: Duration = Duration::from_millis(250);

/// How long a connection may take to be made. It may take longer than a store may be silent.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Starts both threads. Returns the one to wake when the following has ended.
pub(super) fn start(following: &Arc<Following>, trust: TrustReader) -> io::Result<Thread> {
    let guarded = Ended(following.clone());
    let watchdog = thread::Builder::new()
        .name("trust-watchdog".into())
        .spawn(move || watch(&guarded.0))?
        .thread()
        .clone();
    let guarded = Ended(following.clone());
    let (started, has_started) = mpsc::channel();
    thread::Builder::new().name("trust-follower".into()).spawn(move || {
        // Here, because a runtime cannot be dropped where the caller may be: in another one.
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return started.send(Err(error)).unwrap_or_default(),
        };
        // Dropped before the runtime is, which may wait for a file that hangs.
        let guarded = guarded;
        let _ = started.send(Ok(()));
        runtime.block_on(follow(&guarded.0, &trust));
        runtime.shutdown_background();
    })?;
    has_started.recv().map_err(io::Error::other)??;
    Ok(watchdog)
}

/// However a thread ends, nothing is followed from then on.
struct Ended(Arc<Following>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn watch(following: &Following) {
    while let Some(left) = following.close_if_stale() {
        thread::park_timeout(left.min(MAX_SLEEP));
    }
}

async fn follow(following: &Following, trust: &TrustReader) {
    let limit = following.max_staleness.as_duration();
    while !following.has_ended() {
        let followed = match timeout(CONNECT_LIMIT, trust.follow()).await {
            Ok(Ok(follower)) => decide_again_and_again(following, follower).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::TimedOut { after: CONNECT_LIMIT }.into()),
        };
        match followed {
            Ok(()) => return,
            Err(error) => following.failed(error),
        }
        let pause = TrustFollower::pause_before_reconnecting(limit);
        // Woken, it looks whether it is over, and begins earlier at worst.
        let _ = timeout(pause, following.woken.notified()).await;
    }
}

/// Until it is over, or the store does not answer.
async fn decide_again_and_again(
    following: &Following,
    mut follower: TrustFollower,
) -> Result<(), TrustError> {
    let limit = following.max_staleness.as_duration();
    // An expiry is noticed within a second, and on SQLite a revocation.
    let period = (limit / 3).min(Duration::from_secs(1));
    loop {
        let decided = timeout(limit, decide_again(following, &mut follower)).await;
        decided.map_err(|_| StoreError::TimedOut { after: limit })??;
        let next = timeout(period, change_or_wake(following, &mut follower)).await;
        if following.has_ended() {
            return Ok(());
        }
        next.unwrap_or(Ok(()))?;
    }
}

/// Decides about all packages as of now. Those that are registered from here on have woken this
/// thread for the next time.
async fn decide_again(
    following: &Following,
    follower: &mut TrustFollower,
) -> Result<(), TrustError> {
    let packages = following.packages();
    let (config, asked) = (&following.config, boot_time());
    let provided: Vec<Vec<Provider>> = packages
        .iter()
        .map(|package| package.providers.iter().map(Provider::by_now).collect())
        .collect();
    // Of each package, and then of those that it needs.
    let asked_of = |(package, provided): (&Arc<Followed>, &Vec<Provider>)| {
        let own = (package.report.claims(), package.report.name().clone());
        iter::once(own).chain(questions(provided))
    };
    let questions: Vec<_> = packages.iter().zip(&provided).flat_map(asked_of).collect();
    let allowance = config.clock_skew_allowance;
    let decisions = follower.decide_all(following.org, &questions, allowance).await?;
    let mut decisions = decisions.into_iter().map(|decision| decision.map_err(PackageError::from));
    let mut verdicts = Vec::new();
    for (package, provided) in packages.into_iter().zip(&provided) {
        let Some(decision) = decisions.next() else { break };
        let verdict = package.report.accepted_again(decision, config);
        let provided = require_providers(provided, &mut decisions, config);
        let verdict = verdict.and_then(|signers| provided.map(|()| signers));
        verdicts.push((package, verdict));
    }
    following.decided(asked, verdicts);
    Ok(())
}

/// Waits until trust has changed, or there is something new to decide about.
async fn change_or_wake(
    following: &Following,
    follower: &mut TrustFollower,
) -> Result<(), TrustError> {
    let mut changed = pin!(follower.changed());
    let mut woken = pin!(following.woken.notified());
    poll_fn(|context| match changed.as_mut().poll(context) {
        Poll::Pending => woken.as_mut().poll(context).map(Ok),
        changed => changed,
    })
    .await
}
