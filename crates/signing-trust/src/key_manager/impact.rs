use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    Fingerprint, KeyId, OrgId, OrgName, PackageDigest, PackageName, SignatureEnvelope, SignatureId,
    TrustedKeyId, VerifyingKey,
};
use signing_store::{OrganizationRecord, OrganizationRef, RevocationReason, StoreError};

use super::KeyManager;
use super::rotation::PAGE;
use crate::answers::{Answer, boot_time};
use crate::rules::{self, Occasion, Packages, WhatIf};
use crate::{Signers, TrustDecision, TrustError};

/// What a revocation would end, as far as the store knows: it keeps no list of the
/// signatures that lie beside packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        let rows = holders.iter().filter_map(|(_, row)| row.public_key);
        // Nobody accepts a key that nobody has.
        let Some(key) = one_of(rows, fingerprint) else { return Ok(RevocationImpact::default()) };
        let holders = holders.into_iter().map(|(org, _)| org).collect();
        self.impact(&key, WhatIf::Compromised(*fingerprint), holders).await
    }

    /// What would be accepted no more if `org` denied the key, be it one that it only
    /// inherits. Changes nothing.
    pub async fn denial_impact(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<RevocationImpact, TrustError> {
        let org = self.require_existing(org).await?;
        let known = self.store.trust_facts(org.id, None, &[*fingerprint]).await?;
        let rows = known.facts.iter().filter_map(|fact| fact.key.as_ref()?.public_key);
        let Some(key) = one_of(rows, fingerprint) else { return Ok(RevocationImpact::default()) };
        self.impact(&key, WhatIf::Denied(org.id, *fingerprint), vec![org]).await
    }

    /// What would be accepted no more if the trusted key `id` were revoked, for whatever
    /// reason. Changes nothing.
    pub async fn trusted_key_impact(
        &self,
        id: TrustedKeyId,
    ) -> Result<RevocationImpact, TrustError> {
        let row = self.store.trusted_key(id).await?;
        self.require_existing(row.org_id).await?;
        let Some(key) = row.public_key else { return Ok(RevocationImpact::default()) };
        let holders = self.who_trusts(&row.fingerprint).await?;
        let own = holders.into_iter().map(|(org, _)| org).filter(|org| org.id == row.org_id);
        self.impact(&key, WhatIf::Revoked(id), own.collect()).await
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
        what_if: WhatIf,
        holders: Vec<OrganizationRecord>,
    ) -> Result<RevocationImpact, TrustError> {
        let mut affected: BTreeMap<OrgName, OrganizationRecord> = BTreeMap::new();
        for holder in holders {
            for parent in self.store.organizations_granting(holder.id).await? {
                affected.insert(parent.name.clone(), parent);
            }
            affected.insert(holder.name.clone(), holder);
        }
        let mut signed_by = SignedBy { key, digests: BTreeMap::new() };
        let mut impact = RevocationImpact::default();
        for org in affected.into_values() {
            let loss = self.loss(&org, what_if, &mut signed_by).await?;
            if self.would_refuse(org.id, key.fingerprint(), what_if).await? {
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
        what_if: WhatIf,
    ) -> Result<bool, TrustError> {
        let sent = boot_time();
        let known = Answer::new(self.store.trust_facts(org, None, &[key]).await?, sent);
        let occasion = Occasion::new(Packages::Some, known.now());
        let before = rules::trusted_keys(&known.facts.facts, occasion);
        let then = rules::suppose(&known.facts, what_if, occasion.now);
        Ok(!before.is_empty() && rules::trusted_keys(&then.facts, occasion).is_empty())
    }

    async fn loss(
        &self,
        org: &OrganizationRecord,
        what_if: WhatIf,
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
                let now = self.judge(org.id, &envelope, statement.name(), what_if).await?;
                if now.before {
                    before.insert(package.clone());
                }
                if now.after {
                    after.insert(package.clone());
                }
                if now.before && !now.after {
                    let (digest, name) = package;
                    signatures.insert(LostSignature { name, digest, id: kept.id });
                }
            }
        }
        let packages = before.difference(&after).cloned().collect();
        let loss = OrganizationLoss { org: org.clone(), signatures, packages };
        Ok(Some(loss).filter(|loss| !loss.signatures.is_empty()))
    }

    /// The packages that an organization keeps signatures for which the key has made.
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
                if envelope.is_ok_and(|envelope| envelope.verify(signed_by.key).is_ok()) {
                    digests.insert(kept.package_digest);
                }
            }
        }
        signed_by.digests.insert(keeper, digests.clone());
        Ok(digests)
    }

    /// Whether an envelope suffices now, and whether it would.
    async fn judge(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
        name: &PackageName,
        what_if: WhatIf,
    ) -> Result<Judged, TrustError> {
        let signers = Signers::of(envelope);
        let answered = self.ask(org, &signers, name).await;
        let answer = match answered {
            // More keys than are tried: refused now, and then.
            Err(TrustError::TooManyCandidates { .. }) => return Ok(Judged::default()),
            answered => answered?,
        };
        let occasion = Occasion::new(Packages::Named(name), answer.now());
        let suffices = |decided: Result<TrustDecision, TrustError>| match decided {
            Ok(decision) => Ok(suffices(envelope, &decision)),
            Err(TrustError::TooManyCandidates { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        let before = suffices(rules::decide_signers(&answer.facts, &signers, occasion))?;
        let then = rules::suppose(&answer.facts, what_if, occasion.now);
        let after = suffices(rules::decide_signers(&then, &signers, occasion))?;
        Ok(Judged { before, after })
    }
}

/// The key with this fingerprint: a row may hold another than it names.
fn one_of(
    mut keys: impl Iterator<Item = VerifyingKey>,
    fingerprint: &Fingerprint,
) -> Option<VerifyingKey> {
    keys.find(|key| key.fingerprint() == *fingerprint)
}

/// Whether a package's signature is accepted.
#[derive(Clone, Copy, Default)]
struct Judged {
    before: bool,
    after: bool,
}

/// What was found out about a key, organization by organization.
struct SignedBy<'a> {
    key: &'a VerifyingKey,
    digests: BTreeMap<OrgId, BTreeSet<PackageDigest>>,
}

/// Whether one trusted key signed what holds now. A runner may ask for more.
fn suffices(envelope: &SignatureEnvelope, decision: &TrustDecision) -> bool {
    decision.trusted().any(|signer| {
        envelope.verify(&signer.key).is_ok_and(|verified| {
            let said = verified.statement();
            let unexpired = said.expires_at().is_none_or(|at| decision.now() < at.to_utc());
            let new_enough = decision
                .floor()
                .is_none_or(|floor| said.version().is_some_and(|version| version >= floor));
            unexpired && new_enough
        })
    })
}
