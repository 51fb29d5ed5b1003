mod audit_log;
mod floors;
mod grants;
mod graph;
mod organizations;
mod signatures;
mod signing_keys;
mod trusted_keys;

use std::sync::Arc;

use signing_crypto::{KeyEncryptionKey, OrgId, PackageName};
use signing_store::{AuditEntry, Revocation, Store, StoreError, TrustFacts};

use crate::freshness::{Answer, Memory, boot_time};
use crate::rules::{Occasion, Packages};
use crate::{EventType, Freshness, Signers, TrustDecision, TrustError, rules};

pub use signatures::StoredSignature;

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
    memory: Option<Arc<Memory>>,
}

impl KeyManager {
    /// Manages the keys in `store`. Without `kek` everything works but what needs
    /// a private key; verifying needs none.
    pub fn new(store: Store, kek: Option<KeyEncryptionKey>) -> Self {
        Self { store, kek, memory: None }
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

    /// Decides which of `signers` the organisation `org` accepts for the package
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
        let Some(memory) = &self.memory else {
            return self.ask(org, signers, expected_name).await;
        };
        // Who writes signature files must not decide how much is remembered.
        if signers.named.len() != 1 || signers.anonymous {
            return self.ask(org, signers, expected_name).await;
        }
        let question = (org, signers.clone(), expected_name.clone());
        let answer = match memory.recall(&question) {
            Ok(answer) => answer,
            Err(asked) => {
                let sent = boot_time();
                let facts =
                    self.store.trust_facts(org, Some(expected_name), &signers.named).await?;
                let answer = Arc::new(Answer::new(facts, sent));
                memory.remember(asked, question, answer.clone());
                answer
            }
        };
        let occasion = Occasion { packages: Packages::Named(expected_name), now: answer.now() };
        Ok(rules::decide(&answer.facts, &signers.named, occasion))
    }

    /// Asks the store, in one statement, and applies the rules to its answer.
    async fn ask(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
    ) -> Result<TrustDecision, TrustError> {
        let (sent, package) = (boot_time(), Some(expected_name));
        let facts = match signers.anonymous {
            false => self.store.trust_facts(org, package, &signers.named).await?,
            true => self.facts_to_try(org, expected_name).await?,
        };
        let answer = Answer::new(facts, sent);
        let occasion = Occasion { packages: Packages::Named(expected_name), now: answer.now() };
        let mut named = signers.named.clone();
        if signers.anonymous {
            let unnamed = rules::candidates(&answer.facts.facts, occasion)?;
            named.extend(unnamed.iter().filter(|key| !signers.named.contains(key)));
        }
        Ok(rules::decide(&answer.facts, &named, occasion))
    }

    async fn facts_to_try(
        &self,
        org: OrgId,
        package: &PackageName,
    ) -> Result<TrustFacts, TrustError> {
        match self.store.all_trust_facts(org, Some(package), rules::MAX_FACTS).await {
            Err(StoreError::TooManyFacts { limit: found }) => {
                Err(TrustError::TooManyCandidates { found, limit: rules::MAX_CANDIDATES })
            }
            answered => Ok(answered?),
        }
    }

    /// What the store knows about the keys that `org` accepts, for a list.
    async fn known_keys(&self, org: OrgId) -> Result<Answer, TrustError> {
        let sent = boot_time();
        Ok(Answer::new(self.store.all_trust_facts(org, None, usize::MAX).await?, sent))
    }

    /// Makes a change of trust that this manager's own decisions know of when it
    /// returns, however fresh they are, and also if it may or may not have been made.
    async fn change<T>(
        &self,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let result = change.await;
        if let Some(memory) = &self.memory {
            memory.forget();
        }
        result
    }

    fn require_kek(&self) -> Result<&KeyEncryptionKey, TrustError> {
        self.kek.as_ref().ok_or(TrustError::NoKeyEncryptionKey)
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
