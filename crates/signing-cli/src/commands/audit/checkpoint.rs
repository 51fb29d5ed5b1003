use serde::Serialize;
use signing_crypto::{
    AuditCheckpoint, EntryHash, OrgId, OrgName, SignedCheckpoint, Signer, StatementTime, StoreId,
};
use signing_trust::TrustReader;

use super::replaced::Replaced;
use crate::cli::{Checkpoint, Resolved, SignerSource};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::Lines;
use crate::output::{self, Report};
use crate::select;
use crate::signers;
use crate::view::{SignerView, View, json_documents};

/// Signs the state of one log, or of all. Everything is signed before anything is written.
pub(super) async fn checkpoint(context: &Context, command: Checkpoint) -> Result<Report, CliError> {
    let existing = Existing::replace_if(command.force);
    let mut replaced = match &command.output {
        Some(path) => {
            existing.require_vacant(path)?;
            Replaced::read(path)?
        }
        None => {
            output::require_reader()?;
            Replaced::default()
        }
    };
    let Resolved(signer) = command.signer;
    let (keys, signer, shown): (_, Box<dyn Signer>, _) = match signer {
        SignerSource::Key { source, access } => {
            let signer = signers::open_or_suggest_stored(&source, &access)?;
            let shown = SignerView::of(&*signer);
            (context.open_to_read().await?, signer, shown)
        }
        SignerSource::Store(named) => {
            let keys = context.open_to_read_with_kek().await?;
            let id =
                select::signing_key_or_only(context, &keys, command.org.as_ref(), named.as_ref())
                    .await?;
            let key = keys.get_signing_key(id).await?;
            let shown = SignerView::of_stored(&keys, &keys.proven_key(id).await?).await?;
            (keys, Box::new(key), shown)
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
        signed.push(keys.sign_checkpoint(org, &*signer, &replaced.of(org)).await?);
    }
    replaced.require_none_left()?;
    let view = CheckpointsView {
        file: command.output.as_ref().map(|path| path.display().to_string()),
        signer: shown,
        checkpoints: signed.iter().map(CheckpointView::of).collect(),
    };
    let mut envelopes = String::new();
    for checkpoint in &view.checkpoints {
        envelopes += &format!("{}\n", checkpoint.envelope);
    }
    let Some(path) = &command.output else {
        let mut report = Report::verbatim(envelopes, &view);
        if view.signer.is_stored() {
            report.note(format!("signed by {}", view.signer.text()));
        }
        return Ok(report);
    };
    files::write_atomically(path, envelopes.as_bytes(), Readers::Everybody, existing)?;
    Ok(Report::done(&view))
}

/// All that have a log, which is at least one.
async fn all_organizations(keys: &TrustReader) -> Result<Vec<OrgId>, CliError> {
    let mut orgs: Vec<OrgId> = Vec::new();
    while let Some(org) = keys.store().next_audited_organization(orgs.last().copied()).await? {
        orgs.push(org);
    }
    match orgs.is_empty() {
        true => Err(CliError::NoAuditLog),
        false => Ok(orgs),
    }
}

json_documents! { "audit checkpoint": CheckpointsView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CheckpointsView<'a> {
    file: Option<String>,
    #[serde(flatten)]
    signer: SignerView,
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
        text.push(format!("signed by {}", self.signer.text()));
        for CheckpointView { org, org_id, sequence, entry_hash, .. } in &self.checkpoints {
            text.push(format!("  {org} ({org_id})  entry {sequence}  {entry_hash}"));
        }
        text
    }
}
