use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{OrgId, PackageName, TrustStateId};
use signing_store::{Heartbeat, TrustFacts};

use crate::Signers;

/// How much is kept at most: an answer has a fact for each grant by which a key is
/// trusted, and a fact takes some 600 bytes.
const MOST_FACTS: usize = 50_000;

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

    /// How much it takes to keep, in facts: one at least.
    fn size(&self) -> usize {
        self.facts.facts.len().max(1)
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

/// Answers about one state of trust. What it takes is bounded, however long answers are.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The epoch and state that all of them are about.
    about: Option<(i64, TrustStateId)>,
    answers: HashMap<Question, Answer>,
    facts: usize,
}

impl Kept {
    pub(crate) fn get(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(question)
    }

    /// Keeps an answer instead of all that are about an older state. One that is about an
    /// older state itself is not kept, nor one that would leave no room for others.
    pub(crate) fn keep(&mut self, question: Question, answer: Answer) {
        let heartbeat = &answer.facts.heartbeat;
        let about = (heartbeat.epoch, heartbeat.state);
        if self.about != Some(about) {
            if self.about.is_some_and(|(epoch, _)| heartbeat.epoch < epoch) {
                return;
            }
            self.clear();
            self.about = Some(about);
        }
        let facts = answer.size();
        if facts > MOST_FACTS {
            return;
        }
        if self.facts + facts > MOST_FACTS {
            self.answers.clear();
            self.facts = 0;
        }
        self.facts += facts;
        if let Some(replaced) = self.answers.insert(question, answer) {
            self.facts -= replaced.size();
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Answers to be used again, each only if the store has just said that nothing about
/// trust has changed since.
///
/// That takes one look at one row, where the question itself takes a dozen. The state
/// of trust is a random number that every change replaces, so that an equal one is
/// proof, whatever became of the database meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Kept>);

impl Answers {
    /// An answer to be confirmed, if the question was asked before.
    pub(crate) fn to_confirm(&self, question: &Question) -> Option<Unconfirmed> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(question).cloned().map(Unconfirmed)
    }

    /// Keeps an answer.
    pub(crate) fn keep(&self, question: Question, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(question, answer);
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
    use signing_store::TrustFact;

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

    fn question() -> Question {
        (OrgId::random(), Signers::default(), "package.so".parse().unwrap())
    }

    /// With so many facts, about the state of an epoch.
    fn about(epoch: i64, state: TrustStateId, facts: usize) -> Answer {
        let heartbeat = Heartbeat { epoch, state, as_of: None };
        let fact = TrustFact {
            org_id: OrgId::random(),
            org_name: "acme".parse().unwrap(),
            org_deleted_at: None,
            grant: None,
            key: None,
            compromised_at: None,
        };
        let facts = TrustFacts { heartbeat, floor: None, facts: vec![fact; facts] };
        Answer::new(facts, boot_time())
    }

    #[test]
    fn what_is_kept_is_bounded_by_how_many_facts_there_are() {
        let (state, mut kept) = (TrustStateId::random(), Kept::default());
        let first = question();
        kept.keep(first.clone(), about(1, state, 20_000));
        kept.keep(question(), about(1, state, 20_000));
        assert!(kept.get(&first).is_some());
        kept.keep(question(), about(1, state, 20_000));
        assert!(kept.get(&first).is_none());
        assert_eq!((kept.answers.len(), kept.facts), (1, 20_000));

        kept.keep(first.clone(), about(1, state, MOST_FACTS + 1));
        assert!(kept.get(&first).is_none());
        for _ in 0..3 {
            kept.keep(first.clone(), about(1, state, 10_000));
            assert_eq!((kept.answers.len(), kept.facts), (2, 30_000));
        }
    }

    #[test]
    fn answers_without_facts_are_bounded_too() {
        let (state, mut kept) = (TrustStateId::random(), Kept::default());
        for _ in 0..MOST_FACTS {
            kept.keep(question(), about(1, state, 0));
        }
        assert_eq!(kept.answers.len(), MOST_FACTS);
        kept.keep(question(), about(1, state, 0));
        assert_eq!((kept.answers.len(), kept.facts), (1, 1));
    }

    #[test]
    fn answers_about_an_older_state_are_dropped_and_not_taken() {
        let (old, new) = (TrustStateId::random(), TrustStateId::random());
        let (mut kept, [before, after, late]) = (Kept::default(), [(); 3].map(|()| question()));
        kept.keep(before.clone(), about(1, old, 5));
        kept.keep(after.clone(), about(2, new, 7));
        assert!(kept.get(&before).is_none());
        kept.keep(late.clone(), about(1, old, 5));
        assert!(kept.get(&late).is_none() && kept.get(&after).is_some());
        assert_eq!(kept.facts, 7);
    }
}
