use std::path::PathBuf;

use serde_json::json;
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId};
use signing_trust::KeyManager;
use signing_trust::store::{Change, RevocationReason, TrustedKeyRecord};

use crate::context::{Context, organization};
use crate::error::CliError;
use crate::key_files;
use crate::output::{Lines, Report};
use crate::remedy::advice;
use crate::time;

/// The key to trust.
pub(super) enum Key {
    File(PathBuf),
    Stored(KeyId),
}

/// Accepts a key's signatures.
pub(super) async fn trust(
    context: &Context,
    org: &str,
    key: Key,
    name: Option<String>,
    expires: Option<&str>,
) -> Result<Report, CliError> {
    let mut name = name.map(KeyName::new).transpose()?;
    let expires_at = expires.map(time::parse).transpose()?;
    let (keys, key, own_name) = match key {
        Key::File(path) => {
            let key = key_files::read_public_key(&path)?;
            (context.keys_to_change().await?, key, None)
        }
        Key::Stored(id) => {
            let keys = context.keys_to_change_with_kek().await?;
            let proven = keys.proven_key(id).await?;
            let (key, name) = (proven.verifying_key(), proven.record().name.clone());
            (keys, key, Some(name))
        }
    };
    let org = organization(&keys, org).await?;
    let before = called(&keys, org.id, &key.fingerprint()).await?;
    if before.is_none() {
        name = name.or(own_name);
    }
    let change = keys.trust_public_key_until(org.id, &key, name, expires_at).await;
    let change = match change {
        Ok(change) => change,
        Err(error) => return Err(advice::of_trust(&keys, &org, error).await),
    };
    let done = match &change {
        Change::Made(_) => "now accepts",
        Change::Unchanged(_) => "already accepts",
    };
    let until = expires_at.map(|at| format!(" until {}", time::text(&at))).unwrap_or_default();
    let record = match &change {
        Change::Made(record) | Change::Unchanged(record) => record,
    };
    let mut text =
        Lines::from(format!("{} {done} signatures by {}{until}", org.name, record.fingerprint));
    if let (Some(before), Some(now)) = (&before, &record.name)
        && before != now
    {
        text.push(format!("it is called {now} now; before: {before}"));
    }
    Ok(report(text, change))
}

/// What the organization calls a key that it has said something about before.
async fn called(
    keys: &KeyManager,
    org: OrgId,
    fingerprint: &Fingerprint,
) -> Result<Option<KeyName>, CliError> {
    let own = keys.list_own_trusted_keys(org).await?;
    Ok(own.into_iter().find(|key| key.fingerprint == *fingerprint).and_then(|key| key.name))
}

pub(super) fn report(text: impl Into<Lines>, change: Change<TrustedKeyRecord>) -> Report {
    let changed = matches!(change, Change::Made(_));
    let record = change.into_inner();
    let mut text = text.into();
    text.push(format!("id           {}", record.id));
    if let Some(name) = &record.name {
        text.push(format!("name         {name}"));
    }
    let json = json!({
        "id": record.id.to_string(),
        "org_id": record.org_id.to_string(),
        "fingerprint": record.fingerprint.to_string(),
        "name": record.name.as_ref().map(KeyName::as_str),
        "expires_at": record.expires_at.as_ref().map(time::text),
        "revoked_at": record.revoked_at.as_ref().map(time::text),
        "reason": record.revocation_reason.map(RevocationReason::as_str),
        "note": record.revocation_note.as_ref().map(Note::as_str),
        "changed": changed,
    });
    Report::told(text, json)
}
