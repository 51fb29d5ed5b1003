use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, KeyId, KeyName, NameKind, OrgId, PackageName, PackageVersion, TrustLimits,
    TrustedKeyId, VerifyingKey,
};
use signing_store::{OrganizationRecord, RevocationReason, SigningKeyRecord, StoreError};

use super::compare::{Focus, KeptDigests};
use super::{AffectedSignatures, key_of};
use crate::clock::to_microseconds;
use crate::decision::{TrustPath, TrustedKey};
use crate::error::TrustError;
use crate::rules::{
    DecisionContext, NewGrant, NewTrust, Packages, Scenario, simulate, trusted_paths,
};
use crate::snapshot::{KeyStatus, OrganizationTrust, TrustGrant};
use crate::source::read_all;
use crate::trust_reader::TrustReader;
use crate::trust_reader::signature_search::SearchExtent;

/// What organizations would accept after a change of trust, and what they would accept no more,
/// as far as the store knows: it keeps no list of the signatures that lie beside packages.
///
/// Each list is in the order of the organizations' names. One for which a list would be empty is
/// not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustImpact {
    /// Keys that are not accepted now and would be then, once for each path.
    pub accepted: Vec<OrganizationKeys>,
    /// Keys that are accepted now and then, by each path that there is only then, or that only
    /// then has these limits.
    pub accepted_otherwise: Vec<OrganizationKeys>,
    /// Keys that are accepted now and would not be then, each once.
    pub refused: Vec<OrganizationKeys>,
    /// Stored signatures that are not accepted now and would be then.
    pub gains: Vec<AffectedSignatures>,
    /// Stored signatures that are accepted now and would not be then.
    pub losses: Vec<AffectedSignatures>,
    /// Which stored signatures were looked at.
    pub extent: SearchExtent,
}

/// Keys of which an organization would accept more, or less.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrganizationKeys {
    /// The organization.
    pub org: OrganizationRecord,
    /// The keys, in the order of their fingerprints.
    pub keys: Vec<TrustedKey>,
}

impl TrustReader {
    /// What would no longer be accepted if `parent` withdrew its grant to `child`. Changes
    /// nothing.
    pub async fn grant_withdrawal_impact(
        &self,
        parent: OrgId,
        child: OrgId,
    ) -> Result<TrustImpact, TrustError> {
        let affected = vec![self.require_existing(parent).await?];
        let withdrawn = Scenario::GrantWithdrawn(parent, child);
        self.trust_impact(&withdrawn, affected, Focus::Everything).await
    }

    /// What would no longer be accepted if `org` were deleted. Changes nothing.
    pub async fn deletion_impact(&self, org: OrgId) -> Result<TrustImpact, TrustError> {
        let affected = self.with_those_who_granted(org).await?;
        self.trust_impact(&Scenario::OrganizationDeleted(org), affected, Focus::Everything).await
    }

    /// What would be accepted if `parent` granted trust to `child`. A grant that reaches less far
    /// than the one that it replaces also ends something. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`grant_trust`](crate::KeyManager::grant_trust).
    pub async fn grant_impact(
        &self,
        parent: OrgId,
        child: OrgId,
        scope: TrustLimits,
    ) -> Result<TrustImpact, TrustError> {
        self.require_grantable(parent, child, scope.expires_at).await?;
        let affected = vec![self.require_existing(parent).await?];
        let child = self.require_existing(child).await?;
        let expires_at = scope.expires_at.map(to_microseconds);
        let reach = TrustLimits { packages: scope.packages, expires_at };
        let grant = TrustGrant::new(None, &child, reach);
        let keys = read_all(&self.store, child.id, usize::MAX).await?.keys;
        let granted = Scenario::Granted(Box::new(NewGrant { parent, grant, keys }));
        self.trust_impact(&granted, affected, Focus::Everything).await
    }

    /// What would be accepted if `org` trusted a public key until `expires_at`. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`trust_public_key`](crate::KeyManager::trust_public_key).
    pub async fn trusted_public_key_impact(
        &self,
        org: OrgId,
        key: &VerifyingKey,
        name: Option<KeyName>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<TrustImpact, TrustError> {
        self.require_future(expires_at).await?;
        let trusted = self.new_trust(org, key, name, expires_at).await?;
        let affected = self.with_those_who_granted(org).await?;
        self.trust_impact(&trusted, affected, Focus::Key(key)).await
    }

    /// # Errors
    ///
    /// If the organization was deleted, or refuses the key.
    pub(super) async fn new_trust(
        &self,
        org: OrgId,
        key: &VerifyingKey,
        name: Option<KeyName>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Scenario, TrustError> {
        let child = self.require_existing(org).await?;
        let fingerprint = key.fingerprint();
        self.require_uncompromised(fingerprint).await?;
        let own = self.trust_in_key(org, fingerprint).await?;
        let own = own.keys.get(&fingerprint).and_then(|key| key.own());
        if let Some((at, _)) = own.and_then(|own| own.status.revoked) {
            return Err(TrustError::PreviouslyRevoked { fingerprint, at });
        }
        let status = KeyStatus {
            name,
            expires_at: expires_at.map(to_microseconds),
            ..KeyStatus::trusted((*key).into())
        };
        // What is read about a key does not tell of a grant to an organization that says nothing
        // about it.
        let parents = self.store.parents_of(org).await?;
        let grants = parents.into_iter().map(|(parent, grant)| {
            (parent.id, TrustGrant::new(Some(grant.id), &child, grant.limits()))
        });
        let grants = grants.collect();
        Ok(Scenario::Trusted(Box::new(NewTrust { org, grants, fingerprint, status })))
    }

    /// What would be accepted if the revocation or denial of the trusted key `id` were taken
    /// back. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`reinstate_trusted_key`](crate::KeyManager::reinstate_trusted_key).
    pub async fn trusted_key_reinstatement_impact(
        &self,
        id: TrustedKeyId,
    ) -> Result<TrustImpact, TrustError> {
        let row = self.store.trusted_key(id).await?;
        let affected = self.with_those_who_granted(row.org_id).await?;
        let fingerprint = row.fingerprint;
        self.require_uncompromised(fingerprint).await?;
        if let (Some(at), Some(RevocationReason::Compromised)) =
            (row.revoked_at, row.revocation_reason)
        {
            return Err(StoreError::Compromised { fingerprint, at }.into());
        }
        let reinstated = Scenario::Reinstated { row: id, fingerprint };
        let key = key_of(&row);
        // Grants can bring back a key that was denied by its fingerprint.
        let focus = key.as_ref().map_or(Focus::Everything, Focus::Key);
        self.trust_impact(&reinstated, affected, focus).await
    }

    /// The signing key `id`, if its retirement can be taken back. That changes nothing about
    /// which signatures are accepted.
    ///
    /// # Errors
    ///
    /// As [`reinstate_signing_key`](crate::KeyManager::reinstate_signing_key).
    pub async fn reinstatable_signing_key(
        &self,
        id: KeyId,
    ) -> Result<SigningKeyRecord, TrustError> {
        let key = self.store.signing_key(id).await?;
        self.require_existing(key.org_id).await?;
        self.require_uncompromised(key.fingerprint).await?;
        let others = self.store.signing_keys(key.org_id).await?;
        let has_name = |other: &SigningKeyRecord| {
            other.id != key.id && other.name == key.name && other.revoked_at.is_none()
        };
        match key.revoked_at.is_some() && others.iter().any(has_name) {
            true => Err(StoreError::NameTaken { kind: NameKind::Key }.into()),
            false => Ok(key),
        }
    }

    /// What would be accepted, or no longer, if `org` set the lowest version of a package, or
    /// with `None` took it away. Changes nothing.
    pub async fn version_floor_impact(
        &self,
        org: OrgId,
        package: &PackageName,
        floor: Option<PackageVersion>,
    ) -> Result<TrustImpact, TrustError> {
        let affected = vec![self.require_existing(org).await?];
        let set = Scenario::FloorSet { org, package: package.clone(), floor };
        self.trust_impact(&set, affected, Focus::Package(package)).await
    }

    /// The organization, then those that granted trust to it.
    pub(super) async fn with_those_who_granted(
        &self,
        org: OrgId,
    ) -> Result<Vec<OrganizationRecord>, TrustError> {
        let mut affected = vec![self.require_existing(org).await?];
        let parents = self.store.parents_of(org).await?;
        affected.extend(parents.into_iter().map(|(parent, _)| parent));
        Ok(affected)
    }

    /// Judges all that these organizations accept, twice.
    pub(super) async fn trust_impact<'a>(
        &self,
        scenario: &Scenario,
        mut affected: Vec<OrganizationRecord>,
        kept: impl Into<KeptDigests<'a>>,
    ) -> Result<TrustImpact, TrustError> {
        let mut kept = kept.into();
        affected.sort_by(|a, b| a.name.cmp(&b.name));
        let mut impact = TrustImpact::default();
        for org in affected {
            let signatures = self.compare_signatures(&org, scenario, &mut kept).await?;
            impact.gains.extend(signatures.gained);
            impact.losses.extend(signatures.lost);
            let now = match kept.focus {
                Focus::Key(key) | Focus::Rotation { new: key, .. } => {
                    (*self.trust_in_key(org.id, key.fingerprint()).await?).clone()
                }
                Focus::Everything => read_all(&self.store, org.id, usize::MAX).await?,
                // A floor is about packages, and no key is accepted more or less.
                Focus::Package(_) => continue,
            };
            impact.compare_keys(&org, &now, scenario);
        }
        impact.extent = kept.search.extent();
        Ok(impact)
    }
}

impl TrustImpact {
    fn compare_keys(
        &mut self,
        org: &OrganizationRecord,
        now: &OrganizationTrust,
        scenario: &Scenario,
    ) {
        let context = DecisionContext::at(now.now());
        let then = simulate(now, scenario, context.now);
        let [now, then] = [now, &then].map(|trust| trusted_paths(trust, Packages::Any, context));
        let [before, after] = [paths_by_key(&now), paths_by_key(&then)];
        let is_new = |key: &&TrustedKey| !before.contains_key(&key.key.fingerprint());
        let is_other = |key: &&TrustedKey| {
            before.get(&key.key.fingerprint()).is_some_and(|paths| !paths.contains(&path(key)))
        };
        let accepted: Vec<_> = then.iter().filter(is_new).cloned().collect();
        let otherwise: Vec<_> = then.iter().filter(is_other).cloned().collect();
        let is_lost = |key: &&TrustedKey| !after.contains_key(&key.key.fingerprint());
        let mut refused: Vec<_> = now.iter().filter(is_lost).cloned().collect();
        refused.dedup_by_key(|key| key.key.fingerprint());
        for (list, keys) in [
            (&mut self.accepted, accepted),
            (&mut self.accepted_otherwise, otherwise),
            (&mut self.refused, refused),
        ] {
            let keys = OrganizationKeys { org: org.clone(), keys };
            list.extend(Some(keys).filter(|keys| !keys.keys.is_empty()));
        }
    }
}

/// By which organization's grant a key is accepted, if by one, and how far: what tells one path
/// from another, whichever rows they are in.
type Path<'a> = (Option<OrgId>, &'a TrustLimits);

fn path(key: &TrustedKey) -> Path<'_> {
    let child = match &key.via {
        TrustPath::Granted { child, .. } => Some(*child),
        TrustPath::Pinned | TrustPath::Direct { .. } => None,
    };
    (child, &key.limits)
}

fn paths_by_key(keys: &[TrustedKey]) -> BTreeMap<Fingerprint, Vec<Path<'_>>> {
    let mut paths: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for key in keys {
        paths.entry(key.key.fingerprint()).or_default().push(path(key));
    }
    paths
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::time::Duration;

    use signing_crypto::{PackageDigest, PackageStatement, SignatureEnvelope, SigningKey};
    use signing_store::Store;

    use super::*;
    use crate::key_manager::KeyManager;
    use crate::trust_reader::signature_search::{SEARCH_LIMIT, SignatureSearch};

    /// A role that may keep signatures may keep very many.
    #[tokio::test]
    async fn dry_run_that_takes_too_long_is_cut_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("cloacina.db").to_str().unwrap().parse().unwrap();
        let (store, _) = Store::migrate(&url).await.unwrap();
        let keys = KeyManager::new(store, None);
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap();
        let key = SigningKey::generate().unwrap();
        let public = key.verifying_key();
        let row = keys.trust_public_key(org.id, &public, None, None).await.unwrap().into_inner();
        let signed_at = "2026-01-28T12:00:00Z".parse().unwrap();
        let digest = PackageDigest::from_bytes([7; 32]);
        let statement = PackageStatement::new("a.so".parse().unwrap(), digest, 1, signed_at);
        let signature = SignatureEnvelope::sign(&statement, &key);
        keys.store_signature(org.id, &signature).await.unwrap();

        for (limit, losses, extent) in [
            (SEARCH_LIMIT, 1, SearchExtent::All),
            (Duration::ZERO, 0, SearchExtent::UntilTimeLimit),
        ] {
            let mut kept = KeptDigests::from(Focus::Key(&public));
            kept.search = SignatureSearch::within(limit);
            let revoked = Scenario::Revoked(row.id);
            let impact = keys.trust_impact(&revoked, vec![org.clone()], kept).await.unwrap();
            assert_eq!((impact.losses.len(), impact.extent), (losses, extent), "{limit:?}");
            // Which keys are refused is known in any case.
            assert_eq!(impact.refused.len(), 1, "{limit:?}");
        }
    }
}
