use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{OrgId, PackageName};
use signing_store::{Store, StoreError, TrustFacts, TrustWatch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::Signers;

/// How old what is known about trust may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// Every decision asks the store. One that starts after a revocation returned
    /// knows of it.
    #[default]
    Strict,
    /// Decisions may be answered from memory as long as the store would have told
    /// of a change: while connected, and no longer than this after the last
    /// heartbeat that it answered was sent. Beyond that the store is asked, and if
    /// it cannot be, nothing is decided.
    ///
    /// On Postgres a change is heard of when it commits. On SQLite only heartbeats
    /// find out, three in this time.
    Bounded(Duration),
}

/// The most answers that are remembered.
const MOST_ANSWERS: usize = 10_000;

/// What was asked.
pub(crate) type Question = (OrgId, Signers, PackageName);

/// What the store said, and when it was asked.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) facts: TrustFacts,
    asked: Duration,
}

impl Answer {
    /// The answer to a question that was sent at `asked`.
    pub(crate) fn new(facts: TrustFacts, asked: Duration) -> Self {
        Self { facts, asked }
    }

    /// The present: the later of the local clock, and the store's as it has gone on
    /// since.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let since = boot_time().saturating_sub(self.asked);
        let theirs = self.facts.as_of.and_then(|as_of| {
            as_of.checked_add_signed(
                chrono::TimeDelta::from_std(since).unwrap_or(chrono::TimeDelta::MAX),
            )
        });
        theirs.into_iter().chain([Utc::now()]).max().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Answers in memory, and the task that throws them away in time.
#[derive(Debug)]
pub(crate) struct Memory {
    shared: Arc<Mutex<Remembered>>,
    watcher: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// Until when what is remembered counts, on the clock that also runs while
    /// the machine sleeps.
    good_until: Option<Duration>,
    /// The trust epoch that is remembered.
    epoch: i64,
    /// How often everything was forgotten.
    generation: u64,
    answers: HashMap<Question, Arc<Answer>>,
}

/// When a question was asked, to tell whether its answer may be remembered.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    generation: u64,
}

impl Memory {
    /// Remembers what `store` says for `bound`. To be called within a runtime.
    pub(crate) fn new(store: Store, bound: Duration) -> Self {
        let shared = Arc::default();
        let watcher = tokio::spawn(watch(store, bound, Arc::downgrade(&shared)));
        Self { shared, watcher }
    }

    /// The answer, if it is known to be the one that the store would give.
    pub(crate) fn recall(&self, question: &Question) -> Result<Arc<Answer>, Asked> {
        let remembered = lock(&self.shared);
        let asked = Asked { generation: remembered.generation };
        if remembered.good_until.is_none_or(|until| boot_time() >= until) {
            return Err(asked);
        }
        remembered.answers.get(question).cloned().ok_or(asked)
    }

    /// Forgets everything, because trust was changed from here: that is not waited to
    /// be told.
    pub(crate) fn forget(&self) {
        lock(&self.shared).forget();
    }

    /// Remembers an answer, unless something has changed since it was asked for.
    pub(crate) fn remember(&self, asked: Asked, question: Question, answer: Arc<Answer>) {
        let mut remembered = lock(&self.shared);
        if remembered.generation != asked.generation || remembered.epoch != answer.facts.epoch {
            return;
        }
        if remembered.answers.len() >= MOST_ANSWERS {
            remembered.answers.clear();
        }
        remembered.answers.insert(question, answer);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Remembered {
    fn forget(&mut self) {
        self.generation += 1;
        self.answers.clear();
    }

    fn heard(&mut self, epoch: i64, good_until: Duration) {
        if epoch != self.epoch {
            self.forget();
            self.epoch = epoch;
        }
        self.good_until = Some(good_until);
    }

    fn cut_off(&mut self) {
        self.forget();
        self.good_until = None;
    }
}

/// Keeps what is remembered true until nobody remembers any more.
async fn watch(store: Store, bound: Duration, shared: Weak<Mutex<Remembered>>) {
    let pause = (bound / 3).clamp(Duration::from_millis(10), Duration::from_secs(1));
    while shared.strong_count() > 0 {
        if let Ok(Ok(connected)) = timeout(bound, store.watch_trust()).await {
            // However this ends, nothing is known from here on.
            let _ = listen(connected, bound, &shared).await;
        }
        let Some(remembered) = shared.upgrade() else { return };
        lock(&remembered).cut_off();
        drop(remembered);
        sleep(pause).await;
    }
}

async fn listen(
    mut connected: TrustWatch,
    bound: Duration,
    shared: &Weak<Mutex<Remembered>>,
) -> Result<(), StoreError> {
    loop {
        let sent = boot_time();
        let Ok(epoch) = timeout(bound, connected.heartbeat()).await else { return Ok(()) };
        let epoch = epoch?;
        let Some(remembered) = shared.upgrade() else { return Ok(()) };
        lock(&remembered).heard(epoch, sent.saturating_add(bound));
        drop(remembered);
        if let Ok(changed) = timeout(bound / 3, connected.changed()).await {
            // Forgotten before anything else is asked: the notification came
            // after the commit.
            let Some(remembered) = shared.upgrade() else { return Ok(()) };
            lock(&remembered).forget();
            changed?;
        }
    }
}

/// Time since boot, sleep included (clock_gettime(2)).
pub(crate) fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn lock(shared: &Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    // After a panic in between, at worst too little is remembered.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
