mod ended;

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    Fingerprint, KeyId, OrgId, OrgName, PackageDigest, PackageName, SignatureEnvelope, SignatureId,
    TrustedKeyId, VerifyingKey,
};
use signing_store::{
    OrganizationRecord, OrganizationRef, RevocationReason, StoreError, TrustedKeyRecord,
};

use super::KeyManager;
use super::rotation::PAGE;
use crate::acceptance::{VerificationConfig, accept};
use crate::candidates::decide_signers;
use crate::decision::{DecisionError, Signers};
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages, Scenario, decide, simulate};
use crate::snapshot::{KeyStatus, OrganizationTrust};
use crate::source::read_store;

pub use self::ended::{EndedTrust, RefusedKeys};

/// What a revocation would end, as far as the store knows: it keeps no list of the
/// signatures that lie beside packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationImpact {
    /// What each organization that accepts the key would lose, by name. One that would
    /// lose nothing is not among them.
    pub losses: Vec<OrganizationLoss>,
    /// The organizations that accept the key now, whatever it signs, and would not then,
    /// by name.
    pub refusing: Vec<OrganizationRecord>,
}

/// What one organization would lose.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrganizationLoss {
    /// The organization.
    pub org: OrganizationRecord,
    /// Kept signatures that it accepts now and would not then.
    pub signatures: BTreeSet<LostSignature>,
    /// The packages that no kept signature would be left for.
    pub packages: BTreeSet<(PackageDigest, PackageName)>,
}

/// A kept signature that would be accepted no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LostSignature {
    /// The name that it is about.
    pub name: PackageName,
    /// The package that it is about.
    pub digest: PackageDigest,
    /// Its id.
    pub id: SignatureId,
}

impl KeyManager {
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
        let holders = self.who_trusts(fingerprint).await?;
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
        let mut statements =
            trust.keys.get(fingerprint).into_iter().flat_map(|key| &key.statements);
        let key = statements.find_map(|statement| statement.status.key_named(fingerprint));
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
        let holders = self.who_trusts(&row.fingerprint).await?;
        let own = holders.into_iter().map(|(org, _)| org).filter(|org| org.id == row.org_id);
        self.impact(&key, Scenario::Revoked(id), own.collect()).await
    }

    /// A deleted organization can change nothing, so nothing would happen.
    async fn require_existing(&self, org: OrgId) -> Result<OrganizationRecord, TrustError> {
        let org = self.organization(OrganizationRef::Id(org)).await?;
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
            for parent in self.store.organizations_granting(holder.id).await? {
                affected.insert(parent.name.clone(), parent);
            }
            affected.insert(holder.name.clone(), holder);
        }
        let mut signed_by = SignedBy { key: Some(key), digests: BTreeMap::new() };
        let mut impact = RevocationImpact::default();
        for org in affected.into_values() {
            let loss = self.loss(&org, scenario, &mut signed_by).await?;
            if self.would_refuse(org.id, key.fingerprint(), scenario).await? {
                impact.refusing.push(org);
            }
            impact.losses.extend(loss);
        }
        Ok(impact)
    }

    async fn would_refuse(
        &self,
        org: OrgId,
        key: Fingerprint,
        scenario: Scenario,
    ) -> Result<bool, TrustError> {
        let now = self.trust_in_key(org, key).await?;
        let context = DecisionContext::at(now.now());
        let then = simulate(&now, scenario, context.now);
        let accepts = |trust: &OrganizationTrust| {
            let decision = decide(trust, &Signers::one(key), Packages::Some, context);
            decision.about(&key).is_ok()
        };
        Ok(accepts(&now) && !accepts(&then))
    }

    async fn loss(
        &self,
        org: &OrganizationRecord,
        scenario: Scenario,
        signed_by: &mut SignedBy<'_>,
    ) -> Result<Option<OrganizationLoss>, TrustError> {
        let mut reachable = vec![org.id];
        let grants = self.store.grants_from(org.id).await?;
        reachable.extend(grants.into_iter().map(|grant| grant.child_org_id));
        let mut digests = BTreeSet::new();
        for keeper in reachable {
            digests.extend(self.digests(keeper, signed_by).await?);
        }
        let mut signatures = BTreeSet::new();
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        for digest in digests {
            for kept in self.find_signatures(org.id, digest).await? {
                let Ok(envelope) = kept.envelope else { continue };
                let Ok(statement) = envelope.unverified_statement() else { continue };
                if *statement.digest() != digest {
                    continue;
                }
                let package = (digest, statement.name().clone());
                let now = self.judge(org.id, &envelope, statement.name(), scenario).await?;
                if now.before {
                    before.insert(package.clone());
                }
                // A store finds the signatures of those alone that trust is granted to.
                let is_found = match scenario {
                    Scenario::GrantWithdrawn(parent, child) => {
                        org.id != parent || kept.org != child
                    }
                    Scenario::OrganizationDeleted(deleted) => kept.org != deleted,
                    _ => true,
                };
                let stays = now.after && is_found;
                if stays {
                    after.insert(package.clone());
                }
                if now.before && !stays {
                    let (digest, name) = package;
                    signatures.insert(LostSignature { name, digest, id: kept.id });
                }
            }
        }
        let packages = before.difference(&after).cloned().collect();
        let loss = OrganizationLoss { org: org.clone(), signatures, packages };
        Ok(Some(loss).filter(|loss| !loss.signatures.is_empty()))
    }

    /// The packages that an organization keeps signatures for, which the key has made if it is
    /// about one.
    async fn digests(
        &self,
        keeper: OrgId,
        signed_by: &mut SignedBy<'_>,
    ) -> Result<BTreeSet<PackageDigest>, TrustError> {
        if let Some(digests) = signed_by.digests.get(&keeper) {
            return Ok(digests.clone());
        }
        let mut digests = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.store.kept_signatures(keeper, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for kept in &page {
                let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes());
                let is_meant = |envelope: SignatureEnvelope| {
                    signed_by.key.is_none_or(|key| envelope.verify(key).is_ok())
                };
                if envelope.is_ok_and(is_meant) {
                    digests.insert(kept.package_digest);
                }
            }
        }
        signed_by.digests.insert(keeper, digests.clone());
        Ok(digests)
    }

    /// Whether an envelope suffices now, and whether it would. A runner may ask for more than
    /// one signer.
    async fn judge(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
        name: &PackageName,
        scenario: Scenario,
    ) -> Result<Judged, TrustError> {
        let signers = Signers::of(envelope);
        let named = Signers { anonymous: false, ..signers.clone() };
        // Signatures that name no key are tried only if the others do not suffice.
        let mut judged = self.judge_signers(org, envelope, name, &named, scenario).await?;
        if signers.anonymous && !(judged.before && judged.after) {
            let all = self.judge_signers(org, envelope, name, &signers, scenario).await?;
            judged.before |= all.before;
            judged.after |= all.after;
        }
        Ok(judged)
    }

    async fn judge_signers(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
        name: &PackageName,
        signers: &Signers,
        scenario: Scenario,
    ) -> Result<Judged, TrustError> {
        let now = match read_store(&self.store, org, signers).await {
            // More keys than are tried: refused now, and then.
            Err(TrustError::TooManyCandidates { .. }) => return Ok(Judged::default()),
            read => read?,
        };
        let context = DecisionContext::at(now.now());
        let then = simulate(&now, scenario, context.now);
        let config = VerificationConfig::default();
        let suffices = |trust: &OrganizationTrust| match decide_signers(
            trust,
            signers,
            Packages::Named(name),
            context,
        ) {
            Ok(decision) => Ok(accept(envelope, &decision, &config, name).is_ok()),
            Err(DecisionError::TooManyCandidates { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        Ok(Judged { before: suffices(&now)?, after: suffices(&then)? })
    }
}

/// The row's key, if it is the one that the row names.
fn key_of(row: &TrustedKeyRecord) -> Option<VerifyingKey> {
    KeyStatus::from(row.clone()).key_named(&row.fingerprint)
}

/// Whether a package's signature is accepted.
#[derive(Clone, Copy, Default)]
struct Judged {
    before: bool,
    after: bool,
}

/// What was found out about a key, or about all, organization by organization.
struct SignedBy<'a> {
    key: Option<&'a VerifyingKey>,
    digests: BTreeMap<OrgId, BTreeSet<PackageDigest>>,
}
