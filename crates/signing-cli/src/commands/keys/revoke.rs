use serde_json::json;
use signing_crypto::{Fingerprint, KeyId, TrustedKeyId};
use signing_trust::store::{Change, OrganizationRecord, StoreError};
use signing_trust::{KeyManager, TrustError};

use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::Report;
use crate::select;

/// Which kind of key is to be revoked.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Signing,
    Trusted,
    /// Whichever has the id.
    Either,
}

/// Revokes a signing key or a trusted key.
pub(super) async fn revoke(
    context: &Context,
    id: &str,
    org: Option<&str>,
    kind: Kind,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = match org {
        Some(org) => Some(organization(&keys, org).await?),
        None => None,
    };
    match (kind, &org) {
        (Kind::Signing, Some(org)) => {
            revoke_signing(&keys, select::signing_key(&keys, org, id).await?.id).await
        }
        (Kind::Trusted, Some(org)) => {
            revoke_trusted(&keys, select::trusted_key(&keys, org, id).await?.id).await
        }
        _ => revoke_by_id(&keys, id, org.as_ref()).await,
    }
}

/// A full id names one key, whatever its kind and whosever it is.
async fn revoke_by_id(
    keys: &KeyManager,
    id: &str,
    org: Option<&OrganizationRecord>,
) -> Result<Report, CliError> {
    let signing: KeyId = id.parse()?;
    let trusted: TrustedKeyId = id.parse()?;
    let owned = |owner| match org {
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
        (Some(key), None) => {
            owned(key.org_id)?;
            revoke_signing(keys, key.id).await
        }
        (None, Some(key)) => {
            owned(key.org_id)?;
            revoke_trusted(keys, key.id).await
        }
        (None, None) => Err(CliError::NoSuchKey { given: id.into() }),
        // Ids are random: somebody has made two alike, to have the wrong one revoked.
        (Some(_), Some(_)) => Err(CliError::AmbiguousKey { given: id.into() }),
    }
}

async fn revoke_signing(keys: &KeyManager, id: KeyId) -> Result<Report, CliError> {
    let change = keys.revoke_signing_key(id).await?;
    let mut text = match &change {
        Change::Made(key) => format!("revoked the signing key {}: it signs no more", key.name),
        Change::AlreadySo(key) => format!("the signing key {} was revoked before", key.name),
    };
    let changed = matches!(change, Change::Made(_));
    let fingerprint = change.into_inner().fingerprint;
    let still_trusted_by = still_trusted(keys, &fingerprint, &mut text).await?;
    let json = json!({
        "kind": "signing",
        "id": id.to_string(),
        "fingerprint": fingerprint.to_string(),
        "changed": changed,
        "still_trusted_by": still_trusted_by,
    });
    Ok(Report::new(text, json))
}

/// Who still accepts what the key has signed, and how to end that.
async fn still_trusted(
    keys: &KeyManager,
    fingerprint: &Fingerprint,
    text: &mut String,
) -> Result<Vec<String>, TrustError> {
    let holders = keys.who_trusts(fingerprint).await?;
    for (org, row) in &holders {
        *text += &format!(
            "\n{} still accepts what it has signed; to end that: cloacina keys revoke {}",
            org.name, row.id,
        );
    }
    Ok(holders.into_iter().map(|(org, _)| org.name.to_string()).collect())
}

async fn revoke_trusted(keys: &KeyManager, id: TrustedKeyId) -> Result<Report, CliError> {
    let change = keys.revoke_trusted_key(id).await?;
    let text = match &change {
        Change::Made(key) => format!("revoked: signatures by {} are refused", key.fingerprint),
        Change::AlreadySo(key) => {
            format!("signatures by {} were refused before", key.fingerprint)
        }
    };
    let changed = matches!(change, Change::Made(_));
    let key = change.into_inner();
    let json = json!({
        "kind": "trusted",
        "id": id.to_string(),
        "org_id": key.org_id.to_string(),
        "fingerprint": key.fingerprint.to_string(),
        "changed": changed,
    });
    Ok(Report::new(text, json))
}
