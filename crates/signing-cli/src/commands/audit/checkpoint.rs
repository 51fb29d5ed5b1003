use serde::Serialize;
use signing_crypto::{
    AuditCheckpoint, EntryHash, Fingerprint, OrgId, OrgName, SignedCheckpoint, Signer,
    StatementTime, StoreId,
};
use signing_trust::KeyManager;

use crate::cli::{Checkpoint, Resolved, SignerSource};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::Lines;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;
use crate::select;
use crate::signers;
use crate::view::View;

/// Signs the state of one log, or of all. Everything is signed before anything is written.
pub(super) async fn checkpoint(context: &Context, command: Checkpoint) -> Result<Report, CliError> {
    let existing = Existing::replace_if(command.force);
    if let Some(path) = &command.output {
        existing.require_vacant(path)?;
    }
    let Resolved(signer) = command.signer;
    let (keys, signer): (_, Box<dyn Signer>) = match signer {
        SignerSource::Key { source, access } => {
            let signer = signers::open(&source, &access)?;
            (context.keys().await?, signer)
        }
        SignerSource::Store(named) => {
            let keys = context.keys_with_kek().await?;
            let id = select::signing_key(context, &keys, command.org.as_ref(), &named).await?;
            let key = keys.get_signing_key(id).await?;
            (keys, Box::new(key))
        }
    };
    let mut signed = Vec::new();
    let orgs = match command.all {
        true => all_organizations(&keys).await?,
        false => {
            vec![select::organization_or_default(context, &keys, command.org.as_ref()).await?.id]
        }
    };
    for org in orgs {
        signed.push(keys.sign_checkpoint(org, &*signer).await?);
    }
    let view = CheckpointsView {
        file: command.output.as_ref().map(|path| path.display().to_string()),
        signer: signer.verifying_key().fingerprint(),
        checkpoints: signed.iter().map(CheckpointView::of).collect(),
    };
    let mut envelopes = String::new();
    for checkpoint in &view.checkpoints {
        envelopes += &format!("{}\n", checkpoint.envelope);
    }
    let Some(path) = &command.output else { return Ok(Report::verbatim(envelopes, &view)) };
    files::write_atomically(path, envelopes.as_bytes(), Readers::Everybody, existing)?;
    Ok(Report::done(&view))
}

/// All that have a log.
async fn all_organizations(keys: &KeyManager) -> Result<Vec<OrgId>, CliError> {
    let mut orgs: Vec<OrgId> = Vec::new();
    while let Some(org) = keys.store().next_audited_organization(orgs.last().copied()).await? {
        orgs.push(org);
    }
    Ok(orgs)
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] =
    &[Document::of::<CheckpointsView<'static>>("audit checkpoint")];

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CheckpointsView<'a> {
    file: Option<String>,
    signer: Fingerprint,
    checkpoints: Vec<CheckpointView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CheckpointView<'a> {
    store_id: StoreId,
    org_id: OrgId,
    org: &'a OrgName,
    sequence: u64,
    entry_hash: EntryHash,
    created_at: StatementTime,
    envelope: String,
}

impl<'a> CheckpointView<'a> {
    fn of((checkpoint, envelope): &'a (AuditCheckpoint, SignedCheckpoint)) -> Self {
        Self {
            store_id: checkpoint.store,
            org_id: checkpoint.org,
            org: &checkpoint.org_name,
            sequence: checkpoint.sequence,
            entry_hash: checkpoint.entry_hash,
            created_at: checkpoint.created_at,
            envelope: envelope.to_json(),
        }
    }
}

impl View for CheckpointsView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        text.extend(self.file.as_ref().map(|file| format!("wrote {file}")));
        for CheckpointView { org, org_id, sequence, entry_hash, .. } in &self.checkpoints {
            text.push(format!("  {org} ({org_id})  entry {sequence}  {entry_hash}"));
        }
        text
    }
}
