use std::path::PathBuf;

use serde_json::json;
use signing_crypto::{KeyId, KeyName, Note};
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
    let name = name.map(KeyName::new).transpose()?;
    let expires_at = expires.map(time::parse).transpose()?;
    let (keys, org, change) = match key {
        Key::File(path) => {
            let key = key_files::read_public_key(&path)?;
            let keys = context.keys().await?;
            let org = organization(&keys, org).await?;
            let change = keys.trust_public_key_until(org.id, &key, name, expires_at).await;
            (keys, org, change)
        }
        Key::Stored(id) => {
            let keys = context.keys_with_kek().await?;
            let org = organization(&keys, org).await?;
            let change = keys.trust_signing_key(org.id, id, name, expires_at).await;
            (keys, org, change)
        }
    };
    let change = match change {
        Ok(change) => change,
        Err(error) => return Err(advice::of_trust(&keys, &org, error).await),
    };
    let done = match &change {
        Change::Made(_) => "now accepts",
        Change::AlreadySo(_) => "already accepts",
    };
    let until = expires_at.map(|at| format!(" until {}", time::text(&at))).unwrap_or_default();
    let (Change::Made(row) | Change::AlreadySo(row)) = &change;
    let text = format!("{} {done} signatures by {}{until}", org.name, row.fingerprint);
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
