//! What a rotation of a signing key must find, whether it is made or only foreseen.

mod resigned;
mod resigning;

use std::collections::BTreeSet;
use std::time::Duration;

use signing_crypto::{
    Fingerprint, KeyId, KeyName, MAX_NAME_BYTES, NameKind, OrgId, PackageStatement, WrapError,
};
use signing_store::{RevocationReason, StoreError, TrustedKeyRecord};

use super::signature_search::SEARCH_LIMIT;
use super::{ProvenKey, TrustReader};
use crate::error::{KeyMismatch, TrustError};
use crate::rules::{DecisionContext, KeyStanding, own_standing};

pub use self::resigned::{Outdated, Resigned, ResignedPackage};
pub(crate) use self::resigned::{ResignOutcome, ResignTally};
pub(crate) use self::resigning::{Resigner, Resigning};

/// For how long stored signatures are signed again, which takes a transaction each.
const RESIGN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// What becomes of the signatures that the old key made and that the organization
/// keeps in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resign {
    /// They stay as they are.
    #[default]
    Leave,
    /// The new key signs the same statements.
    All,
    /// The new key signs these of them, and no other: what somebody else puts into the store
    /// after they were looked at is not signed.
    Only(Vec<PackageStatement>),
}

impl Resign {
    /// For how long stored signatures are looked at. What a rotation has the time to sign, a dry
    /// run has the time to show.
    pub(crate) fn time_limit(&self) -> Duration {
        match self {
            Self::Leave => SEARCH_LIMIT,
            Self::All | Self::Only(_) => RESIGN_LIMIT,
        }
    }

    pub(crate) fn includes(&self, statement: &PackageStatement) -> bool {
        match self {
            Self::Leave => false,
            Self::All => true,
            Self::Only(statements) => statements.contains(statement),
        }
    }
}

impl TrustReader {
    pub(crate) async fn require_worth_rotating(
        &self,
        old: &ProvenKey,
        resign: &Resign,
    ) -> Result<(), TrustError> {
        let (id, fingerprint) = (old.id(), old.fingerprint());
        self.require_uncompromised(fingerprint).await?;
        if let Some(at) = old.record().revoked_at {
            if old.record().revocation_reason == Some(RevocationReason::Compromised) {
                return Err(StoreError::Compromised { fingerprint, at }.into());
            }
            if self.store.successor(id).await?.is_none() {
                let name = old.record().name.clone();
                return Err(TrustError::SigningKeyRevoked { id, name, at });
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
    pub(crate) async fn own_trust(
        &self,
        old: &ProvenKey,
        resign: &Resign,
    ) -> Result<Option<TrustedKeyRecord>, TrustError> {
        let fingerprint = old.fingerprint();
        let Some((row, standing)) = self.own_statement(old.org(), fingerprint).await? else {
            return Ok(None);
        };
        match (resign, standing) {
            (_, KeyStanding::Trusted) => Ok(Some(row)),
            (Resign::Leave, _) | (_, KeyStanding::Mismatched) => Ok(None),
            (_, KeyStanding::Revoked { at, .. } | KeyStanding::Denied { at }) => {
                Err(StoreError::KeyRefused { fingerprint, at }.into())
            }
            (_, KeyStanding::Compromised { at }) => {
                Err(StoreError::Compromised { fingerprint, at }.into())
            }
            (_, KeyStanding::Expired { at }) => Err(TrustError::TrustExpired { fingerprint, at }),
        }
    }

    /// The successor of `old` that is not revoked, if one was made.
    pub(crate) async fn found_successor(
        &self,
        old: &ProvenKey,
    ) -> Result<Option<ProvenKey>, TrustError> {
        match self.store.successor(old.id()).await? {
            Some(successor) => Ok(Some(self.proven_successor(old, successor.id).await?)),
            None => Ok(None),
        }
    }

    /// The name of a successor that is yet to be made: `name` if it was chosen, otherwise one
    /// that no key has had.
    pub(crate) async fn successor_name(
        &self,
        old: &ProvenKey,
        name: Option<&KeyName>,
    ) -> Result<KeyName, TrustError> {
        let keys = self.store.signing_keys(old.org()).await?;
        let Some(name) = name else {
            let used = keys.iter().map(|key| key.name.as_str()).collect();
            return Ok(next_name(old.record().name.as_str(), &used));
        };
        match keys.iter().any(|key| key.name == *name && key.revoked_at.is_none()) {
            true => Err(StoreError::NameTaken { kind: NameKind::Key }.into()),
            false => Ok(name.clone()),
        }
    }

    /// The row with which `org` trusts a successor, or has trusted it until that expired. It
    /// stays as it is.
    pub(crate) async fn trust_in_successor(
        &self,
        org: OrgId,
        fingerprint: Fingerprint,
    ) -> Result<Option<TrustedKeyRecord>, TrustError> {
        Ok(match self.own_statement(org, fingerprint).await? {
            Some((row, KeyStanding::Trusted | KeyStanding::Expired { .. })) => Some(row),
            _ => None,
        })
    }

    /// Proves the key `id`, and that it was made to replace `old`.
    pub(crate) async fn proven_successor(
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

    /// What the organization `org` itself says about a key, and the effect of that now.
    async fn own_statement(
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
fn next_name(name: &str, used: &BTreeSet<&str>) -> KeyName {
    let numbered = name.rsplit_once('.').and_then(|(stem, number)| {
        (!number.starts_with('0')).then_some((stem, number.parse::<u32>().ok()?))
    });
    let (stem, last) = numbered.unwrap_or((name, 1));
    for number in u64::from(last) + 1.. {
        let end = format!(".{number}");
        // Names are ASCII, and no longer than this.
        let stem = &stem[..stem.len().min(MAX_NAME_BYTES - end.len())];
        let name = format!("{stem}{end}");
        if !used.contains(name.as_str()) {
            return KeyName::new(name).expect("a name with a number after it is a name");
        }
    }
    unreachable!("there are fewer keys than numbers")
}

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
