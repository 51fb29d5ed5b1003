use std::sync::{Mutex, MutexGuard, PoisonError};

use super::origin::AskHistory;
use crate::backend::origin::Origin;
use crate::error::StoreError;
use crate::migrations;

/// How often an answer is judged again because another one has come in between.
const ATTEMPTS: usize = 20;

/// The most recent origin that a process has seen: whatever else it has seen is in the
/// past of that.
#[derive(Debug, Default)]
pub(crate) struct LastSeen(Mutex<Option<Origin>>);

impl LastSeen {
    /// The newest state that was seen. Read it before sending a query: the answer must not be older,
    /// but answers to later queries may arrive first.
    pub(crate) fn latest(&self) -> Option<Origin> {
        *self.lock()
    }

    /// Refuses an answer that cannot be about now.
    ///
    /// A higher epoch alone says little: a store that was set back reaches it again with
    /// any changes. So if the state of trust is another one than was seen last, `store`
    /// is asked whether it knows them both.
    pub(crate) async fn accept(
        &self,
        origin: Origin,
        before: Option<Origin>,
        store: &mut impl AskHistory,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(latest) = self.judge(&origin, before)? else { return Ok(()) };
            let (now, knows_both) = store.history_of([&origin, &latest]).await?;
            follows(&now, &latest, knows_both)?;
            if self.advance(origin, &latest) {
                return Ok(());
            }
        }
        Err(StoreError::unavailable("trust was changed each time that it was read"))
    }

    /// Within a transaction that has made its change: the state of trust that it leaves,
    /// which is to be [remembered](Self::remember_commit) when it is committed.
    pub(crate) async fn state_after_change(
        &self,
        store: &mut impl AskHistory,
    ) -> Result<NewState, StoreError> {
        // Something was accepted at the latest when the transaction began.
        let Some(after) = self.latest() else {
            return Err(StoreError::unavailable("a change was made before anything was seen"));
        };
        let (origin, knows_it) = store.history_of([&after, &after]).await?;
        follows(&origin, &after, knows_it)?;
        Ok(NewState { origin, previous: after })
    }

    /// Remembers what was changed from here: a server that lacks it later is refused,
    /// whether or not somebody has asked meanwhile.
    pub(crate) async fn remember_commit(&self, made: NewState, store: &mut impl AskHistory) {
        if !self.advance(made.origin, &made.previous) {
            // The change is made. If its store is refused now, the next question gets the
            // error.
            let _ = self.accept(made.origin, None, store).await;
        }
    }

    /// What the answer is still to be compared with, if anything.
    fn judge(&self, origin: &Origin, before: Option<Origin>) -> Result<Option<Origin>, StoreError> {
        can_be_understood(origin)?;
        let mut latest = self.lock();
        // Of the first answers, asked for at once, only one can be from this store.
        let Some(seen) = *latest else {
            *latest = Some(*origin);
            return Ok(None);
        };
        is_the_same_store(origin, &seen)?;
        if let Some(before) = before
            && origin.trust_epoch < before.trust_epoch
        {
            let (expected, found) = (before.trust_epoch, origin.trust_epoch);
            return Err(StoreError::EpochWentBack { expected, found });
        }
        // What was the latest before is in the past of what is the latest now.
        if origin.is_as(&seen) || before.is_some_and(|before| origin.is_as(&before)) {
            return Ok(None);
        }
        match origin.trust_epoch == seen.trust_epoch {
            true => Err(diverged(&seen, origin)),
            false => Ok(Some(seen)),
        }
    }

    /// Takes note of an origin that is of one history with `after`. Says whether it is
    /// with everything that was seen until now.
    fn advance(&self, origin: Origin, after: &Origin) -> bool {
        let mut latest = self.lock();
        if latest.is_none_or(|latest| !latest.is_as(after)) {
            // Only if it is in the past of `after`.
            return origin.trust_epoch <= after.trust_epoch;
        }
        if origin.trust_epoch > after.trust_epoch {
            *latest = Some(origin);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<Origin>> {
        // What is inside is one value, replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of trust that a transaction leaves.
pub(crate) struct NewState {
    origin: Origin,
    /// What was seen before.
    previous: Origin,
}

impl NewState {
    /// Whether trust is in another state than it was in before.
    pub(crate) fn changes(&self, before: &Origin) -> bool {
        !self.origin.is_as(before)
    }
}

/// Refuses a store that does not know what was seen, or cannot say.
fn follows(now: &Origin, seen: &Origin, knows: bool) -> Result<(), StoreError> {
    can_be_understood(now)?;
    is_the_same_store(now, seen)?;
    match knows {
        true => Ok(()),
        false => Err(diverged(seen, now)),
    }
}

fn can_be_understood(origin: &Origin) -> Result<(), StoreError> {
    // Without them nothing else that it says may be believed.
    if !origin.has_settings {
        return Err(StoreError::SessionSettingsLost);
    }
    match origin.in_recovery {
        true => Err(StoreError::InRecovery),
        false => migrations::require_version(origin.schema_version),
    }
}

fn is_the_same_store(origin: &Origin, seen: &Origin) -> Result<(), StoreError> {
    let (expected, found) = (seen.store_id, origin.store_id);
    match expected == found {
        true => Ok(()),
        false => Err(StoreError::AnotherStore { expected, found }),
    }
}

fn diverged(seen: &Origin, now: &Origin) -> StoreError {
    StoreError::HistoryDiverged { seen: seen.trust_epoch, found: now.trust_epoch }
}

#[cfg(test)]
mod tests;
