use std::path::PathBuf;

use serde_json::json;
use signing_crypto::{KeyId, KeyName, Note};
use signing_trust::store::{Change, RevocationReason, TrustedKeyRecord};

use crate::context::{Context, organization};
use crate::error::CliError;
use crate::key_files;
use crate::output::{Lines, Report};
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
    let name = name.map(KeyName::new).transpose()?;
    let expires_at = expires.map(time::parse).transpose()?;
    let from_file = match &key {
        Key::File(path) => Some(key_files::read_public_key(path)?),
        Key::Stored(_) => None,
    };
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, org).await?;
    let key = match (from_file, key) {
        (Some(key), _) => key,
        (None, Key::Stored(id)) => keys.store().signing_key(id).await?.public_key,
        (None, Key::File(path)) => key_files::read_public_key(&path)?,
    };
    let change = keys.trust_public_key_until(org.id, &key, name, expires_at).await?;
    let done = match &change {
        Change::Made(_) => "now accepts",
        Change::AlreadySo(_) => "already accepts",
    };
    let until = expires_at.map(|at| format!(" until {}", time::text(&at))).unwrap_or_default();
    let text = format!("{} {done} signatures by {}{until}", org.name, key.fingerprint());
    Ok(report(text, change))
}

pub(super) fn report(text: String, change: Change<TrustedKeyRecord>) -> Report {
    let changed = matches!(change, Change::Made(_));
    let record = change.into_inner();
    let mut text = Lines::from(text);
    text.push(format!("id           {}", record.id));
    let json = json!({
        "id": record.id.to_string(),
        "org_id": record.org_id.to_string(),
        "fingerprint": record.fingerprint.to_string(),
        "expires_at": record.expires_at.as_ref().map(time::text),
        "revoked_at": record.revoked_at.as_ref().map(time::text),
        "reason": record.revocation_reason.map(RevocationReason::as_str),
        "note": record.revocation_note.as_ref().map(Note::as_str),
        "changed": changed,
    });
    Report::told(text, json)
}
