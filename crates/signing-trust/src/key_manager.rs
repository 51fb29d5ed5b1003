mod grants;
mod organizations;
mod signatures;
mod signing_keys;
mod trusted_keys;

use signing_crypto::{KeyEncryptionKey, OrgId, PackageName};
use signing_store::{AuditEntry, Store};

use crate::{EventType, Signers, TrustDecision, TrustError, rules};

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
}

impl KeyManager {
    /// Manages the keys in `store`. Without `kek` everything works but what needs
    /// a private key; verifying needs none.
    pub fn new(store: Store, kek: Option<KeyEncryptionKey>) -> Self {
        Self { store, kek }
    }

    /// The store, to read from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Decides which of `signers` the organisation `org` accepts for the package
    /// `expected_name`.
    ///
    /// Freshness is strict: the store is asked, in one statement, so a decision
    /// that starts after a revocation returned knows of it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from answering is an error, never a yes.
    pub async fn decide(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
    ) -> Result<TrustDecision, TrustError> {
        // Grants are not limited to names yet; when they are, this is the name.
        let _ = expected_name;
        let mut named = signers.named.clone();
        let facts = match signers.anonymous {
            false => self.store.trust_facts(org, named.clone()).await?,
            true => {
                let facts = self.store.all_trust_facts(org).await?;
                let unnamed = rules::candidates(&facts)?;
                named.extend(unnamed.iter().filter(|key| !signers.named.contains(key)));
                facts
            }
        };
        Ok(rules::decide(&facts, &named))
    }

    fn require_kek(&self) -> Result<&KeyEncryptionKey, TrustError> {
        self.kek.as_ref().ok_or(TrustError::NoKeyEncryptionKey)
    }
}

fn entry(event_type: EventType) -> AuditEntry {
    AuditEntry::new(event_type.as_str())
}
