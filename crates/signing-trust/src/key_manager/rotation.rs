mod resign;
mod resigned;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, KeyId, KeyName, NameKind, OrgId, SigningKey, TrustedKeyId, WrapError,
};
use signing_store::{
    Change, OrganizationRecord, RevocationReason, SigningKeyRecord, StoreError, TrustedKeyRecord,
};

use super::signature_search::SEARCH_LIMIT;
use super::{KeyManager, ProvenKey};
use crate::error::{KeyMismatch, TrustError};
use crate::rules::{DecisionContext, KeyStanding, own_standing};

pub use self::resigned::{Outdated, Resigned, ResignedPackage};
pub(super) use self::resigned::{ResignOutcome, ResignTally, StatementRules};

/// For how long kept signatures are signed again, which takes a transaction each.
pub(super) const RESIGN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// What becomes of the signatures that the old key made and that the organization
/// keeps in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resign {
    /// They stay as they are.
    #[default]
    Leave,
    /// The new key signs the same statements.
    All,
}

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
    /// How many kept signatures were signed again, and how many were not.
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
    /// Makes a signing key in the place of the key `id`, has its organization trust it
    /// where and as long as it trusts the old one, and, if `resign` says so, adds its
    /// signature to the kept signatures that the old key made. Nothing is revoked.
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
    /// As [`proven_key`](Self::proven_key), for either of the two keys.
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
        let limit = match resign {
            Resign::Leave => SEARCH_LIMIT,
            Resign::All => RESIGN_LIMIT,
        };
        self.rotate_within(id, name, resign, limit).await
    }

    async fn rotate_within(
        &self,
        id: KeyId,
        name: Option<KeyName>,
        resign: Resign,
        limit: Duration,
    ) -> Result<Rotation, TrustError> {
        let old = self.proven_key(id).await?;
        self.require_worth_rotating(&old, resign).await?;
        let successor = self.find_or_make_successor(&old, name).await?;
        let (Change::Made(new) | Change::Unchanged(new)) = &successor;
        let old_trusted = self.own_trust(&old, resign).await?;
        let trusted = match &old_trusted {
            Some(row) => Some(self.trust_successor(new, row.expires_at).await?),
            None => None,
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

    pub(super) async fn require_worth_rotating(
        &self,
        old: &ProvenKey,
        resign: Resign,
    ) -> Result<(), TrustError> {
        let (id, fingerprint) = (old.id(), old.fingerprint());
        if let Some(declared) = self.store.compromised_key(fingerprint).await? {
            return Err(StoreError::Compromised { fingerprint, at: declared.declared_at }.into());
        }
        if let Some(at) = old.record().revoked_at {
            if old.record().revocation_reason == Some(RevocationReason::Compromised) {
                return Err(StoreError::Compromised { fingerprint, at }.into());
            }
            if self.store.successor(id).await?.is_none() {
                return Err(TrustError::SigningKeyRevoked { id, at });
            }
        }
        self.own_trust(old, resign).await.map(drop)
    }

    /// The organization's row about the old key, if it trusts that itself.
    ///
    /// # Errors
    ///
    /// If signatures are to be made again, that the organization refuses the old key, or that
    /// its trust in it has expired.
    pub(super) async fn own_trust(
        &self,
        old: &ProvenKey,
        resign: Resign,
    ) -> Result<Option<TrustedKeyRecord>, TrustError> {
        let fingerprint = old.fingerprint();
        let Some((row, standing)) = self.own_statement(old.org(), fingerprint).await? else {
            return Ok(None);
        };
        match (resign, standing) {
            (_, KeyStanding::Trusted) => Ok(Some(row)),
            (Resign::All, KeyStanding::Revoked { at, .. } | KeyStanding::Denied { at }) => {
                Err(StoreError::KeyRefused { fingerprint, at }.into())
            }
            (Resign::All, KeyStanding::Compromised { at }) => {
                Err(StoreError::Compromised { fingerprint, at }.into())
            }
            (Resign::All, KeyStanding::Expired { at }) => {
                Err(TrustError::TrustExpired { fingerprint, at })
            }
            _ => Ok(None),
        }
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
            if let Some(successor) = self.store.successor(old.id()).await? {
                return Ok(Change::Unchanged(self.proven_successor(old, successor.id).await?));
            }
            let chosen = match &name {
                Some(name) => name.clone(),
                None => {
                    let keys = self.store.signing_keys(old.org()).await?;
                    let used = keys.iter().map(|key| key.name.as_str()).collect();
                    next_name(old.record().name.as_str(), &used)
                }
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

    /// Proves the key `id`, and that it was made to replace `old`.
    pub(super) async fn proven_successor(
        &self,
        old: &ProvenKey,
        id: KeyId,
    ) -> Result<ProvenKey, TrustError> {
        let successor = self.proven_key(id).await?;
        // The row may have said something else when it was found.
        if (successor.org(), successor.record().predecessor_id) != (old.org(), Some(old.id())) {
            let source = KeyMismatch::PrivateHalf(WrapError::Rejected);
            return Err(TrustError::ForgedKey { id, source });
        }
        Ok(successor)
    }

    /// What the organization has said since about the successor stays as it is.
    async fn trust_successor(
        &self,
        new: &ProvenKey,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        match self.own_statement(new.org(), new.fingerprint()).await? {
            Some((row, KeyStanding::Trusted | KeyStanding::Expired { .. })) => {
                Ok(Change::Unchanged(row))
            }
            _ => {
                let (key, name) = (new.verifying_key(), Some(new.record().name.clone()));
                self.trust_public_key(new.org(), &key, name, expires_at).await
            }
        }
    }

    /// What the organization `org` itself says about a key, and what comes of that now.
    pub(super) async fn own_statement(
        &self,
        org: OrgId,
        fingerprint: Fingerprint,
    ) -> Result<Option<(TrustedKeyRecord, KeyStanding)>, TrustError> {
        let trust = self.trust_in_key(org, fingerprint).await?;
        let context = DecisionContext::at(trust.now());
        match own_standing(&trust, &fingerprint, context) {
            Some((row, standing)) => Ok(Some((self.store.trusted_key(row).await?, standing))),
            None => Ok(None),
        }
    }
}

/// `release.2` for `release`, and `release.3` for that: the first that is not used.
pub(super) fn next_name(name: &str, used: &BTreeSet<&str>) -> KeyName {
    let numbered = name.rsplit_once('.').and_then(|(stem, number)| {
        (!number.starts_with('0')).then_some((stem, number.parse::<u32>().ok()?))
    });
    let (stem, last) = numbered.unwrap_or((name, 1));
    for number in u64::from(last) + 1.. {
        let end = format!(".{number}");
        // Names are ASCII, and no longer than this.
        let stem = &stem[..stem.len().min(KEY_NAME_LENGTH - end.len())];
        let name = format!("{stem}{end}");
        if !used.contains(name.as_str()) {
            return KeyName::new(name).expect("a name with a number after it is a name");
        }
    }
    unreachable!("there are fewer keys than numbers")
}

const KEY_NAME_LENGTH: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_are_numbered_and_no_name_is_used_twice() {
        let next = |name: &str, used: &[&str]| {
            next_name(name, &used.iter().copied().collect()).to_string()
        };
        assert_eq!(next("release", &["release"]), "release.2");
        assert_eq!(next("release.2", &["release", "release.2"]), "release.3");
        assert_eq!(next("release", &["release", "release.2", "release.3"]), "release.4");
        assert_eq!(next("v1.0", &["v1.0"]), "v1.0.2");
        assert_eq!(next("v1.", &[]), "v1..2");
        assert_eq!(next("4294967295.4294967295", &[]), "4294967295.4294967296");
        let long = "a".repeat(255);
        assert_eq!(next(&long, &[&long]), format!("{}.2", "a".repeat(253)));
    }
}
