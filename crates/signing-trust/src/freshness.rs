use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use signing_crypto::TrustStateId;
use signing_store::{Heartbeat, Store, StoreError, TrustWatch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::answers::{Answer, Kept, Question, boot_time};

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
    /// The state of trust that is remembered.
    state: Option<TrustStateId>,
    /// How often everything was forgotten.
    generation: u64,
    answers: Kept,
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

    /// The answer, if it is known to be the one that the store would give, which was last
    /// seen to say `last`.
    pub(crate) fn recall(
        &self,
        question: &Question,
        last: Option<Heartbeat>,
    ) -> Result<Answer, Asked> {
        let remembered = lock(&self.shared);
        let asked = Asked { generation: remembered.generation };
        if remembered.good_until.is_none_or(|until| boot_time() >= until)
            || remembered.state != last.map(|heartbeat| heartbeat.state)
        {
            return Err(asked);
        }
        remembered.answers.get(question).ok_or(asked)
    }

    /// Forgets everything, because trust was changed from here: that is not waited to
    /// be told.
    pub(crate) fn forget(&self) {
        lock(&self.shared).forget();
    }

    /// Remembers an answer, unless something has changed since it was asked for.
    pub(crate) fn remember(&self, asked: Asked, question: Question, answer: Answer) {
        let mut remembered = lock(&self.shared);
        let state = Some(answer.facts.heartbeat.state);
        if remembered.generation != asked.generation || remembered.state != state {
            return;
        }
        remembered.answers.keep(question, answer);
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

    fn heard(&mut self, state: TrustStateId, good_until: Duration) {
        if self.state != Some(state) {
            self.forget();
            self.state = Some(state);
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
        sleep(scattered(pause)).await;
    }
}

/// Between half of it and all of it, so that programs which were cut off together do not
/// all come back together.
fn scattered(pause: Duration) -> Duration {
    // Its keys are random.
    let random = RandomState::new().hash_one(()) as u32;
    pause.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

async fn listen(
    mut connected: TrustWatch,
    bound: Duration,
    shared: &Weak<Mutex<Remembered>>,
) -> Result<(), StoreError> {
    loop {
        let sent = boot_time();
        let Ok(heartbeat) = timeout(bound, connected.heartbeat()).await else { return Ok(()) };
        let state = heartbeat?.state;
        let Some(remembered) = shared.upgrade() else { return Ok(()) };
        lock(&remembered).heard(state, sent.saturating_add(bound));
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

fn lock(shared: &Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    // After a panic in between, at worst too little is remembered.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_scattered_within_bounds() {
        let pause = Duration::from_secs(1);
        let pauses: Vec<_> = (0..100).map(|_| scattered(pause)).collect();
        assert!(pauses.iter().all(|scattered| (pause / 2..=pause).contains(scattered)));
        assert!(pauses.iter().any(|scattered| *scattered != pauses[0]));
    }
}
