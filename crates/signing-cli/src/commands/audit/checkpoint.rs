use serde_json::{Value, json};
use signing_crypto::{AuditCheckpoint, OrgId, SignedCheckpoint};
use signing_trust::KeyManager;

use crate::cli::Checkpoint;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::key_files;
use crate::output::{Lines, Report};

/// Signs what one log, or all, have come to. Everything is signed before anything
/// is written.
pub(super) async fn checkpoint(context: &Context, command: Checkpoint) -> Result<Report, CliError> {
    let passphrase = command.passphrase.source();
    let existing = Existing::replace_if(command.force);
    if let Some(path) = &command.output
        && existing == Existing::Keep
        && path.symlink_metadata().is_ok()
    {
        return Err(CliError::FileExists { path: path.clone() });
    }
    let (keys, key) = match (&command.key, &command.key_id) {
        (Some(path), _) => {
            let key = key_files::read_signing_key(path, &passphrase)?;
            (context.keys().await?, key)
        }
        (None, id) => {
            let id = id.as_deref().unwrap_or_default().parse()?;
            let keys = context.keys_with_kek().await?;
            let key = keys.get_signing_key(id).await?;
            (keys, key)
        }
    };
    let mut signed = Vec::new();
    for org in organizations(&keys, command.org.as_deref()).await? {
        signed.push(keys.sign_checkpoint(org, &key).await?);
    }
    let mut envelopes = String::new();
    for (_, envelope) in &signed {
        envelopes += &format!("{}\n", envelope.to_json());
    }
    let file = command.output.as_ref().map(|path| path.display().to_string());
    let json = json!({
        "file": file,
        "signer": key.fingerprint().to_string(),
        "checkpoints": signed.iter().map(checkpoint_json).collect::<Vec<_>>(),
    });
    let Some(path) = &command.output else { return Ok(Report::verbatim(envelopes, json)) };
    files::write_atomically(path, envelopes.as_bytes(), Readers::Everybody, existing)?;
    let mut text = Lines::from(format!("wrote {}", path.display()));
    for (checkpoint, _) in &signed {
        let AuditCheckpoint { org, org_name, sequence, entry_hash, .. } = checkpoint;
        text.push(format!("  {org_name} ({org})  entry {sequence}  {entry_hash}"));
    }
    Ok(Report::told(text, json))
}

/// The organization that is named, or all that have a log.
async fn organizations(keys: &KeyManager, org: Option<&str>) -> Result<Vec<OrgId>, CliError> {
    if let Some(org) = org {
        return Ok(vec![organization(keys, org).await?.id]);
    }
    let mut orgs: Vec<OrgId> = Vec::new();
    while let Some(org) = keys.store().next_audited_organization(orgs.last().copied()).await? {
        orgs.push(org);
    }
    Ok(orgs)
}

fn checkpoint_json((checkpoint, envelope): &(AuditCheckpoint, SignedCheckpoint)) -> Value {
    json!({
        "store_id": checkpoint.store.to_string(),
        "org_id": checkpoint.org.to_string(),
        "org": checkpoint.org_name.as_str(),
        "sequence": checkpoint.sequence,
        "entry_hash": checkpoint.entry_hash.to_string(),
        "created_at": checkpoint.created_at.to_string(),
        "envelope": envelope.to_json(),
    })
}
