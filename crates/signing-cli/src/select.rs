//! Which key is meant, among those of one organization.

use std::fmt::Display;

use signing_crypto::{Fingerprint, KeyId, OrgId, TrustedKeyId};
use signing_trust::KeyManager;
use signing_trust::store::{OrganizationRecord, SigningKeyRecord, StoreError, TrustedKeyRecord};

use crate::cli::WhichKey;
use crate::context::organization;
use crate::error::CliError;

/// Fewer characters than this are too easily mistyped into another key's.
const SHORTEST_PREFIX: usize = 8;

/// A key of either kind.
pub(crate) enum Selected {
    Signing(SigningKeyRecord),
    Trusted(TrustedKeyRecord),
}

/// The key that the command line names.
pub(crate) async fn key(keys: &KeyManager, which: &WhichKey) -> Result<Selected, CliError> {
    let org = match &which.org {
        Some(org) => Some(organization(keys, org).await?),
        None => None,
    };
    match &org {
        Some(org) if which.signing => {
            signing_key(keys, org, &which.id).await.map(Selected::Signing)
        }
        Some(org) if which.trusted => {
            trusted_key(keys, org, &which.id).await.map(Selected::Trusted)
        }
        _ => key_by_id(keys, &which.id, org.as_ref()).await,
    }
}

/// A full id names one key, whatever its kind and whosever it is.
async fn key_by_id(
    keys: &KeyManager,
    id: &str,
    org: Option<&OrganizationRecord>,
) -> Result<Selected, CliError> {
    let (signing, trusted): (KeyId, TrustedKeyId) = (id.parse()?, id.parse()?);
    let owned = |owner: OrgId| match org {
        Some(org) if org.id != owner => {
            Err(CliError::KeyOfAnotherOrganization { id: id.into(), org: org.name.clone() })
        }
        _ => Ok(()),
    };
    let signing = match keys.store().signing_key(signing).await {
        Ok(key) => Some(key),
        Err(StoreError::SigningKeyNotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let trusted = match keys.store().trusted_key(trusted).await {
        Ok(key) => Some(key),
        Err(StoreError::TrustedKeyNotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match (signing, trusted) {
        (Some(key), None) => owned(key.org_id).map(|()| Selected::Signing(key)),
        (None, Some(key)) => owned(key.org_id).map(|()| Selected::Trusted(key)),
        (None, None) => Err(CliError::NoSuchKey { given: id.into() }),
        // Ids are random: somebody has made two alike, to have the wrong one taken.
        (Some(_), Some(_)) => Err(CliError::AmbiguousKey { given: id.into() }),
    }
}

/// The signing key of `org` that `text` names by id, fingerprint, or the first
/// characters of either.
pub(crate) async fn signing_key(
    keys: &KeyManager,
    org: &OrganizationRecord,
    text: &str,
) -> Result<SigningKeyRecord, CliError> {
    let candidates = keys.list_signing_keys(org.id).await?;
    the_only_one(candidates, text, |key| (&key.id, &key.fingerprint))
}

/// The trusted key of `org` that `text` names, likewise.
pub(crate) async fn trusted_key(
    keys: &KeyManager,
    org: &OrganizationRecord,
    text: &str,
) -> Result<TrustedKeyRecord, CliError> {
    let candidates = keys.list_own_trusted_keys(org.id).await?;
    the_only_one(candidates, text, |key| (&key.id, &key.fingerprint))
}

fn the_only_one<T, I: Display>(
    candidates: Vec<T>,
    text: &str,
    names: impl Fn(&T) -> (&I, &Fingerprint),
) -> Result<T, CliError> {
    if text.len() < SHORTEST_PREFIX {
        return Err(CliError::KeyPrefixTooShort { given: text.into(), least: SHORTEST_PREFIX });
    }
    let mut matching = candidates.into_iter().filter(|key| {
        let (id, fingerprint) = names(key);
        id.to_string().starts_with(text) || fingerprint.to_string().starts_with(text)
    });
    match (matching.next(), matching.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(CliError::NoSuchKey { given: text.into() }),
        (Some(_), Some(_)) => Err(CliError::AmbiguousKey { given: text.into() }),
    }
}
