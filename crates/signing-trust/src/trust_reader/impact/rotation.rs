//! What a rotation would do.

use signing_crypto::{KeyId, KeyName, SigningKey, VerifyingKey};
use signing_store::SigningKeyRecord;

use super::TrustImpact;
use super::compare::{Focus, KeptDigests, PlannedSigning};
use crate::error::TrustError;
use crate::rules::Scenario;
use crate::trust_reader::{ProvenKey, Resign, ResignTally, Resigned, ResignedPackage, TrustReader};

/// What a rotation would do, of which nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationImpact {
    /// The key whose place would be taken.
    pub old: SigningKeyRecord,
    /// The key that would take it.
    pub successor: PlannedSuccessor,
    /// How many stored signatures would be signed again, and how many would not.
    pub signatures: Resigned,
    /// What the successor would sign, and what it would not because that is outdated.
    pub packages: Vec<ResignedPackage>,
    /// Which organizations would accept the successor, and which stored signatures. If it is yet
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
            None => self.successor_name(&keys.old, name.as_ref()).await?,
        };
        let scenario = self.rotation_scenario(&keys, &name, &resign).await?;
        let limit = resign.time_limit();
        let ResignTally { signatures, packages } =
            self.each_resigned(&planned.resigning, limit, Some(&planned)).await?;
        let (old, new) = (keys.old.verifying_key(), keys.successor());
        let kept = KeptDigests::from(Focus::Rotation { old: &old, new: &new }).after(planned);
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
        let found = self.found_successor(&old).await?;
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

    async fn rotation_scenario(
        &self,
        keys: &PlannedKeys,
        name: &KeyName,
        resign: &Resign,
    ) -> Result<Scenario, TrustError> {
        let (org, successor) = (keys.old.org(), keys.successor());
        let Some(row) = self.own_trust(&keys.old, resign).await? else {
            return Ok(Scenario::Unchanged);
        };
        if self.trust_in_successor(org, successor.fingerprint()).await?.is_some() {
            return Ok(Scenario::Unchanged);
        }
        self.new_trust(org, &successor, Some(name.clone()), row.expires_at).await
    }
}
