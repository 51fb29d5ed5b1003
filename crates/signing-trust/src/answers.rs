use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{OrgId, PackageName, PackageVersion, TrustStateId};
use signing_store::{Heartbeat, TrustFacts};

use crate::Signers;

/// How much is kept at most, in facts and floors: an answer has a fact for each grant by
/// which a key is trusted, and a fact takes some 600 bytes.
const MOST: usize = 50_000;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) org: OrgId,
    pub(crate) signers: Signers,
    pub(crate) package: PackageName,
}

/// What the store said, and when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) facts: TrustFacts,
    asked: Duration,
}

impl Answer {
    /// The answer to a question that was sent at `asked`.
    pub(crate) fn new(facts: TrustFacts, asked: Duration) -> Self {
        Self { facts, asked }
    }

    /// How many facts it takes to keep: one at least.
    fn size(&self) -> usize {
        self.facts.facts.len().max(1)
    }

    /// The present: the later of the local clock, and the store's as it has gone on
    /// since.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let since = TimeDelta::from_std(boot_time().saturating_sub(self.asked));
        let theirs = self.facts.heartbeat.as_of.map(|as_of| {
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
    orgs: HashMap<OrgId, OfOrganization>,
    size: usize,
}

/// Facts do not depend on the package, nor floors on the signers: each is kept once.
#[derive(Debug, Default)]
struct OfOrganization {
    answers: HashMap<Signers, Answer>,
    floors: HashMap<PackageName, Option<PackageVersion>>,
}

impl Kept {
    /// The whole answer.
    pub(crate) fn get(&self, question: &Question) -> Option<Answer> {
        match self.find(question)? {
            Unconfirmed { answer, floor: Floor::Known(floor) } => {
                Some(Answer { facts: TrustFacts { floor, ..answer.facts }, ..answer })
            }
            Unconfirmed { floor: Floor::Unknown, .. } => None,
        }
    }

    /// As much of the answer as is there.
    fn find(&self, question: &Question) -> Option<Unconfirmed> {
        let of_org = self.orgs.get(&question.org)?;
        let answer = of_org.answers.get(&question.signers)?.clone();
        let floor = of_org.floors.get(&question.package);
        Some(Unconfirmed { answer, floor: floor.cloned().map_or(Floor::Unknown, Floor::Known) })
    }

    /// Keeps an answer instead of all that are about an older state. One that is about an
    /// older state itself is not kept, nor one that is too large.
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
        self.forget(&question);
        // One more for the floor.
        let size = answer.size() + 1;
        if size > MOST {
            return;
        }
        if self.size + size > MOST {
            self.orgs.clear();
            self.size = 0;
        }
        self.size += size;
        let of_org = self.orgs.entry(question.org).or_default();
        of_org.floors.insert(question.package, answer.facts.floor.clone());
        of_org.answers.insert(question.signers, answer);
    }

    /// Makes room for an answer to the same question.
    fn forget(&mut self, question: &Question) {
        let Some(of_org) = self.orgs.get_mut(&question.org) else { return };
        let answer = of_org.answers.remove(&question.signers);
        let floor = of_org.floors.remove(&question.package);
        self.size -= answer.map_or(0, |answer| answer.size()) + usize::from(floor.is_some());
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Answers to be used again, each only if the store has just said that nothing about
/// trust has changed since.
///
/// That takes one look at one row, or two for a package that was not asked about before,
/// where the question itself takes a dozen. The state of trust is a random number that
/// every change replaces, so that an equal one is proof, whatever became of the database
/// meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Kept>);

impl Answers {
    /// An answer to be confirmed, if the store was asked about the signers before.
    pub(crate) fn to_confirm(&self, question: &Question) -> Option<Unconfirmed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).find(question)
    }

    /// Keeps an answer.
    pub(crate) fn keep(&self, question: Question, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(question, answer);
    }
}

/// An answer of which it is not known whether it still holds.
#[derive(Debug)]
pub(crate) struct Unconfirmed {
    answer: Answer,
    pub(crate) floor: Floor,
}

/// The lowest version of the package that is asked about.
#[derive(Clone, Debug)]
pub(crate) enum Floor {
    /// To be confirmed with the answer.
    Known(Option<PackageVersion>),
    /// To be asked for.
    Unknown,
}

impl Unconfirmed {
    /// The answer, if it holds at a heartbeat that was asked for at `asked`: nothing about
    /// trust has changed from one to the other. A floor that is not known was read with
    /// the heartbeat.
    pub(crate) fn confirm(
        self,
        heartbeat: Heartbeat,
        floor_now: Option<PackageVersion>,
        asked: Duration,
    ) -> Option<Answer> {
        let floor = match self.floor {
            Floor::Known(floor) => floor,
            Floor::Unknown => floor_now,
        };
        let facts = self.answer.facts;
        let unchanged = facts.heartbeat.state == heartbeat.state;
        unchanged.then(|| Answer { facts: TrustFacts { heartbeat, floor, ..facts }, asked })
    }
}

/// Time since boot, sleep included (clock_gettime(2)).
pub(crate) fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests;
