mod changed_trust;
mod compare;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    Fingerprint, KeyId, OrgId, OrgName, PackageDigest, PackageName, SignatureId, TrustedKeyId,
    VerifyingKey,
};
use signing_store::{
    OrganizationRecord, OrganizationRef, RevocationReason, StoreError, TrustedKeyRecord,
};

use self::compare::{Focus, KeptDigests};
use super::TrustReader;
use crate::decision::Signers;
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages, Scenario, decide, simulate};
use crate::snapshot::{KeyStatus, OrganizationTrust};

pub use self::changed_trust::{OrganizationKeys, TrustImpact};
pub use self::rotation::{PlannedSuccessor, RotationImpact};

/// What a revocation would end, as far as the store knows: it keeps no list of the
/// signatures that lie beside packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationImpact {
    /// What each organization that accepts the key would lose, by name. One that would
    /// lose nothing is not among them.
    pub losses: Vec<AffectedSignatures>,
    /// The organizations that accept the key now, whatever it signs, and would not then,
    /// by name.
    pub refusing: Vec<OrganizationRecord>,
}

/// Kept signatures that one organization would no longer accept, or would accept then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AffectedSignatures {
    /// The organization.
    pub org: OrganizationRecord,
    /// The signatures.
    pub signatures: BTreeSet<AffectedSignature>,
    /// Of their packages, those that no other kept signature is accepted for: then, or now.
    pub packages: BTreeSet<(PackageDigest, PackageName)>,
}

/// A kept signature whose acceptance would change.
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
    ) -> Result<RevocationImpact, TrustError> {
        match reason {
            RevocationReason::Retired => {
                let key = self.store.signing_key(id).await?;
                self.require_existing(key.org_id).await?;
                Ok(RevocationImpact::default())
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
    ) -> Result<RevocationImpact, TrustError> {
        self.require_existing(org).await?;
        let holders = self.store.organizations_trusting(*fingerprint).await?;
        let key = holders.iter().find_map(|(_, row)| key_of(row));
        // A key that no organization trusts is accepted by none.
        let Some(key) = key else { return Ok(RevocationImpact::default()) };
        let holders = holders.into_iter().map(|(org, _)| org).collect();
        self.impact(&key, Scenario::Compromised(*fingerprint), holders).await
    }

    /// What would no longer be accepted if `org` denied the key. The key may be one that `org`
    /// only inherits. Changes nothing.
    pub async fn denial_impact(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<RevocationImpact, TrustError> {
        let org = self.require_existing(org).await?;
        let trust = self.trust_in_key(org.id, *fingerprint).await?;
        let mut entries = trust.keys.get(fingerprint).into_iter().flat_map(|key| &key.entries);
        let key = entries.find_map(|entry| entry.status.key_named(fingerprint));
        let Some(key) = key else { return Ok(RevocationImpact::default()) };
        self.impact(&key, Scenario::Denied(org.id, *fingerprint), vec![org]).await
    }

    /// What would be accepted no more if the trusted key `id` were revoked, for whatever
    /// reason. Changes nothing.
    pub async fn trusted_key_impact(
        &self,
        id: TrustedKeyId,
    ) -> Result<RevocationImpact, TrustError> {
        let row = self.store.trusted_key(id).await?;
        self.require_existing(row.org_id).await?;
        let Some(key) = key_of(&row) else { return Ok(RevocationImpact::default()) };
        let holders = self.store.organizations_trusting(row.fingerprint).await?;
        let own = holders.into_iter().map(|(org, _)| org).filter(|org| org.id == row.org_id);
        self.impact(&key, Scenario::Revoked(id), own.collect()).await
    }

    /// A deleted organization can change nothing, so nothing would happen.
    async fn require_existing(&self, org: OrgId) -> Result<OrganizationRecord, TrustError> {
        let org = self.store.organization(OrganizationRef::Id(org)).await?;
        match org.deleted_at {
            Some(_) => Err(StoreError::OrganizationDeleted { org: org.id }.into()),
            None => Ok(org),
        }
    }

    /// Judges all that `holders` and those that granted trust to them accept, twice.
    async fn impact(
        &self,
        key: &VerifyingKey,
        scenario: Scenario,
        holders: Vec<OrganizationRecord>,
    ) -> Result<RevocationImpact, TrustError> {
        let mut affected: BTreeMap<OrgName, OrganizationRecord> = BTreeMap::new();
        for holder in holders {
            for (parent, _) in self.store.parents_of(holder.id).await? {
                affected.insert(parent.name.clone(), parent);
            }
            affected.insert(holder.name.clone(), holder);
        }
        let mut kept = KeptDigests::new(Focus::Key(key));
        let mut impact = RevocationImpact::default();
        for org in affected.into_values() {
            let signatures = self.compare_signatures(&org, &scenario, &mut kept).await?;
            if self.would_refuse(org.id, key.fingerprint(), &scenario).await? {
                impact.refusing.push(org);
            }
            impact.losses.extend(signatures.lost);
        }
        Ok(impact)
    }

    async fn would_refuse(
        &self,
        org: OrgId,
        key: Fingerprint,
        scenario: &Scenario,
    ) -> Result<bool, TrustError> {
        let now = self.trust_in_key(org, key).await?;
        let context = DecisionContext::at(now.now());
        let then = simulate(&now, scenario, context.now);
        let accepts = |trust: &OrganizationTrust| {
            let decision = decide(trust, &Signers::one(key), Packages::Any, context);
            decision.about(&key).is_ok()
        };
        Ok(accepts(&now) && !accepts(&then))
    }
}

/// The row's key, if it is the one that the row names.
fn key_of(row: &TrustedKeyRecord) -> Option<VerifyingKey> {
    KeyStatus::from(row.clone()).key_named(&row.fingerprint)
}
