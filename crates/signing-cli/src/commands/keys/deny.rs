use serde::Serialize;
use signing_crypto::{Fingerprint, Note, OrgId, OrgName};
use signing_trust::KeyManager;
use signing_trust::store::{Change, CompromisedKeyRecord, OrganizationRecord, OrganizationRef};

use super::dry_run;
use super::trust::RowChangeView;
use crate::cli::{self, PublishKey};
use crate::commands::trust::{Chosen, publish_revocation};
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::time::Time;
use crate::view::{View, quoted_note, refusal_of};

/// Refuses a key's signatures.
pub(super) async fn deny(context: &Context, command: cli::Deny) -> Result<Report, CliError> {
    let cli::Deny { fingerprint, org, note, danger_everywhere, dry_run, publish } = command;
    if dry_run {
        let keys = context.keys().await?;
        let org = organization(&keys, &org).await?;
        return dry_run::denial(&keys, &org, &fingerprint, danger_everywhere).await;
    }
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, &org).await?;
    if danger_everywhere {
        let change = keys.danger_declare_compromised(org.id, &fingerprint, note).await?;
        let report = declared(&keys, change).await?;
        return publish_if_asked(
            &keys,
            &org,
            fingerprint,
            &Chosen::ByKey,
            publish.0.as_ref(),
            report,
        )
        .await;
    }
    let change = keys.deny_key(org.id, &fingerprint, note).await?;
    let text = match &change {
        Change::Made(_) => format!("{} now refuses signatures by {fingerprint}", org.name),
        Change::Unchanged(key) => {
            let earlier = refusal_of(key).unwrap_or_default();
            format!("{} already refuses signatures by {fingerprint}: it was {earlier}", org.name)
        }
    };
    let changed = matches!(change, Change::Made(_));
    let report =
        Report::done(&RowChangeView::new(Lines::from(text), &change.into_inner(), changed));
    publish_if_asked(&keys, &org, fingerprint, &Chosen::ByKey, publish.0.as_ref(), report).await
}

/// Publishes a revocation after the row's change, which counts whatever comes of this.
pub(super) async fn publish_if_asked(
    keys: &KeyManager,
    org: &OrganizationRecord,
    fingerprint: Fingerprint,
    chosen: &Chosen,
    key: Option<&PublishKey>,
    mut report: Report,
) -> Result<Report, CliError> {
    let Some(key) = key else { return Ok(report) };
    publish_revocation(keys, org, fingerprint, chosen, key)
        .await
        .map_err(|source| CliError::NotPublished { source: Box::new(source) })?;
    report.note(format!("published the revocation of {fingerprint} for {}", org.name));
    Ok(report)
}

async fn declared(
    keys: &KeyManager,
    change: Change<CompromisedKeyRecord>,
) -> Result<Report, CliError> {
    let changed = matches!(change, Change::Made(_));
    let record = change.into_inner();
    let earlier_by = match changed {
        true => None,
        false => Some(keys.organization(OrganizationRef::Id(record.declared_by)).await?.name),
    };
    Ok(Report::done(&CompromisedView {
        fingerprint: record.fingerprint,
        declared_by: record.declared_by,
        declared_at: Time(record.declared_at),
        note: record.note,
        everywhere: true,
        changed,
        earlier_by,
    }))
}

#[derive(Serialize)]
struct CompromisedView {
    fingerprint: Fingerprint,
    declared_by: OrgId,
    declared_at: Time,
    note: Option<Note>,
    everywhere: bool,
    changed: bool,
    /// The organization that declared it before.
    #[serde(skip)]
    earlier_by: Option<OrgName>,
}

impl View for CompromisedView {
    fn text(&self) -> Lines {
        let verb = if self.changed { "now refuses" } else { "already refuses" };
        let mut text = format!(
            "every organization of the store {verb} signatures by {}, for good: it was declared \
             compromised",
            self.fingerprint,
        );
        if let Some(by) = &self.earlier_by {
            let note = quoted_note(self.note.as_ref());
            text += &format!(" by {by} at {}{note}", self.declared_at);
        }
        Lines::from(text)
    }
}
