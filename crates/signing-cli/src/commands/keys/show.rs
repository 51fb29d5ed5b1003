//! All that the store says about one key.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use signing_crypto::{Fingerprint, KeyName, OrgName};
use signing_trust::store::{AuditFilter, OrganizationRecord, SigningKeyRecord, StoreError};
use signing_trust::{TrustReader, TrustedKey};

use crate::cli::{KeyReference, OrgReference};
use crate::commands::stored_signatures::{self, Maker, StoredSignatureView};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Cell, Lines, Table, counted};
use crate::output::Report;
use crate::select;
use crate::time::Time;
use crate::view::{
    GraphKeyView, SigningKeyView, TrustedKeyView, View, json_documents, quoted_note, revocation_of,
    standing_text,
};

/// Shows what a key is to an organization, where it counts, who changed that, and what it has
/// signed.
pub(super) async fn show(
    context: &Context,
    org: Option<&OrgReference>,
    named: &KeyReference,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = match &named.org {
        Some(own) => select::organization(&keys, own).await?,
        None => select::organization_or_default(context, &keys, org).await?,
    };
    let found = select::public_key(context, &keys, &org, named).await?;
    let fingerprint = found.fingerprint;
    let signing = keys.store().signing_keys(org.id).await?;
    let signing: Vec<_> =
        signing.into_iter().filter(|key| key.fingerprint == fingerprint).collect();
    let graph = keys.trust_graph(Some(org.id)).await?;
    let rows = graph.organization(org.id).map(|org| &*org.keys).unwrap_or_default();
    let row = rows.iter().find(|row| row.fingerprint == fingerprint);
    let mut places = Vec::new();
    let (mut signed, mut history) = (Vec::new(), Some(Vec::new()));
    for place in concerned(&keys, &org, &fingerprint).await? {
        let accepted = keys.list_trusted_keys(place.id).await?;
        let paths: Vec<TrustedKey> =
            accepted.into_iter().filter(|key| key.key.fingerprint() == fingerprint).collect();
        let maker = Maker::find(&keys, &place, fingerprint).await?;
        signed.extend(stored_signatures::signatures(&keys, &place, Some(&maker)).await?);
        match changes(&keys, &place, fingerprint).await {
            Ok(found) => {
                if let Some(history) = &mut history {
                    history.extend(found);
                }
            }
            Err(StoreError::PermissionDenied(_)) => history = None,
            Err(error) => return Err(error.into()),
        }
        places.push((place, paths));
    }
    if let Some(history) = &mut history {
        history.sort_by_key(|change| change.at);
    }
    let text = row.map(|row| {
        let note = quoted_note(row.note.as_ref());
        let standing = standing_text(row);
        match standing.trim_start() {
            "" => format!("trusted by {} itself", org.name),
            standing => format!("the row of {} about it: {standing}{note}", org.name),
        }
    });
    Ok(Report::requested(&KeyView {
        fingerprint,
        org: &org.name,
        name: found.name.as_ref(),
        signing_keys: signing.iter().map(SigningKeyView::of).collect(),
        row: row.map(GraphKeyView::of),
        accepted_by: places.iter().flat_map(AcceptedView::all).collect(),
        history,
        signed,
        signing_text: signing.iter().map(|key| signing_text(&org, key)).collect(),
        row_text: text,
    }))
}

/// The organization, those that trust the key themselves, and those that granted them trust.
async fn concerned(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Result<Vec<OrganizationRecord>, CliError> {
    let mut concerned = BTreeMap::from([(org.name.clone(), org.clone())]);
    for (holder, _) in keys.store().organizations_trusting(*fingerprint).await? {
        for (parent, _) in keys.store().parents_of(holder.id).await? {
            concerned.insert(parent.name.clone(), parent);
        }
        concerned.insert(holder.name.clone(), holder);
    }
    Ok(concerned.into_values().collect())
}

/// The entries about the key in an organization's log.
async fn changes(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: Fingerprint,
) -> Result<Vec<ChangeView>, StoreError> {
    let filter = AuditFilter { fingerprint: Some(fingerprint), ..AuditFilter::default() };
    let (mut found, mut from) = (Vec::new(), i64::MIN);
    loop {
        let page = keys.store().audit_page(org.id, &filter, from).await?;
        let Some(last) = page.last().map(|record| record.sequence) else { return Ok(found) };
        for record in &page {
            let details: Map<String, Value> =
                serde_json::from_str(&record.details).unwrap_or_default();
            let word = |name: &str| details.get(name).and_then(Value::as_str);
            let user = || Some(format!("{}@{}", word("operating_system_user")?, word("host")?));
            let actor = word("actor").map(str::to_owned).or_else(user);
            found.push(ChangeView {
                at: record.occurred_at,
                occurred_at: Time(record.occurred_at),
                org: org.name.clone(),
                event: record.event_type.clone(),
                actor,
            });
        }
        let Some(next) = last.checked_add(1) else { return Ok(found) };
        from = next;
    }
}

fn signing_text(org: &OrganizationRecord, key: &SigningKeyRecord) -> String {
    let state = revocation_of(key).unwrap_or_else(|| "can sign".into());
    format!("{}/{}, made at {}, {state}", org.name, key.name, Time(key.created_at))
}

json_documents! { "keys show": KeyView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeyView<'a> {
    fingerprint: Fingerprint,
    org: &'a OrgName,
    name: Option<&'a KeyName>,
    /// The organization's signing keys with this fingerprint.
    signing_keys: Vec<SigningKeyView<'a>>,
    /// What the organization itself states about the key.
    row: Option<GraphKeyView<'a>>,
    accepted_by: Vec<AcceptedView<'a>>,
    /// `null` if the database role may not see it.
    history: Option<Vec<ChangeView>>,
    /// The stored signatures that it has made.
    signed: Vec<StoredSignatureView>,
    #[serde(skip)]
    signing_text: Vec<String>,
    #[serde(skip)]
    row_text: Option<String>,
}

/// An organization that accepts the key, by one path.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AcceptedView<'a> {
    org: &'a OrgName,
    #[serde(flatten)]
    key: TrustedKeyView<'a>,
    #[serde(skip)]
    path: String,
}

impl<'a> AcceptedView<'a> {
    fn all((org, paths): &'a (OrganizationRecord, Vec<TrustedKey>)) -> Vec<Self> {
        let view = |key: &'a TrustedKey| Self {
            org: &org.name,
            key: TrustedKeyView::of(key),
            path: key.via.to_string(),
        };
        paths.iter().map(view).collect()
    }
}

/// An entry of an organization's audit log.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ChangeView {
    #[serde(skip)]
    at: chrono::DateTime<chrono::Utc>,
    occurred_at: Time,
    org: OrgName,
    event: String,
    /// As the program that made the change claimed it.
    actor: Option<String>,
}

impl KeyView<'_> {
    fn changes_text(&self, text: &mut Lines) {
        let Some(history) = &self.history else {
            text.push(format!("changes: {}", select::UNREADABLE));
            return;
        };
        if !history.is_empty() {
            text.push("changes, as the audit logs have them");
            let mut table = Table::new(["TIME", "LOG", "EVENT", "BY"]).indented();
            for change in history {
                table.row([
                    change.occurred_at.to_string().into(),
                    change.org.as_str().into(),
                    (&change.event).into(),
                    Cell::or_dash(change.actor.as_ref()),
                ]);
            }
            text.table(table);
        }
    }
}

impl View for KeyView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::from(format!("fingerprint  {}", self.fingerprint));
        text.extend(self.name.map(|name| format!("name         {name}")));
        text.extend(self.signing_text.iter().map(|key| format!("signing key  {key}")));
        text.extend(self.row_text.iter().map(|row| format!("row          {row}")));
        if self.accepted_by.is_empty() {
            text.push("no organization that was looked at accepts its signatures");
        } else {
            text.push("accepted by");
            let mut table = Table::new(["ORGANIZATION", "TRUST", "UNTIL", "PACKAGES"]).indented();
            for AcceptedView { org, key, path } in &self.accepted_by {
                table.row([
                    org.as_str().into(),
                    path.into(),
                    key.limits.until_text().into(),
                    key.limits.packages_text().into(),
                ]);
            }
            text.table(table);
        }
        self.changes_text(&mut text);
        text.push(format!("{} in the store", counted(self.signed.len() as u64, "signature")));
        text.table(StoredSignatureView::table(&self.signed).indented());
        text
    }
}
