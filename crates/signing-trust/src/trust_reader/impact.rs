mod changed_trust;
mod compare;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    Fingerprint, KeyId, OrgId, PackageDigest, PackageName, SignatureId, TrustedKeyId, VerifyingKey,
};
use signing_store::{
    OrganizationRecord, OrganizationRef, RevocationReason, StoreError, TrustedKeyRecord,
};

use self::compare::Focus;
use super::TrustReader;
use crate::error::TrustError;
use crate::rules::Scenario;
use crate::snapshot::KeyStatus;

pub use self::changed_trust::{OrganizationKeys, TrustImpact};
pub use self::rotation::{PlannedSuccessor, RotationImpact};

/// Stored signatures that one organization would no longer accept, or would accept then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AffectedSignatures {
    /// The organization.
    pub org: OrganizationRecord,
    /// The signatures.
    pub signatures: BTreeSet<AffectedSignature>,
    /// Of their packages, those that no other stored signature is accepted for: then, or now.
    pub packages: BTreeSet<(PackageDigest, PackageName)>,
}

/// A stored signature whose acceptance would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct AffectedSignature {
    /// The name that it is about.
    pub name: PackageName,
    /// The package that it is about.
    pub digest: PackageDigest,
    /// Its id.
    pub id: SignatureId,
}

impl TrustReader {
    /// What would be accepted no more if the signing key `id` were revoked. As retired
    /// that is nothing: the key would only sign no more. Changes nothing.
    ///
    /// # Errors
    ///
    /// As compromised, those of [`proven_key`](Self::proven_key).
    pub async fn signing_key_impact(
        &self,
        id: KeyId,
        reason: RevocationReason,
    ) -> Result<TrustImpact, TrustError> {
        match reason {
            RevocationReason::Retired => {
                let key = self.store.signing_key(id).await?;
                self.require_existing(key.org_id).await?;
                Ok(TrustImpact::default())
            }
            RevocationReason::Compromised => {
                let key = self.proven_key(id).await?;
                self.compromise_impact(key.org(), &key.fingerprint()).await
            }
        }
    }

    /// What would be accepted no more if `org` declared the key compromised. Changes
    /// nothing.
    pub async fn compromise_impact(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<TrustImpact, TrustError> {
        self.require_existing(org).await?;
        let holders = self.store.organizations_trusting(*fingerprint).await?;
        let key = holders.iter().find_map(|(_, row)| key_of(row));
        // A key that no organization trusts is accepted by none.
        let Some(key) = key else { return Ok(TrustImpact::default()) };
        let mut affected = BTreeMap::new();
        for (holder, _) in holders {
            let those = self.with_those_who_granted(holder.id).await?;
            affected.extend(those.into_iter().map(|org| (org.id, org)));
        }
        let compromised = Scenario::Compromised(*fingerprint);
        self.trust_impact(&compromised, affected.into_values().collect(), Focus::Key(&key)).await
    }

    /// What would no longer be accepted if `org` denied the key. The key may be one that `org`
    /// only inherits. Changes nothing.
    pub async fn denial_impact(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<TrustImpact, TrustError> {
        let affected = self.with_those_who_granted(org).await?;
        let trust = self.trust_in_key(org, *fingerprint).await?;
        let mut entries = trust.keys.get(fingerprint).into_iter().flat_map(|key| &key.entries);
        let key = entries.find_map(|entry| entry.status.key_named(fingerprint));
        let Some(key) = key else { return Ok(TrustImpact::default()) };
        let denied = Scenario::Denied(org, *fingerprint);
        self.trust_impact(&denied, affected, Focus::Key(&key)).await
    }

    /// What would be accepted no more if the trusted key `id` were revoked, for whatever
    /// reason. Changes nothing.
    pub async fn trusted_key_impact(&self, id: TrustedKeyId) -> Result<TrustImpact, TrustError> {
        let row = self.store.trusted_key(id).await?;
        let affected = self.with_those_who_granted(row.org_id).await?;
        let Some(key) = key_of(&row) else { return Ok(TrustImpact::default()) };
        self.trust_impact(&Scenario::Revoked(id), affected, Focus::Key(&key)).await
    }

    /// A deleted organization can change nothing, so nothing would happen.
    async fn require_existing(&self, org: OrgId) -> Result<OrganizationRecord, TrustError> {
        let org = self.store.organization(OrganizationRef::Id(org)).await?;
        match org.deleted_at {
            Some(_) => Err(StoreError::OrganizationDeleted { org: org.id }.into()),
            None => Ok(org),
        }
    }
}

/// The row's key, if it is the one that the row names.
fn key_of(row: &TrustedKeyRecord) -> Option<VerifyingKey> {
    KeyStatus::from(row.clone()).key_named(&row.fingerprint)
}
