use std::time::Duration;

use signing_crypto::{
    AddSignatureError, PackageStatement, SignatureEnvelope, SignatureId, SigningKey,
};
use signing_store::{Change, NewPackageSignature, PackageSignatureRecord, StoreError};

use super::super::KeyManager;
use super::super::signatures::announce_stored;
use crate::error::TrustError;
use crate::trust_reader::{
    ProvenKey, Resign, ResignOutcome as Outcome, ResignTally, SignatureSearch, announce, signed_by,
};

/// How often a kept signature is looked at that others change meanwhile. Each of them has
/// added to it, and an envelope has room for 16.
const ATTEMPTS: usize = 32;

/// The key that signs again.
struct Successor<'a> {
    proven: &'a ProvenKey,
    /// Its private half, after it was found fit to sign.
    key: &'a SigningKey,
}

impl KeyManager {
    pub(super) async fn resign_all(
        &self,
        old: &ProvenKey,
        new: &ProvenKey,
        resign: &Resign,
        limit: Duration,
    ) -> Result<ResignTally, TrustError> {
        let mut tally = ResignTally::default();
        let rules = self.statement_rules(old).await?;
        let successor = match resign {
            Resign::Leave => None,
            Resign::All | Resign::Only(_) => {
                Some(Successor { proven: new, key: self.require_usable(new).await? })
            }
        };
        let mut search = SignatureSearch::within(limit);
        let mut all = self.store.each_kept_signature(old.org());
        while let Some(kept) = search.next(&mut all).await? {
            let Some(envelope) = signed_by(&kept, &old.verifying_key()) else { continue };
            let statement = envelope.unverified_statement()?;
            let id = kept.id;
            let outcome = match (&successor, rules.outdated(&statement)) {
                _ if envelope.verify(&new.verifying_key()).is_ok() => Outcome::Already,
                (_, Some(why)) => Outcome::Outdated(why),
                (Some(successor), None) if resign.includes(&statement) => {
                    self.resign(kept, old, successor).await?
                }
                (_, None) => Outcome::Left,
            };
            tally.add(id, statement, outcome);
        }
        Ok(tally.with_extent(search.extent()))
    }

    /// Adds a signature where a signature is kept, however often others add to it
    /// meanwhile.
    async fn resign(
        &self,
        mut kept: PackageSignatureRecord,
        old: &ProvenKey,
        successor: &Successor<'_>,
    ) -> Result<Outcome, TrustError> {
        for _ in 0..ATTEMPTS {
            let Some(envelope) = signed_by(&kept, &old.verifying_key()) else { break };
            if envelope.verify(&successor.key.verifying_key()).is_ok() {
                return Ok(Outcome::Already);
            }
            match self.replace(&kept, envelope, old, successor).await {
                Ok(Some(Change::Made(_))) => return Ok(Outcome::Added),
                Ok(Some(Change::Unchanged(_))) => return Ok(Outcome::Already),
                Ok(None) => break,
                Err(TrustError::Store(StoreError::SignaturesChanged { .. })) => {}
                Err(error) => return Err(error),
            }
            match self.store.kept_signature(kept.id).await? {
                Some(changed) => kept = changed,
                None => break,
            }
        }
        Ok(Outcome::Left)
    }

    /// Adds a signature to what was kept. A row of its own would push others out of those
    /// that are looked at. `None` if there is no room.
    async fn replace(
        &self,
        kept: &PackageSignatureRecord,
        mut envelope: SignatureEnvelope,
        old: &ProvenKey,
        successor: &Successor<'_>,
    ) -> Result<Option<Change<SignatureId>>, TrustError> {
        let statement = envelope.unverified_statement()?;
        let made = match envelope.add_signature(successor.key) {
            Ok(()) => {
                self.store.replace_package_signature(kept, old.fingerprint(), &envelope).await?
            }
            Err(AddSignatureError::Full { .. } | AddSignatureError::Malformed(_)) => {
                match self.sign_beside(&envelope, &statement, old, successor.key).await? {
                    Some(made) => made,
                    None => return Ok(None),
                }
            }
            Err(_) => return Ok(None),
        };
        if let Change::Made(_) = made {
            announce(successor.proven, &statement);
            announce_stored(old.org(), &statement);
        }
        Ok(Some(made))
    }

    /// Adds a signature to another envelope that says the very same, where successors of
    /// others who signed the full one may be: they are to count together. If there is
    /// none, it is kept in an envelope of its own.
    async fn sign_beside(
        &self,
        full: &SignatureEnvelope,
        statement: &PackageStatement,
        old: &ProvenKey,
        key: &SigningKey,
    ) -> Result<Option<Change<SignatureId>>, TrustError> {
        let (org_id, package_digest) = (old.org(), *statement.digest());
        let seen = self.store.own_package_signatures(org_id, package_digest).await?;
        let mut room = None;
        for record in &seen {
            let Ok(mut envelope) = SignatureEnvelope::parse(record.envelope.as_bytes()) else {
                continue;
            };
            if envelope.signed_bytes() != full.signed_bytes() {
                continue;
            }
            if envelope.verify(&key.verifying_key()).is_ok() {
                return Ok(Some(Change::Unchanged(record.id)));
            }
            if room.is_none() && envelope.add_signature(key).is_ok() {
                room = Some((record, envelope));
            }
        }
        if let Some((record, envelope)) = room {
            let old = old.fingerprint();
            return Ok(Some(self.store.replace_package_signature(record, old, &envelope).await?));
        }
        let envelope = SignatureEnvelope::sign(statement, key);
        if envelope.signed_bytes() != full.signed_bytes() {
            return Ok(None);
        }
        let new = NewPackageSignature { org_id, package_digest, envelope };
        Ok(Some(self.store.insert_signature_for(old.fingerprint(), &seen, new).await?))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
