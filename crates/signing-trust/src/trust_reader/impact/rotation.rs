//! What a rotation would do.

use signing_crypto::{KeyId, KeyName, NameKind, SigningKey, VerifyingKey};
use signing_store::{SigningKeyRecord, StoreError};

use super::TrustImpact;
use super::compare::{Focus, KeptDigests, PlannedSigning};
use crate::error::TrustError;
use crate::rules::{KeyStanding, Scenario};
use crate::trust_reader::{
    ProvenKey, Resign, ResignTally, Resigned, ResignedPackage, TrustReader, next_name,
};

/// What a rotation would do, of which nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationImpact {
    /// The key whose place would be taken.
    pub old: SigningKeyRecord,
    /// The key that would take it.
    pub successor: PlannedSuccessor,
    /// How many kept signatures would be signed again, and how many would not.
    pub signatures: Resigned,
    /// What the successor would sign, and what it would not because that is outdated.
    pub packages: Vec<ResignedPackage>,
    /// Which organizations would accept the successor, and which kept signatures. If it is yet
    /// to be made, another key stands for it here.
    pub trust: TrustImpact,
}

/// The key that would take another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedSuccessor {
    /// A run before has made it.
    Made(Box<SigningKeyRecord>),
    /// It would be made, with this name.
    ToBeMade(KeyName),
}

/// The keys of a rotation of which nothing is done.
struct PlannedKeys {
    old: ProvenKey,
    /// The successor that a run before has made.
    found: Option<ProvenKey>,
    /// Stands for the successor that is yet to be made.
    stand_in: SigningKey,
}

impl PlannedKeys {
    fn successor(&self) -> VerifyingKey {
        self.found.as_ref().map_or(self.stand_in.verifying_key(), ProvenKey::verifying_key)
    }
}

impl TrustReader {
    /// What [`rotate_signing_key`](crate::KeyManager::rotate_signing_key) would do. Changes
    /// nothing.
    ///
    /// A signature that would be kept in a row of its own, because an envelope is full, is
    /// counted, and is not among those that would be accepted.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](crate::KeyManager::rotate_signing_key).
    pub async fn rotation_impact(
        &self,
        id: KeyId,
        name: Option<KeyName>,
        resign: Resign,
    ) -> Result<RotationImpact, TrustError> {
        let keys = self.planned_keys(id, &resign).await?;
        let affected = self.with_those_who_granted(keys.old.org()).await?;
        let planned = self.planned_signing(&keys, &resign).await?;
        let name = match &keys.found {
            Some(found) => found.record().name.clone(),
            None => self.successor_name(&keys.old, name).await?,
        };
        let scenario = self.trust_in_successor(&keys, &name, &resign).await?;
        let limit = resign.time_limit();
        let ResignTally { signatures, packages } =
            self.each_resigned(&planned.resigning, limit, Some(&planned)).await?;
        let (old, new) = (keys.old.verifying_key(), keys.successor());
        let kept = KeptDigests::new(Focus::Rotation { old: &old, new: &new }).after(planned);
        let trust = self.trust_impact(&scenario, affected, kept).await?;
        let successor = match keys.found {
            Some(found) => PlannedSuccessor::Made(Box::new(found.into_record())),
            None => PlannedSuccessor::ToBeMade(name),
        };
        Ok(RotationImpact { old: keys.old.into_record(), successor, signatures, packages, trust })
    }

    /// What [`rotate_signing_key`](crate::KeyManager::rotate_signing_key) with [`Resign::All`]
    /// would sign again. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](crate::KeyManager::rotate_signing_key).
    pub async fn resigned_packages(
        &self,
        id: KeyId,
    ) -> Result<(Resigned, Vec<ResignedPackage>), TrustError> {
        let resign = Resign::All;
        let keys = self.planned_keys(id, &resign).await?;
        let planned = self.planned_signing(&keys, &resign).await?;
        let limit = resign.time_limit();
        let tally = self.each_resigned(&planned.resigning, limit, Some(&planned)).await?;
        Ok((tally.signatures, tally.packages))
    }

    async fn planned_keys(&self, id: KeyId, resign: &Resign) -> Result<PlannedKeys, TrustError> {
        let old = self.proven_key(id).await?;
        self.require_worth_rotating(&old, resign).await?;
        let found = match self.store.successor(old.id()).await? {
            Some(successor) => Some(self.proven_successor(&old, successor.id).await?),
            None => None,
        };
        Ok(PlannedKeys { old, found, stand_in: SigningKey::generate()? })
    }

    async fn planned_signing<'a>(
        &self,
        keys: &'a PlannedKeys,
        resign: &'a Resign,
    ) -> Result<PlannedSigning<'a>, TrustError> {
        let signer = match (resign, &keys.found) {
            (Resign::Leave, _) => None,
            (_, Some(found)) => Some(self.require_usable(found).await?),
            (_, None) => Some(&keys.stand_in),
        };
        let resigning = self.resigning(&keys.old, keys.successor(), resign).await?;
        Ok(PlannedSigning { resigning, signer })
    }

    async fn successor_name(
        &self,
        old: &ProvenKey,
        name: Option<KeyName>,
    ) -> Result<KeyName, TrustError> {
        let keys = self.store.signing_keys(old.org()).await?;
        match name {
            Some(name) if keys.iter().any(|key| key.name == name) => {
                Err(StoreError::NameTaken { kind: NameKind::Key }.into())
            }
            Some(name) => Ok(name),
            None => {
                let used = keys.iter().map(|key| key.name.as_str()).collect();
                Ok(next_name(old.record().name.as_str(), &used))
            }
        }
    }

    /// What the organization has said since about a successor that was made stays as it is.
    async fn trust_in_successor(
        &self,
        keys: &PlannedKeys,
        name: &KeyName,
        resign: &Resign,
    ) -> Result<Scenario, TrustError> {
        let org = keys.old.org();
        let Some(row) = self.own_trust(&keys.old, resign).await? else {
            return Ok(Scenario::Unchanged);
        };
        if let Some(made) = &keys.found
            && let Some((_, KeyStanding::Trusted | KeyStanding::Expired { .. })) =
                self.own_statement(org, made.fingerprint()).await?
        {
            return Ok(Scenario::Unchanged);
        }
        self.new_trust(org, &keys.successor(), Some(name.clone()), row.expires_at).await
    }
}
