use serde::Serialize;
use signing_crypto::{KeyName, StatementTime, VerifyingKey};
use signing_trust::TrustReader;
use signing_trust::store::{OrganizationRecord, TrustedKeyRecord};

use crate::advice::refused_key;
use crate::cli::{self, KeyReference, KeyToTrust, OrgReference, Resolved};
use crate::commands::impact::{About, ImpactView};
use crate::commands::publication_notes::{self, RowChange};
use crate::context::{Context, Opened};
use crate::error::CliError;
use crate::key_files;
use crate::lines::Lines;
use crate::output::Report;
use crate::select;
use crate::time::Time;
use crate::view::{TrustedRowView, json_documents};

/// Accepts a key's signatures.
pub(super) async fn trust(context: &Context, command: cli::TrustKey) -> Result<Report, CliError> {
    let cli::TrustKey { org, key: Resolved(key), name, expires, dry_run } = command;
    let (org, expires_at) = (org.as_ref(), expires.map(StatementTime::to_utc));
    let key = match key {
        KeyToTrust::File(path) => Key::Given(
            key_files::read_public_key(&path)
                .map_err(|error| key_files::or_stored(error, |name| format!("--key-id {name}")))?,
        ),
        KeyToTrust::Stored(named) => Key::Stored(named),
    };
    let until = expires_at.map(|at| format!(" until {}", Time(at))).unwrap_or_default();
    let mut keys = context.open(dry_run).await?;
    if matches!(key, Key::Stored(_)) {
        keys = keys.with_kek(context.kek()?);
    }
    let Found { org, key, name, earlier } = find(context, &keys, org, key, name).await?;
    let Opened::ToChange(keys) = keys else {
        let impact = match keys.trusted_public_key_impact(org.id, &key, name, expires_at).await {
            Ok(impact) => impact,
            Err(error) => return Err(refused_key::of_trust(&keys, &org, error).await),
        };
        let what = format!("trusting {} for {}{until}", key.fingerprint(), org.name);
        let report = Report::requested(&ImpactView::of(what, About::Keys, &impact));
        let change = RowChange::Trusts(&key.fingerprint());
        return Ok(publication_notes::noted(&keys, &org, change, report).await);
    };
    let change = match keys.trust_public_key(org.id, &key, name, expires_at).await {
        Ok(change) => change,
        Err(error) => return Err(refused_key::of_trust(&keys, &org, error).await),
    };
    let (record, changed) = change.into_parts();
    let verb = if changed { "now accepts" } else { "already accepts" };
    let mut text =
        Lines::from(format!("{} {verb} signatures by {}{until}", org.name, record.fingerprint));
    if let Some(earlier) = earlier.filter(|earlier| earlier.revoked_at.is_none()) {
        if let (Some(before), Some(now)) = (&earlier.name, &record.name)
            && before != now
        {
            text.push(format!("its name is now {now}; before: {before}"));
        }
        if let Some(at) = earlier.expires_at.filter(|_| earlier.expires_at != record.expires_at) {
            text.push(format!("before: until {}", Time(at)));
        }
    }
    let mut report = row_change(text, &record, changed);
    if let Some(note) = name_note(&keys, &org, &record).await.unwrap_or_default() {
        report.note(note);
    }
    Ok(publication_notes::noted(&keys, &org, RowChange::Trusts(&record.fingerprint), report).await)
}

/// Why the row's name, or having none, makes it hard to say which key is meant.
async fn name_note(
    keys: &TrustReader,
    org: &OrganizationRecord,
    record: &TrustedKeyRecord,
) -> Result<Option<String>, CliError> {
    let with_name = "run the command again with --name <name>";
    let Some(name) = &record.name else {
        return Ok(Some(format!(
            "the key has no name at {}; to give it one, {with_name}",
            org.name
        )));
    };
    let own = keys.store().own_trusted_keys(org.id).await?;
    let other = own.iter().find(|row| row.name == record.name && row.id != record.id);
    Ok(other.map(|other| {
        format!(
            "{} also calls {:.16} {name}; to tell them apart, {with_name}",
            org.name,
            other.fingerprint.to_string(),
        )
    }))
}

/// The key that the command names.
enum Key {
    Given(VerifyingKey),
    Stored(KeyReference),
}

/// Who is to trust which key.
struct Found {
    org: OrganizationRecord,
    key: VerifyingKey,
    /// The name that the key gets.
    name: Option<KeyName>,
    /// The organization's row about it.
    earlier: Option<TrustedKeyRecord>,
}

async fn find(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    key: Key,
    name: Option<KeyName>,
) -> Result<Found, CliError> {
    // First: without it, naming the key's organization would not suffice.
    let trusting = select::organization_or_default(context, keys, org).await?;
    let (key, own_name) = match key {
        Key::Given(key) => (key, None),
        Key::Stored(named) => {
            let id = select::signing_key(context, keys, org, &named).await?;
            let proven = keys.proven_key(id).await?;
            (proven.verifying_key(), Some(proven.record().name.clone()))
        }
    };
    let org = trusting;
    let own = keys.store().own_trusted_keys(org.id).await?;
    let earlier = own.into_iter().find(|row| row.fingerprint == key.fingerprint());
    let earlier_name = earlier.as_ref().and_then(|row| row.name.as_ref());
    let name = if earlier_name.is_some() { name } else { name.or(own_name) };
    Ok(Found { org, key, name, earlier })
}

json_documents! {
    "keys trust": RowChangeView<'static>,
    "keys trust": ImpactView<'static>,
}

/// A change of an organization's row about a key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RowChangeView<'a> {
    #[serde(flatten)]
    row: TrustedRowView<'a>,
    changed: bool,
}

pub(super) fn row_change(mut text: Lines, record: &TrustedKeyRecord, changed: bool) -> Report {
    text.push(format!("id           {}", record.id));
    text.extend(record.name.as_ref().map(|name| format!("name         {name}")));
    Report::done_as(text, &RowChangeView { row: TrustedRowView::of(record), changed })
}
