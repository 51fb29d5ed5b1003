use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::StoreError;

/// How long an operation may take, including the wait for a connection. This is longer
/// than the limits that the databases are given, so that their answer comes first.
pub(crate) const OPERATION_LIMIT: Duration = Duration::from_secs(15);

/// How long an operation may take that goes through the whole store.
pub(crate) const LONG_OPERATION_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Until when a change may be made: it is committed or given up, never both.
#[derive(Clone)]
pub(crate) struct Deadline {
    after: Duration,
    pub(crate) at: Instant,
    /// Whether it is decided: the commit has begun, or the caller has given up.
    settled: Arc<AtomicBool>,
}

impl Deadline {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, at: Instant::now() + after, settled: Arc::default() }
    }

    /// To be asked right before the commit, and refused if that is too late: who waited
    /// was told that nothing was changed.
    pub(crate) fn may_commit(&self) -> Result<(), StoreError> {
        match Instant::now() < self.at && !self.settled.swap(true, Ordering::SeqCst) {
            true => Ok(()),
            false => Err(StoreError::TimedOut { after: self.after }),
        }
    }

    /// The error for a caller that stops waiting: that nothing was changed and nothing will
    /// be, unless the commit has begun.
    pub(crate) fn give_up(&self) -> StoreError {
        let late = StoreError::TimedOut { after: self.after };
        match self.settled.swap(true, Ordering::SeqCst) {
            true => StoreError::OutcomeUnknown(late.into()),
            false => late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_given_up_is_not_committed() {
        let deadline = Deadline::new(LONG);
        let commits = deadline.clone();
        assert!(matches!(deadline.give_up(), StoreError::TimedOut { .. }));
        assert!(matches!(commits.may_commit(), Err(StoreError::TimedOut { .. })));
    }

    #[test]
    fn a_caller_that_gives_up_during_a_commit_does_not_know_its_outcome() {
        let deadline = Deadline::new(LONG);
        deadline.clone().may_commit().unwrap();
        assert!(matches!(deadline.give_up(), StoreError::OutcomeUnknown(_)));
    }

    #[test]
    fn nothing_is_committed_too_late_even_if_nobody_has_given_up() {
        let deadline = Deadline::new(Duration::ZERO);
        assert!(matches!(deadline.may_commit(), Err(StoreError::TimedOut { .. })));
        assert!(matches!(deadline.give_up(), StoreError::TimedOut { .. }));
    }
}
