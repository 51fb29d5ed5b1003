use serde::Serialize;
use signing_crypto::{Fingerprint, KeyName, Note, OrgId, OrgName};
use signing_trust::store::{
    Change, CompromisedKeyRecord, OrganizationRecord, OrganizationRef, TrustedKeyRecord,
};
use signing_trust::{KeyManager, TrustReader, TrustedKey};

use super::dry_run;
use super::trust::row_change;
use crate::cli::{self, PublishKey};
use crate::commands::publication_notes::{self, RowChange};
use crate::commands::trust::{ChosenKey, InStore, name_to_publish, publish_revocation};
use crate::context::{Context, Opened};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::select::{self, SelectedPublicKey};
use crate::time::Time;
use crate::view::{View, json_documents, quoted_note, refusal_of};

/// Refuses a key's signatures.
pub(super) async fn deny(context: &Context, command: cli::Deny) -> Result<Report, CliError> {
    let cli::Deny { key: named, org, note, danger_everywhere, dry_run, publish } = command;
    let keys = context.open(dry_run).await?;
    let org = select::organization_or_default(context, &keys, org.as_ref()).await?;
    let key = select::public_key(context, &keys, &org, &named).await?;
    let is_unknown = is_unknown(&keys, &org, &key).await;
    let SelectedPublicKey { fingerprint, name, .. } = key;
    let Opened::ToChange(keys) = keys else {
        let report = dry_run::denial(&keys, &org, &fingerprint, danger_everywhere).await?;
        return Ok(noted_if_unknown(report, &org, is_unknown));
    };
    let (row, publish) = (InStore::Row(fingerprint), publish.0.as_ref());
    let to_publish = ChosenKey::to_publish(&keys, &org, &named, row, publish).await?;
    let report = match danger_everywhere {
        true => {
            let change = keys.danger_declare_compromised(org.id, &fingerprint, note).await?;
            declared(&keys, change, name.as_ref()).await?
        }
        false => {
            let change = keys.deny_key(org.id, &fingerprint, note).await?;
            denied(&org, change, name.as_ref())
        }
    };
    let report = noted_if_unknown(report, &org, is_unknown);
    match to_publish {
        Some((key, publish)) => published(&keys, &org, key, publish, report).await,
        None => {
            let named = name_to_publish(&named, None);
            let change = RowChange::Refuses { key: &fingerprint, named: &named };
            Ok(publication_notes::noted(&keys, &org, change, report).await)
        }
    }
}

/// Whether nothing but the command line knows the key. No denial fails because this cannot be told.
async fn is_unknown(keys: &TrustReader, org: &OrganizationRecord, key: &SelectedPublicKey) -> bool {
    if key.is_known {
        return false;
    }
    let is_this = |accepted: &TrustedKey| accepted.key.fingerprint() == key.fingerprint;
    keys.list_trusted_keys(org.id).await.is_ok_and(|accepted| !accepted.iter().any(is_this))
}

fn noted_if_unknown(mut report: Report, org: &OrganizationRecord, is_unknown: bool) -> Report {
    if is_unknown {
        report.note(format!(
            "{0} accepts no key of this fingerprint; if you meant one that it accepts, compare all \
             digits: cloacina keys list --org {0} --json",
            org.name
        ));
    }
    report
}

fn denied(
    org: &OrganizationRecord,
    change: Change<TrustedKeyRecord>,
    name: Option<&KeyName>,
) -> Report {
    let (record, changed) = change.into_parts();
    let fingerprint = record.fingerprint;
    let mut text = Lines::from(match changed {
        true => format!("{} now refuses signatures by {fingerprint}", org.name),
        false => {
            let earlier = refusal_of(&record).unwrap_or_default();
            format!("{} already refuses signatures by {fingerprint}: it was {earlier}", org.name)
        }
    });
    // The row shows its own name.
    if record.name.is_none() {
        text.extend(name.map(|name| format!("known as     {name}")));
    }
    row_change(text, &record, changed)
}

/// Publishes a revocation after the row's change, which counts whatever comes of this.
pub(super) async fn published(
    keys: &KeyManager,
    org: &OrganizationRecord,
    key: ChosenKey,
    publish: &PublishKey,
    mut report: Report,
) -> Result<Report, CliError> {
    let published = publish_revocation(keys, org, key, publish).await;
    let fingerprint = key.fingerprint();
    let faults = published.map_err(|source| {
        let (org, source) = (org.name.clone(), Box::new(source));
        CliError::NotPublished { org, fingerprint, source }
    })?;
    for fault in faults {
        report.warn(org.name.to_string(), fault);
    }
    report.note(format!("published the revocation of {fingerprint} for {}", org.name));
    Ok(report)
}

async fn declared(
    keys: &TrustReader,
    change: Change<CompromisedKeyRecord>,
    name: Option<&KeyName>,
) -> Result<Report, CliError> {
    let (record, changed) = change.into_parts();
    let earlier_by = match changed {
        true => None,
        false => {
            Some(keys.store().organization(OrganizationRef::Id(record.declared_by)).await?.name)
        }
    };
    Ok(Report::done(&CompromisedView {
        fingerprint: record.fingerprint,
        declared_by: record.declared_by,
        declared_at: Time(record.declared_at),
        note: record.note,
        everywhere: true,
        changed,
        earlier_by,
        name: name.cloned(),
    }))
}

json_documents! {
    "keys deny": super::trust::RowChangeView<'static>,
    "keys deny": CompromisedView,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    #[serde(skip)]
    name: Option<KeyName>,
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
        let mut text = Lines::from(text);
        text.extend(self.name.as_ref().map(|name| format!("known as     {name}")));
        text
    }
}
