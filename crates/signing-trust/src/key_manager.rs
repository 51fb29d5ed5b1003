mod audit_log;
mod floors;
mod grants;
mod graph;
mod impact;
mod kek_rotation;
mod organizations;
mod proven_key;
mod rotation;
mod signatures;
mod signing_keys;
mod trusted_keys;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use signing_crypto::{KeyEncryptionKey, OrgId, PackageName};
use signing_store::{AuditEntry, Revocation, Store, StoreError};

use crate::answers::{Answer, Answers, Floor, Question, boot_time};
use crate::freshness::Memory;
use crate::rules::{Occasion, Packages};
use crate::{EventType, Freshness, Signers, TrustDecision, TrustError, rules};

pub use impact::{LostSignature, OrganizationLoss, RevocationImpact};
pub use proven_key::ProvenKey;
pub use rotation::{OtherHolder, Resign, Resigned, Rotation};
pub use signatures::{KeptSignatures, StoredSignature};

/// Where keys and trust are changed and asked, on a store.
///
/// Every change is one transaction together with its entry in the audit log and
/// the new trust epoch; an audit event follows when it is committed. Trusting,
/// denying, revoking and granting are idempotent: done again, they change and
/// log nothing.
#[derive(Clone, Debug)]
pub struct KeyManager {
    store: Store,
    kek: Option<KeyEncryptionKey>,
    answers: Arc<Answers>,
    memory: Option<Arc<Memory>>,
}

impl KeyManager {
    /// Manages the keys in `store`. Without `kek` everything works but what needs
    /// a private key; verifying needs none.
    pub fn new(store: Store, kek: Option<KeyEncryptionKey>) -> Self {
        Self { store, kek, answers: Arc::default(), memory: None }
    }

    /// The store, to read from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Allows decisions to be as old as `freshness` says; without this they are
    /// [`Strict`](Freshness::Strict).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if `freshness` is bounded.
    #[must_use]
    pub fn with_freshness(self, freshness: Freshness) -> Self {
        let memory = match freshness {
            Freshness::Strict => None,
            Freshness::Bounded(bound) => Some(Arc::new(Memory::new(self.store.clone(), bound))),
        };
        Self { memory, ..self }
    }

    /// Decides which of `signers` the organization `org` accepts for the package
    /// `expected_name`, as fresh as [`Freshness`] says.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from answering about now is an error, never a yes.
    pub async fn decide(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
    ) -> Result<TrustDecision, TrustError> {
        self.decide_with_allowance(org, signers, expected_name, Duration::ZERO).await
    }

    /// Decides as [`decide`](Self::decide) does, but for trust that has ended: it still
    /// counts for as long as the clock may be ahead. Nothing else is measured by a clock.
    pub async fn decide_with_allowance(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
        clock_skew_allowance: Duration,
    ) -> Result<TrustDecision, TrustError> {
        // Who writes signature files must not decide how much is kept.
        let answer = match signers.named.len() == 1 && !signers.anonymous {
            true => {
                let (signers, package) = (signers.clone(), expected_name.clone());
                self.answer(Question { org, signers, package }).await?
            }
            false => self.ask(org, signers, expected_name).await?,
        };
        let occasion = Occasion {
            // Longer than 292 million years is as good as for ever.
            clock_skew_allowance: TimeDelta::from_std(clock_skew_allowance)
                .unwrap_or(TimeDelta::MAX),
            ..Occasion::new(Packages::Named(expected_name), answer.now())
        };
        rules::decide_signers(&answer.facts, signers, occasion)
    }

    /// What the store says, as fresh as it must be: from memory, if that is allowed; as
    /// before, if the store says that nothing has changed; or asked anew.
    async fn answer(&self, question: Question) -> Result<Answer, TrustError> {
        let recalled = self.memory.as_ref().map(|memory| {
            // A change that was made from here counts before anybody tells of it.
            memory.recall(&question, self.store.last_heartbeat())
        });
        let asked = match recalled {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(asked)) => Some(asked),
            None => None,
        };
        let answer = match self.confirmed(&question).await? {
            Some(answer) => answer,
            None => {
                let Question { org, signers, package } = &question;
                let answer = self.ask(*org, signers, package).await?;
                self.answers.keep(question.clone(), answer.clone());
                answer
            }
        };
        if let (Some(memory), Some(asked)) = (&self.memory, asked) {
            memory.remember(asked, question, answer.clone());
        }
        Ok(answer)
    }

    async fn confirmed(&self, question: &Question) -> Result<Option<Answer>, TrustError> {
        let Some(unconfirmed) = self.answers.to_confirm(question) else { return Ok(None) };
        let sent = boot_time();
        match unconfirmed.floor {
            Floor::Known(_) => {
                let heartbeat = self.store.heartbeat().await?;
                Ok(unconfirmed.confirm(heartbeat, None, sent))
            }
            Floor::Unknown => {
                let (org, package) = (question.org, question.package.clone());
                let (heartbeat, floor) = self.store.version_floor(org, package).await?;
                let answer = unconfirmed.confirm(heartbeat, floor, sent);
                if let Some(answer) = &answer {
                    self.answers.keep(question.clone(), answer.clone());
                }
                Ok(answer)
            }
        }
    }

    /// Asks the store, in one statement.
    async fn ask(
        &self,
        org: OrgId,
        signers: &Signers,
        package: &PackageName,
    ) -> Result<Answer, TrustError> {
        let sent = boot_time();
        let facts = match signers.anonymous {
            false => self.store.trust_facts(org, Some(package), &signers.named).await?,
            true => match self.store.all_trust_facts(org, Some(package), rules::MAX_FACTS).await {
                Err(StoreError::TooManyFacts { limit: found }) => {
                    let limit = rules::MAX_CANDIDATES;
                    return Err(TrustError::TooManyCandidates { found, limit });
                }
                answered => answered?,
            },
        };
        Ok(Answer::new(facts, sent))
    }

    /// What the store knows about the keys that `org` accepts, for a list.
    async fn known_keys(&self, org: OrgId) -> Result<Answer, TrustError> {
        let sent = boot_time();
        Ok(Answer::new(self.store.all_trust_facts(org, None, usize::MAX).await?, sent))
    }

    /// Makes a change of trust that this manager's own decisions know of when it
    /// returns, however fresh they are, and also if it may or may not have been made, or
    /// the caller stops waiting for it.
    async fn change<T>(
        &self,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _forgets = Forgets(self.memory.as_deref());
        change.await
    }

    fn require_kek(&self) -> Result<&KeyEncryptionKey, TrustError> {
        self.kek.as_ref().ok_or(TrustError::NoKeyEncryptionKey)
    }
}

/// Forgets when it is dropped.
struct Forgets<'a>(Option<&'a Memory>);

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        if let Some(memory) = self.0 {
            memory.forget();
        }
    }
}

fn entry(event_type: EventType) -> AuditEntry {
    AuditEntry::new(event_type.as_str())
}

fn revoking(event_type: EventType, revocation: &Revocation) -> AuditEntry {
    let entry = entry(event_type).with("reason", revocation.reason);
    match &revocation.note {
        Some(note) => entry.with("note", note),
        None => entry,
    }
}
