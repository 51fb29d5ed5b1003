use signing_crypto::{AddSignatureError, PackageStatement, SignatureEnvelope, SigningKey};
use signing_store::{Change, NewPackageSignature, PackageSignatureRecord, Replacement};

use super::super::{KeyManager, ProvenKey, signatures};
use super::{Resign, Resigned};
use crate::error::TrustError;

/// How often a kept signature is looked at that others change meanwhile. Each of them has
/// added to it, and an envelope has room for 16.
const ATTEMPTS: usize = 32;

/// The result for one kept signature that the old key made.
enum Outcome {
    Added,
    Already,
    Left,
}

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
        resign: Resign,
    ) -> Result<Resigned, TrustError> {
        let mut resigned = Resigned::default();
        let successor = match resign {
            Resign::All => Some(Successor { proven: new, key: self.require_usable(new).await? }),
            Resign::Leave => None,
        };
        let mut after = None;
        loop {
            let page = self.store.kept_signatures(old.org(), after, signatures::PAGE).await?;
            let Some(last) = page.last() else { return Ok(resigned) };
            after = Some(last.id);
            for kept in page {
                let Some(envelope) = signed_by(&kept, old) else { continue };
                let outcome = match &successor {
                    _ if envelope.verify(&new.verifying_key()).is_ok() => Outcome::Already,
                    Some(successor) => self.resign(kept, old, successor).await?,
                    None => Outcome::Left,
                };
                match outcome {
                    Outcome::Added => resigned.added += 1,
                    Outcome::Already => resigned.already += 1,
                    Outcome::Left => resigned.left += 1,
                }
            }
        }
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
            let Some(envelope) = signed_by(&kept, old) else { break };
            if envelope.verify(&successor.key.verifying_key()).is_ok() {
                return Ok(Outcome::Already);
            }
            match self.replace(&kept, envelope, old, successor).await? {
                Some(Replacement::Made) => return Ok(Outcome::Added),
                Some(Replacement::AlreadyKept) => return Ok(Outcome::Already),
                Some(_) => {}
                None => break,
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
    ) -> Result<Option<Replacement>, TrustError> {
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
        if made == Replacement::Made {
            signatures::announce(successor.proven, &statement);
            signatures::announce_stored(old.org(), &statement);
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
    ) -> Result<Option<Replacement>, TrustError> {
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
                return Ok(Some(Replacement::AlreadyKept));
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
        let kept = self.store.insert_signature_for(old.fingerprint(), &seen, new).await?;
        Ok(Some(match kept {
            Some(Change::Made(_)) => Replacement::Made,
            Some(Change::Unchanged(_)) => Replacement::AlreadyKept,
            None => Replacement::ChangedMeanwhile,
        }))
    }
}

/// The envelope, if the key really made one of its signatures.
fn signed_by(kept: &PackageSignatureRecord, key: &ProvenKey) -> Option<SignatureEnvelope> {
    let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes()).ok()?;
    envelope.verify(&key.verifying_key()).ok()?;
    Some(envelope)
}
