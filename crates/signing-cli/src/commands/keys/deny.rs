use serde_json::json;
use signing_crypto::{Fingerprint, Note};
use signing_trust::KeyManager;
use signing_trust::store::{Change, CompromisedKeyRecord, OrganizationRef};

use super::trust::report;
use super::{impact, said};
use crate::cli;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::Report;
use crate::time;

/// Refuses a key's signatures.
pub(super) async fn deny(context: &Context, command: cli::Deny) -> Result<Report, CliError> {
    let note = command.note.map(Note::new).transpose()?;
    let fingerprint: Fingerprint = command.fingerprint.parse()?;
    if command.dry_run {
        let keys = context.keys().await?;
        let org = organization(&keys, &command.org).await?;
        let everywhere = command.danger_everywhere;
        return impact::foresee_denial(&keys, &org, &fingerprint, everywhere).await;
    }
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, &command.org).await?;
    if command.danger_everywhere {
        let change = keys.danger_declare_compromised(org.id, &fingerprint, note).await?;
        return declared(&keys, change).await;
    }
    let change = keys.deny_key(org.id, &fingerprint, note).await?;
    let text = match &change {
        Change::Made(_) => format!("{} now refuses signatures by {fingerprint}", org.name),
        Change::Unchanged(key) => {
            let said = said::trusted_key(key).unwrap_or_default();
            format!("{} already refuses signatures by {fingerprint}: it was {said}", org.name)
        }
    };
    Ok(report(text, change))
}

async fn declared(
    keys: &KeyManager,
    change: Change<CompromisedKeyRecord>,
) -> Result<Report, CliError> {
    let (changed, done) = match &change {
        Change::Made(_) => (true, "now refuses"),
        Change::Unchanged(_) => (false, "already refuses"),
    };
    let record = change.into_inner();
    let fingerprint = record.fingerprint;
    let mut text = format!(
        "every organization of the store {done} signatures by {fingerprint}, for good: it was \
         declared compromised",
    );
    if !changed {
        let by = keys.organization(OrganizationRef::Id(record.declared_by)).await?.name;
        let (at, note) = (time::text(&record.declared_at), said::note(record.note.as_ref()));
        text += &format!(" by {by} at {at}{note}");
    }
    let json = json!({
        "fingerprint": fingerprint.to_string(),
        "declared_by": record.declared_by.to_string(),
        "declared_at": time::text(&record.declared_at),
        "note": record.note.as_ref().map(Note::as_str),
        "everywhere": true,
        "changed": changed,
    });
    Ok(Report::told(text, json))
}
