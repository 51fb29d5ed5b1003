//! What a rotation would do.

use signing_crypto::{KeyId, KeyName, NameKind, SigningKey, VerifyingKey};
use signing_store::{SigningKeyRecord, StoreError};

use super::TrustImpact;
use super::compare::{Focus, KeptDigests, Resigning};
use crate::error::TrustError;
use crate::rules::{KeyStanding, Scenario};
use crate::trust_reader::rotation::StatementRules;
use crate::trust_reader::signature_search::{SEARCH_LIMIT, SignatureSearch};
use crate::trust_reader::signatures::signed_by;
use crate::trust_reader::{
    ProvenKey, RESIGN_LIMIT, Resign, ResignOutcome, ResignTally, Resigned, ResignedPackage,
    TrustReader, next_name,
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

impl TrustReader {
    /// What [`rotate_signing_key`](Self::rotate_signing_key) would do. Changes nothing.
    ///
    /// A signature that would be kept in a row of its own, because an envelope is full, is
    /// counted, and is not among those that would be accepted.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](Self::rotate_signing_key).
    pub async fn rotation_impact(
        &self,
        id: KeyId,
        name: Option<KeyName>,
        resign: Resign,
    ) -> Result<RotationImpact, TrustError> {
        let old = self.proven_key(id).await?;
        self.require_worth_rotating(&old, &resign).await?;
        let affected = self.with_those_who_granted(old.org()).await?;
        let found = self.found_successor(&old).await?;
        let rules = self.statement_rules(&old).await?;
        let stand_in = SigningKey::generate()?;
        let new = found.as_ref().map_or(stand_in.verifying_key(), ProvenKey::verifying_key);
        let signer = match (&resign, &found) {
            (Resign::Leave, _) => None,
            (_, Some(found)) => Some(self.require_usable(found).await?),
            (_, None) => Some(&stand_in),
        };
        let name = match &found {
            Some(found) => found.record().name.clone(),
            None => self.successor_name(&old, name).await?,
        };
        let scenario = self.trust_in_successor(&old, &new, &name, found.is_some(), &resign).await?;
        let (of_old, org) = (old.verifying_key(), old.org());
        let resigning = signer.map(|new| Resigning { org, old: of_old, new, rules: &rules });
        let search = SignatureSearch::within(SEARCH_LIMIT);
        let ResignTally { signatures, packages } =
            self.tally_resigned(&old, &new, resigning.as_ref(), (&rules, search)).await?;
        let focus = Focus::Rotation { old: &of_old, new: &new };
        let kept = KeptDigests::new(focus).resigned(resigning);
        let trust = self.trust_impact(&scenario, affected, kept).await?;
        let successor = match found {
            Some(found) => PlannedSuccessor::Made(Box::new(found.into_record())),
            None => PlannedSuccessor::ToBeMade(name),
        };
        Ok(RotationImpact { old: old.into_record(), successor, signatures, packages, trust })
    }

    /// What [`rotate_signing_key`](Self::rotate_signing_key) with [`Resign::All`] would sign
    /// again. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`rotate_signing_key`](Self::rotate_signing_key).
    pub async fn resigned_packages(
        &self,
        id: KeyId,
    ) -> Result<(Resigned, Vec<ResignedPackage>), TrustError> {
        let old = self.proven_key(id).await?;
        self.require_worth_rotating(&old, &Resign::All).await?;
        let found = self.found_successor(&old).await?;
        let stand_in = SigningKey::generate()?;
        let new = match &found {
            Some(found) => self.require_usable(found).await?,
            None => &stand_in,
        };
        let rules = self.statement_rules(&old).await?;
        let (org, of_old) = (old.org(), old.verifying_key());
        let resigning = Resigning { org, old: of_old, new, rules: &rules };
        // What the rotation has the time to sign is shown.
        let search = SignatureSearch::within(RESIGN_LIMIT);
        let new = new.verifying_key();
        let tally = self.tally_resigned(&old, &new, Some(&resigning), (&rules, search)).await?;
        Ok((tally.signatures, tally.packages))
    }

    /// The successor that a run before has made.
    async fn found_successor(&self, old: &ProvenKey) -> Result<Option<ProvenKey>, TrustError> {
        match self.store.successor(old.id()).await? {
            Some(successor) => Ok(Some(self.proven_successor(old, successor.id).await?)),
            None => Ok(None),
        }
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
        old: &ProvenKey,
        new: &VerifyingKey,
        name: &KeyName,
        is_made: bool,
        resign: &Resign,
    ) -> Result<Scenario, TrustError> {
        let Some(row) = self.own_trust(old, resign).await? else { return Ok(Scenario::Unchanged) };
        if is_made
            && let Some((_, KeyStanding::Trusted | KeyStanding::Expired { .. })) =
                self.own_statement(old.org(), new.fingerprint()).await?
        {
            return Ok(Scenario::Unchanged);
        }
        self.new_trust(old.org(), new, Some(name.clone()), row.expires_at).await
    }

    async fn tally_resigned(
        &self,
        old: &ProvenKey,
        new: &VerifyingKey,
        resigning: Option<&Resigning<'_>>,
        (rules, mut search): (&StatementRules, SignatureSearch),
    ) -> Result<ResignTally, TrustError> {
        let mut tally = ResignTally::default();
        let mut all = self.store.each_kept_signature(old.org());
        while let Some(kept) = search.next(&mut all).await? {
            let Some(envelope) = signed_by(&kept, &old.verifying_key()) else { continue };
            let statement = envelope.unverified_statement()?;
            let outcome = match (resigning, rules.outdated(&statement)) {
                _ if envelope.verify(new).is_ok() => ResignOutcome::Already,
                (_, Some(why)) => ResignOutcome::Outdated(why),
                (Some(resigning), None) if resigning.has_room(&envelope) => ResignOutcome::Added,
                _ => ResignOutcome::Left,
            };
            tally.add(kept.id, statement, outcome);
        }
        Ok(tally.with_extent(search.extent()))
    }
}
