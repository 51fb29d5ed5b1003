mod audit_log;
mod grants;
mod organizations;
mod signatures;
mod signing_keys;
mod trusted_keys;

use std::sync::Arc;

use signing_crypto::{KeyEncryptionKey, OrgId, PackageName};
use signing_store::{AuditEntry, Store, StoreError};

use crate::freshness::Memory;
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
        // Grants are not limited to names yet; when they are, this is the name.
        let _ = expected_name;
        let Some(memory) = &self.memory else { return Ok(self.ask(org, signers).await?.1) };
        match memory.recall(org, signers) {
            Ok(decision) => Ok(decision),
            Err(asked) => {
                let (epoch, decision) = self.ask(org, signers).await?;
                // Who writes signature files must not decide how much is remembered.
                if signers.named.len() == 1 && !signers.anonymous {
                    memory.remember(asked, epoch, org, signers.clone(), &decision);
                }
                Ok(decision)
            }
        }
    }

    /// Asks the store, in one statement, and applies the rules to its answer.
    async fn ask(&self, org: OrgId, signers: &Signers) -> Result<(i64, TrustDecision), TrustError> {
        let mut named = signers.named.clone();
        let known = match signers.anonymous {
            false => self.store.trust_facts(org, named.clone()).await?,
            true => {
                let known = self.store.all_trust_facts(org).await?;
                let unnamed = rules::candidates(&known.facts)?;
                named.extend(unnamed.iter().filter(|key| !signers.named.contains(key)));
                known
            }
        };
        Ok((known.epoch, rules::decide(&known.facts, &named)))
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
