mod resign;

use std::collections::BTreeMap;
use std::time::Duration;

use signing_crypto::{KeyId, KeyName, NameKind, SigningKey, TrustedKeyId};
use signing_store::{Change, OrganizationRecord, SigningKeyRecord, StoreError, TrustedKeyRecord};

use super::KeyManager;
use crate::error::TrustError;
use crate::trust_reader::{ProvenKey, Resign, ResignTally, Resigned, ResignedPackage};

/// How far the rotation of a signing key has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// The key whose place is taken. It still signs, and is trusted where it was.
    pub old: SigningKeyRecord,
    /// The key that takes it: made now, or by a run before.
    pub successor: Change<SigningKeyRecord>,
    /// The organization's row about the old key, if it trusts that.
    pub old_trusted: Option<TrustedKeyRecord>,
    /// Its row about the successor, which it trusts for as long as the old key.
    pub trusted: Option<Change<TrustedKeyRecord>>,
    /// How many stored signatures were signed again, and how many were not.
    pub signatures: Resigned,
    /// What the successor has signed now, and what it did not sign because that is outdated.
    pub packages: Vec<ResignedPackage>,
    /// The other organizations that trust the old key directly.
    pub others: Vec<OtherHolder>,
}

/// Another organization that trusts the old key directly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherHolder {
    /// The organization.
    pub org: OrganizationRecord,
    /// Its row about the old key.
    pub old_trusted: TrustedKeyRecord,
    /// Its row about the successor, if it trusts that too.
    pub trusted: Option<TrustedKeyId>,
}

impl KeyManager {
    /// Makes a signing key that replaces the key `id`, has its organization trust it
    /// where and as long as it trusts the old one, and, if `resign` says so, adds its
    /// signature to the stored signatures that the old key made. Nothing is revoked.
    ///
    /// Both keys are proven before the successor is trusted and anything is signed.
    ///
    /// Each step is a transaction of its own. Begun again, it finds what was done and
    /// goes on: a key has one successor that is not revoked. Nothing is signed again that has
    /// expired or lies below a version floor of the organization: somebody may have put it into
    /// the store again. Signatures are looked at last,
    /// for 20 seconds, or for 10 minutes if they are signed again.
    ///
    /// # Errors
    ///
    /// As [`proven_key`](crate::TrustReader::proven_key), for either of the two keys.
    /// [`StoreError::Compromised`]: what a compromised key signed is not to be vouched
    /// for. [`TrustError::SigningKeyRevoked`] for a retired key that has no successor.
    /// [`StoreError::KeyRefused`] if signatures are to be made again that the organization
    /// refuses, and [`TrustError::TrustExpired`] if its own trust in the old key has expired.
    /// [`TrustError::PreviouslyRevoked`] if it refuses the successor.
    pub async fn rotate_signing_key(
        &self,
        id: KeyId,
        name: Option<KeyName>,
        resign: Resign,
    ) -> Result<Rotation, TrustError> {
        self.rotate_within(id, name, &resign, resign.time_limit()).await
    }

    async fn rotate_within(
        &self,
        id: KeyId,
        name: Option<KeyName>,
        resign: &Resign,
        limit: Duration,
    ) -> Result<Rotation, TrustError> {
        let old = self.proven_key(id).await?;
        self.require_worth_rotating(&old, resign).await?;
        let successor = self.find_or_make_successor(&old, name).await?;
        let (Change::Made(new) | Change::Unchanged(new)) = &successor;
        let old_trusted = self.own_trust(&old, resign).await?;
        let known = self.trust_in_successor(new.org(), new.fingerprint()).await?;
        let trusted = match (known, &old_trusted) {
            (Some(row), _) => Some(Change::Unchanged(row)),
            (None, Some(row)) => {
                let (key, name) = (new.verifying_key(), Some(new.record().name.clone()));
                Some(self.trust_public_key(new.org(), &key, name, row.expires_at).await?)
            }
            (None, None) => None,
        };
        let ResignTally { signatures, packages } =
            self.resign_all(&old, new, resign, limit).await?;
        let others = self.other_holders(&old, new).await?;
        let old = old.into_record();
        let successor = match successor {
            Change::Made(key) => Change::Made(key.into_record()),
            Change::Unchanged(key) => Change::Unchanged(key.into_record()),
        };
        Ok(Rotation { old, successor, old_trusted, trusted, signatures, packages, others })
    }

    async fn other_holders(
        &self,
        old: &ProvenKey,
        new: &ProvenKey,
    ) -> Result<Vec<OtherHolder>, TrustError> {
        let following = self.store.organizations_trusting(new.fingerprint()).await?;
        let following: BTreeMap<_, _> =
            following.into_iter().map(|(org, row)| (org.id, row.id)).collect();
        let holders = self.store.organizations_trusting(old.fingerprint()).await?;
        let others = holders.into_iter().filter(|(org, _)| org.id != old.org());
        Ok(others
            .map(|(org, old_trusted)| {
                let trusted = following.get(&org.id).copied();
                OtherHolder { org, old_trusted, trusted }
            })
            .collect())
    }

    async fn find_or_make_successor(
        &self,
        old: &ProvenKey,
        name: Option<KeyName>,
    ) -> Result<Change<ProvenKey>, TrustError> {
        loop {
            if let Some(successor) = self.found_successor(old).await? {
                return Ok(Change::Unchanged(successor));
            }
            let chosen = match self.successor_name(old, name.as_ref()).await {
                // Somebody else may have made the successor meanwhile, under this name.
                Err(error) => {
                    let found = self.found_successor(old).await?;
                    return found.map(Change::Unchanged).ok_or(error);
                }
                Ok(chosen) => chosen,
            };
            let key = SigningKey::generate()?;
            match self.keep_signing_key(old.org(), chosen, &key, Some(old.id())).await {
                // Somebody else was faster: then there is one to find.
                Err(TrustError::Store(StoreError::SuccessorExists)) => {}
                Err(TrustError::Store(StoreError::NameTaken { kind: NameKind::Key }))
                    if name.is_none() => {}
                made => {
                    return Ok(Change::Made(self.proven_successor(old, made?.id).await?));
                }
            }
        }
    }
}
