//! Which key is meant, among those of one organisation.

use std::fmt::Display;

use signing_crypto::Fingerprint;
use signing_trust::KeyManager;
use signing_trust::store::{OrganizationRecord, SigningKeyRecord, TrustedKeyRecord};

use crate::error::CliError;

/// Fewer characters than this are too easily mistyped into another key's.
const SHORTEST_PREFIX: usize = 8;

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
