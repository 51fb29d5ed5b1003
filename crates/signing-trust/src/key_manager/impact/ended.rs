use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::OrgId;
use signing_store::OrganizationRecord;

use super::{OrganizationLoss, SignedBy};
use crate::decision::TrustedKey;
use crate::error::TrustError;
use crate::key_manager::KeyManager;
use crate::rules::{DecisionContext, Packages, Scenario, simulate, trusted_paths};
use crate::source::read_all;

/// What the end of a grant, or of an organization, would end, as far as the store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedTrust {
    /// The keys that organizations accept now and would not then, by the organizations' names.
    pub refused: Vec<RefusedKeys>,
    /// What each organization would lose, by name. One that would lose nothing is not among
    /// them.
    pub losses: Vec<OrganizationLoss>,
}

/// Keys that an organization would no longer accept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedKeys {
    /// The organization.
    pub org: OrganizationRecord,
    /// The keys, each once, in the order of their fingerprints.
    pub keys: Vec<TrustedKey>,
}

impl KeyManager {
    /// What would no longer be accepted if `parent` withdrew its grant to `child`. Changes
    /// nothing.
    pub async fn grant_withdrawal_impact(
        &self,
        parent: OrgId,
        child: OrgId,
    ) -> Result<EndedTrust, TrustError> {
        let affected = vec![self.require_existing(parent).await?];
        self.ended_by(Scenario::GrantWithdrawn(parent, child), affected).await
    }

    /// What would no longer be accepted if `org` were deleted. Changes nothing.
    pub async fn deletion_impact(&self, org: OrgId) -> Result<EndedTrust, TrustError> {
        let mut affected = vec![self.require_existing(org).await?];
        affected.extend(self.store.organizations_granting(org).await?);
        self.ended_by(Scenario::OrganizationDeleted(org), affected).await
    }

    async fn ended_by(
        &self,
        scenario: Scenario,
        mut affected: Vec<OrganizationRecord>,
    ) -> Result<EndedTrust, TrustError> {
        affected.sort_by(|a, b| a.name.cmp(&b.name));
        let mut all = SignedBy { key: None, digests: BTreeMap::new() };
        let mut ended = EndedTrust::default();
        for org in affected {
            ended.losses.extend(self.loss(&org, scenario, &mut all).await?);
            let now = read_all(&self.store, org.id, usize::MAX).await?;
            let context = DecisionContext::at(now.now());
            let then = simulate(&now, scenario, context.now);
            let left: BTreeSet<_> = trusted_paths(&then, Packages::Some, context)
                .iter()
                .map(|key| key.key.fingerprint())
                .collect();
            let mut keys = trusted_paths(&now, Packages::Some, context);
            keys.retain(|key| !left.contains(&key.key.fingerprint()));
            keys.dedup_by_key(|key| key.key.fingerprint());
            if !keys.is_empty() {
                ended.refused.push(RefusedKeys { org, keys });
            }
        }
        Ok(ended)
    }
}
