use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{OrgId, PackageName};
use signing_store::{Heartbeat, TrustFacts};

use crate::Signers;

/// The most answers that are kept.
pub(crate) const MOST_ANSWERS: usize = 10_000;

/// What was asked.
pub(crate) type Question = (OrgId, Signers, PackageName);

/// What the store said, and when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) facts: Arc<TrustFacts>,
    as_of: Option<DateTime<Utc>>,
    asked: Duration,
}

impl Answer {
    /// The answer to a question that was sent at `asked`.
    pub(crate) fn new(facts: TrustFacts, asked: Duration) -> Self {
        let as_of = facts.heartbeat.as_of;
        Self { facts: Arc::new(facts), as_of, asked }
    }

    /// The answer that the store would give at a heartbeat that was asked for at
    /// `asked`: the same, if nothing about trust has changed since.
    fn at(&self, heartbeat: &Heartbeat, asked: Duration) -> Option<Self> {
        let unchanged = self.facts.heartbeat.state == heartbeat.state;
        unchanged.then(|| Self { facts: self.facts.clone(), as_of: heartbeat.as_of, asked })
    }

    /// The present: the later of the local clock, and the store's as it has gone on
    /// since.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let since = TimeDelta::from_std(boot_time().saturating_sub(self.asked));
        let theirs = self.as_of.map(|as_of| {
            as_of
                .checked_add_signed(since.unwrap_or(TimeDelta::MAX))
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        theirs.map_or_else(Utc::now, |theirs| theirs.max(Utc::now()))
    }
}

/// Answers to be used again, each only if the store has just said that nothing about
/// trust has changed since.
///
/// That takes one look at one row, where the question itself takes a dozen. The state
/// of trust is a random number that every change replaces, so that an equal one is
/// proof, whatever became of the database meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<HashMap<Question, Answer>>);

impl Answers {
    /// An answer to be confirmed, if the question was asked before.
    pub(crate) fn to_confirm(&self, question: &Question) -> Option<Unconfirmed> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(question).cloned().map(Unconfirmed)
    }

    /// Keeps an answer.
    pub(crate) fn keep(&self, question: Question, answer: Answer) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_ANSWERS {
            answers.clear();
        }
        answers.insert(question, answer);
    }
}

/// An answer of which it is not known whether it still holds.
#[derive(Debug)]
pub(crate) struct Unconfirmed(Answer);

impl Unconfirmed {
    /// The answer, if it holds at a heartbeat that was asked for at `asked`.
    pub(crate) fn confirm(self, heartbeat: &Heartbeat, asked: Duration) -> Option<Answer> {
        self.0.at(heartbeat, asked)
    }
}

/// Time since boot, sleep included (clock_gettime(2)).
pub(crate) fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use signing_crypto::TrustStateId;

    use super::*;

    fn heartbeat(state: TrustStateId, as_of: Option<&str>) -> Heartbeat {
        Heartbeat { epoch: 7, state, as_of: as_of.map(|time| time.parse().unwrap()) }
    }

    fn answer(state: TrustStateId, as_of: Option<&str>) -> Answer {
        let heartbeat = heartbeat(state, as_of);
        Answer::new(TrustFacts { heartbeat, floor: None, facts: Vec::new() }, boot_time())
    }

    #[test]
    fn an_answer_is_confirmed_by_the_state_that_it_was_given_in() {
        let state = TrustStateId::random();
        let unconfirmed = || Unconfirmed(answer(state, None));
        assert!(unconfirmed().confirm(&heartbeat(state, None), boot_time()).is_some());
        // As after a restored backup: as many changes, and others.
        let other = heartbeat(TrustStateId::random(), None);
        assert!(unconfirmed().confirm(&other, boot_time()).is_none());
    }

    #[test]
    fn the_present_is_the_later_of_two_clocks() {
        let state = TrustStateId::random();
        let ahead: DateTime<Utc> = "2999-01-01T00:00:00Z".parse().unwrap();
        assert!(answer(state, Some("2999-01-01T00:00:00Z")).now() >= ahead);
        let before = Utc::now();
        assert!(answer(state, Some("1999-01-01T00:00:00Z")).now() >= before);
        assert!(answer(state, None).now() >= before);
    }

    #[test]
    fn the_stores_clock_goes_on_while_an_answer_is_remembered() {
        let time = "2999-01-01T00:00:00Z";
        let hour = Duration::from_secs(3600);
        let asked = boot_time().checked_sub(hour).unwrap_or_default();
        let old = Answer { asked, ..answer(TrustStateId::random(), Some(time)) };
        let passed = TimeDelta::from_std(boot_time() - asked).unwrap();
        assert!(
            old.now() >= time.parse::<DateTime<Utc>>().unwrap() + passed - TimeDelta::seconds(1)
        );
    }
}
