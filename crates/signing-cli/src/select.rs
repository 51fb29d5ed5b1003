//! Finds the key that a command line names, among those of one organization.

use std::fmt::Display;

use signing_crypto::{Fingerprint, KeyId, OrgId, TrustedKeyId};
use signing_trust::KeyManager;
use signing_trust::store::{OrganizationRecord, SigningKeyRecord, StoreError, TrustedKeyRecord};

use crate::cli::{KeyPrefix, NamedKey};
use crate::context::organization;
use crate::error::CliError;

/// A key of either kind.
pub(crate) enum Selected {
    Signing(SigningKeyRecord),
    Trusted(TrustedKeyRecord),
}

pub(crate) async fn key(keys: &KeyManager, named: &NamedKey) -> Result<Selected, CliError> {
    match named {
        NamedKey::Signing { org, prefix } => {
            let org = organization(keys, org).await?;
            let candidates = keys.list_signing_keys(org.id).await?;
            only_match(candidates, prefix, |key| (&key.id, &key.fingerprint)).map(Selected::Signing)
        }
        NamedKey::Trusted { org, prefix } => {
            let org = organization(keys, org).await?;
            let candidates = keys.list_own_trusted_keys(org.id).await?;
            only_match(candidates, prefix, |key| (&key.id, &key.fingerprint)).map(Selected::Trusted)
        }
        NamedKey::ById { signing, trusted, org } => {
            let org = match org {
                Some(org) => Some(organization(keys, org).await?),
                None => None,
            };
            key_by_id(keys, *signing, *trusted, org.as_ref()).await
        }
    }
}

async fn key_by_id(
    keys: &KeyManager,
    id: KeyId,
    trusted: TrustedKeyId,
    org: Option<&OrganizationRecord>,
) -> Result<Selected, CliError> {
    let require_owner = |owner: OrgId| match org {
        Some(org) if org.id != owner => {
            Err(CliError::KeyOfAnotherOrganization { id, org: org.name.clone() })
        }
        _ => Ok(()),
    };
    let signing = match keys.store().signing_key(id).await {
        Ok(key) => Some(key),
        Err(StoreError::SigningKeyNotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let trusted = match keys.store().trusted_key(trusted).await {
        Ok(key) => Some(key),
        Err(StoreError::TrustedKeyNotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let given = || id.to_string();
    match (signing, trusted) {
        (Some(key), None) => require_owner(key.org_id).map(|()| Selected::Signing(key)),
        (None, Some(key)) => require_owner(key.org_id).map(|()| Selected::Trusted(key)),
        (None, None) => Err(CliError::NoSuchKey { given: given() }),
        // Ids are random: somebody made two equal ones, to have the wrong key selected.
        (Some(_), Some(_)) => Err(CliError::AmbiguousKey { given: given() }),
    }
}

fn only_match<T, I: Display>(
    candidates: Vec<T>,
    prefix: &KeyPrefix,
    names: impl Fn(&T) -> (&I, &Fingerprint),
) -> Result<T, CliError> {
    let text = prefix.as_str();
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
