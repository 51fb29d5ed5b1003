use signing_crypto::{Fingerprint, KeyName, OrgId, TrustedKeyId, VerifyingKey};
use signing_store::{Change, NewTrustedKey, OrganizationRecord, TrustKeyOutcome, TrustedKeyRecord};

use super::{KeyManager, entry};
use crate::{AuditEvent, EventType, TrustError, TrustedKey, rules};

impl KeyManager {
    /// Trusts a public key: `org`, and whoever granted trust to `org`, accepts
    /// its signatures from now on.
    ///
    /// # Errors
    ///
    /// [`TrustError::PreviouslyRevoked`] if `org` has revoked or denied the key:
    /// trusting it again must be a decision of its own.
    pub async fn trust_public_key(
        &self,
        org: OrgId,
        key: &VerifyingKey,
        name: Option<KeyName>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let id = TrustedKeyId::random();
        let fingerprint = key.fingerprint();
        let mut entry = entry(EventType::TrustedKeyAdded)
            .with("trusted_key_id", id)
            .with("fingerprint", fingerprint);
        if let Some(name) = &name {
            entry = entry.with("name", name);
        }
        let new = NewTrustedKey { id, org_id: org, public_key: *key, name };
        match self.change(self.store.trust_key(new, entry)).await? {
            TrustKeyOutcome::Added(record) => {
                AuditEvent::new(EventType::TrustedKeyAdded)
                    .org(org)
                    .key_id(id)
                    .fingerprint(fingerprint)
                    .emit();
                Ok(Change::Made(record))
            }
            TrustKeyOutcome::AlreadyTrusted(record) => Ok(Change::AlreadySo(record)),
            TrustKeyOutcome::Revoked(record) => Err(TrustError::PreviouslyRevoked {
                fingerprint,
                at: record.revoked_at.unwrap_or(record.created_at),
            }),
        }
    }

    /// Denies a key, by fingerprint, even one that `org` only inherits through a
    /// grant or has never seen. `reason` is kept in the audit log.
    pub async fn deny_key(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
        reason: Option<&str>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let mut entry = entry(EventType::KeyDenied).with("fingerprint", fingerprint);
        if let Some(reason) = reason {
            entry = entry.with("reason", reason);
        }
        let change = self.change(self.store.deny_key(org, *fingerprint, entry)).await?;
        if let Change::Made(record) = &change {
            AuditEvent::new(EventType::KeyDenied)
                .org(org)
                .key_id(record.id)
                .fingerprint(*fingerprint)
                .emit();
        }
        Ok(change)
    }

    /// Revokes a trusted key: from when this returns, no signature by it is
    /// accepted, whenever it says that it was made.
    pub async fn revoke_trusted_key(
        &self,
        id: TrustedKeyId,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let record = self.store.trusted_key(id).await?;
        let entry = entry(EventType::TrustedKeyRevoked)
            .with("trusted_key_id", id)
            .with("fingerprint", record.fingerprint);
        let change = self.store.revoke_trusted_key(record.org_id, id, entry);
        let change = self.change(change).await?;
        if let Change::Made(record) = &change {
            AuditEvent::new(EventType::TrustedKeyRevoked)
                .org(record.org_id)
                .key_id(id)
                .fingerprint(record.fingerprint)
                .emit();
        }
        Ok(change)
    }

    /// The keys whose signatures `org` accepts, and by which path, in the order
    /// of their fingerprints. To decide about a signature ask
    /// [`decide`](Self::decide), not this list.
    pub async fn list_trusted_keys(&self, org: OrgId) -> Result<Vec<TrustedKey>, TrustError> {
        Ok(rules::trusted_keys(&self.store.all_trust_facts(org).await?.facts))
    }

    /// The key with this fingerprint, if `org` accepts its signatures.
    pub async fn find_trusted_key(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<TrustedKey>, TrustError> {
        let known = self.store.trust_facts(org, vec![*fingerprint]).await?;
        Ok(rules::trusted_keys(&known.facts).into_iter().next())
    }

    /// What `org` itself says about keys, revoked and denied ones included, oldest
    /// first.
    pub async fn list_own_trusted_keys(
        &self,
        org: OrgId,
    ) -> Result<Vec<TrustedKeyRecord>, TrustError> {
        Ok(self.store.own_trusted_keys(org).await?)
    }

    /// The organisations that trust the key directly, with their rows about it.
    pub async fn who_trusts(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Vec<(OrganizationRecord, TrustedKeyRecord)>, TrustError> {
        Ok(self.store.organizations_trusting(*fingerprint).await?)
    }
}
