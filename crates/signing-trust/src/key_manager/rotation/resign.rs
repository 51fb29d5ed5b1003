use std::time::Duration;

use signing_crypto::{
    AddSignatureError, PackageStatement, SignatureEnvelope, SignatureId, SigningKey,
};
use signing_store::{
    Change, NewPackageSignature, PackageSignatureRecord, StoreCondition, StoreError,
};

use super::super::KeyManager;
use super::super::signatures::announce_stored;
use crate::error::TrustError;
use crate::trust_reader::{
    ProvenKey, Resign, ResignOutcome as Outcome, ResignTally, Resigner, announce, signed_by,
};

/// How often a stored signature is looked at that others change meanwhile. Each of them has
/// added to it, and an envelope has room for 16.
const ATTEMPTS: usize = 32;

/// The key that signs again.
struct Successor<'a> {
    keys: &'a KeyManager,
    old: &'a ProvenKey,
    new: &'a ProvenKey,
    /// The private half of the new one, after it was found fit to sign.
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
        let resigning = self.resigning(old, new.verifying_key(), resign).await?;
        let successor = match resign {
            Resign::Leave => None,
            Resign::All | Resign::Only(_) => {
                Some(Successor { keys: self, old, new, key: self.require_usable(new).await? })
            }
        };
        self.each_resigned(&resigning, limit, successor.as_ref()).await
    }
}

impl Resigner for Successor<'_> {
    /// Adds a signature where a signature is kept, however often others add to it
    /// meanwhile.
    async fn resign(
        &self,
        mut kept: PackageSignatureRecord,
        mut envelope: SignatureEnvelope,
    ) -> Result<Outcome, TrustError> {
        let decided = envelope.signed_bytes();
        for _ in 0..ATTEMPTS {
            if envelope.verify(&self.key.verifying_key()).is_ok() {
                return Ok(Outcome::Already);
            }
            match self.replace(&kept, envelope).await {
                Ok(Some(Change::Made(_))) => return Ok(Outcome::Added),
                Ok(Some(Change::Unchanged(_))) => return Ok(Outcome::Already),
                Ok(None) => break,
                Err(TrustError::Store(StoreError::SignaturesChanged { .. })) => {}
                Err(error) => return Err(error),
            }
            let Some(changed) = self.keys.store.stored_signature(kept.id).await? else { break };
            let Some(signed) = signed_by(&changed, &self.old.verifying_key()) else { break };
            // Nobody has decided that another statement is to be signed.
            if signed.signed_bytes() != decided {
                break;
            }
            (kept, envelope) = (changed, signed);
        }
        Ok(Outcome::Left)
    }
}

impl Successor<'_> {
    /// Adds a signature to what was kept. A row of its own would push others out of those
    /// that are looked at. `None` if there is no room.
    async fn replace(
        &self,
        kept: &PackageSignatureRecord,
        mut envelope: SignatureEnvelope,
    ) -> Result<Option<Change<SignatureId>>, TrustError> {
        let statement = envelope.unverified_statement()?;
        let made = match envelope.add_signature(self.key) {
            Ok(()) => {
                let (store, old) = (&self.keys.store, self.old.fingerprint());
                store.replace_package_signature(kept, old, &envelope).await?
            }
            Err(AddSignatureError::Full { .. } | AddSignatureError::Malformed(_)) => {
                match self.sign_beside(&envelope, &statement).await? {
                    Some(made) => made,
                    None => return Ok(None),
                }
            }
            Err(_) => return Ok(None),
        };
        if let Change::Made(_) = made {
            announce(self.new, &statement);
            announce_stored(self.old.org(), &statement);
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
    ) -> Result<Option<Change<SignatureId>>, TrustError> {
        let (store, old) = (&self.keys.store, self.old.fingerprint());
        let (org_id, package_digest) = (self.old.org(), *statement.digest());
        let seen = store.own_package_signatures(org_id, package_digest).await?;
        let mut room = None;
        for record in &seen {
            let Ok(mut envelope) = SignatureEnvelope::parse(record.envelope.as_bytes()) else {
                continue;
            };
            if envelope.signed_bytes() != full.signed_bytes() {
                continue;
            }
            if envelope.verify(&self.key.verifying_key()).is_ok() {
                return Ok(Some(Change::Unchanged(record.id)));
            }
            if room.is_none() && envelope.add_signature(self.key).is_ok() {
                room = Some((record, envelope));
            }
        }
        if let Some((record, envelope)) = room {
            return Ok(Some(store.replace_package_signature(record, old, &envelope).await?));
        }
        let envelope = SignatureEnvelope::sign(statement, self.key);
        if envelope.signed_bytes() != full.signed_bytes() {
            return Ok(None);
        }
        let new = NewPackageSignature { org_id, package_digest, envelope };
        let only = StoreCondition { unchanged: Some(seen), not_refused: Some(old) };
        Ok(Some(store.store_signature(new, only).await?))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
