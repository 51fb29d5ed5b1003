use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId, OrgName, TrustedKeyId};
use signing_trust::store::SigningKeyRecord;
use signing_trust::{GraphKey, KeyStanding, TrustPath, TrustedKey};

use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Cell, Lines, ShortIds, Table};
use crate::output::Report;
use crate::select;
use crate::time::Time;
use crate::view::{
    KeyRow, SigningKeyView, StatedKeyView, TrustedKeyView, View, json_documents, revocation_of,
};

/// Lists an organization's signing keys, the keys that it accepts, once for each path,
/// and the other keys that it has rows about.
pub(super) async fn list(
    context: &Context,
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let signing = select::readable_signing_keys(&keys, org.id).await?;
    let accepted = keys.list_trusted_keys(org.id).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let own = graph.organization(org.id).map(|org| &*org.keys).unwrap_or_default();
    let is_refused = |key: &GraphKey| {
        matches!(
            key.standing,
            KeyStanding::Revoked { .. }
                | KeyStanding::Denied { .. }
                | KeyStanding::Compromised { .. }
        )
    };
    let rows = |wanted: &dyn Fn(&GraphKey) -> bool| {
        let own = own.iter().filter(|key| wanted(key));
        own.map(|key| StatedKeyView::of(key, &graph, org.id)).collect()
    };
    Ok(Report::requested(&KeysView {
        org: &org.name,
        signing_keys: signing
            .as_ref()
            .map(|signing| signing.iter().map(|key| OwnKeyView::of(key, signing)).collect()),
        accepted: accepted.iter().map(|key| AcceptedView::of(key, &org.name)).collect(),
        refused: rows(&is_refused),
        no_longer_trusted: rows(&|key| !is_refused(key) && key.standing != KeyStanding::Trusted),
    }))
}

/// Lists the keys that every organization refuses, and who declared them compromised.
pub(super) async fn compromised(context: &Context) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let declared = keys.store().compromised_keys().await?;
    let compromised = declared.into_iter().map(|(key, org)| DeclaredView {
        fingerprint: key.fingerprint,
        declared_by: org.id,
        org: org.name,
        declared_at: Time(key.declared_at),
        note: key.note,
    });
    Ok(Report::requested(&CompromisedView { compromised: compromised.collect() }))
}

json_documents! {
    "keys list": KeysView<'static>,
    "keys list": CompromisedView,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeysView<'a> {
    #[serde(skip)]
    org: &'a OrgName,
    /// `null` if the database role may not see them.
    signing_keys: Option<Vec<OwnKeyView<'a>>>,
    accepted: Vec<AcceptedView<'a>>,
    refused: Vec<StatedKeyView<'a>>,
    no_longer_trusted: Vec<StatedKeyView<'a>>,
}

impl View for KeysView<'_> {
    fn text(&self) -> Lines {
        let org = self.org;
        let signing = self.signing_keys.iter().flatten();
        let signing: Vec<_> = signing.map(|own| own.key.row(&own.state)).collect();
        let accepted_rows: Vec<_> = self.accepted.iter().map(AcceptedView::row).collect();
        let refused: Vec<_> = self.refused.iter().map(StatedKeyView::row).collect();
        let no_longer: Vec<_> = self.no_longer_trusted.iter().map(StatedKeyView::row).collect();
        let all = [&signing, &accepted_rows, &refused, &no_longer];
        let ids = KeyRow::short_ids(all.into_iter().flatten());
        let heads = ["NAME", "KEY", "TRUST", "UNTIL", "PACKAGES"];
        let mut accepted = Table::new(heads).with_wide_column("ID").indented();
        for AcceptedView { key, id, path, .. } in &self.accepted {
            let name = match (path, key.name) {
                // Names are each organization's own.
                (TrustPath::Granted { child_name, .. }, Some(name)) => {
                    format!("{child_name}/{name}").into()
                }
                _ => Cell::or_dash(key.name),
            };
            accepted.row([
                name,
                ids.cell(key.fingerprint),
                path.to_string().into(),
                key.limits.until_text().into(),
                key.limits.packages_text().into(),
                Cell::optional(*id),
            ]);
        }
        let rows = |rows: &[KeyRow<'_>]| KeyRow::table(rows, &ids);
        let mut text = Lines::new();
        for (heading, table) in [
            (format!("signing keys of {org}"), rows(&signing)),
            (format!("keys whose signatures {org} accepts"), accepted),
            (format!("keys whose signatures {org} refuses"), rows(&refused)),
            (format!("keys that {org} no longer trusts itself"), rows(&no_longer)),
        ] {
            if !table.is_empty() {
                text.push(heading);
                text.table(table);
            }
        }
        if self.signing_keys.is_none() {
            text.push(format!("signing keys of {org}: {}", select::UNREADABLE));
        }
        if text.is_empty() {
            text.push(format!("{org} has no keys, and trusts none"));
        }
        if let Some(granted) = self.accepted.iter().find(|key| key.id.is_none()) {
            let key = ids.short(granted.key.fingerprint);
            text.push(format!(
                "to refuse a key that a grant brings: cloacina keys deny --org {org} {key}"
            ));
        }
        text
    }
}

/// A signing key of the organization.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OwnKeyView<'a> {
    #[serde(flatten)]
    key: SigningKeyView<'a>,
    successor_id: Option<KeyId>,
    /// What it can do, and which key it replaces, in words.
    #[serde(skip)]
    state: String,
}

impl<'a> OwnKeyView<'a> {
    fn of(key: &'a SigningKeyRecord, keys: &'a [SigningKeyRecord]) -> Self {
        let successor = keys
            .iter()
            .find(|other| other.predecessor_id == Some(key.id) && other.revoked_at.is_none());
        let predecessor = keys.iter().find(|other| key.predecessor_id == Some(other.id));
        let mut state = revocation_of(key).unwrap_or_else(|| "can sign".into());
        if let Some(old) = predecessor {
            state += &format!(", replaces {}", old.name);
        }
        if let Some(new) = successor {
            state += &format!(", replaced by {}", new.name);
        }
        Self { key: SigningKeyView::of(key), successor_id: successor.map(|key| key.id), state }
    }
}

/// A key that the organization accepts, by one path.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AcceptedView<'a> {
    #[serde(flatten)]
    key: TrustedKeyView<'a>,
    /// The organization's own row about the key. The row about an inherited key is another
    /// organization's, and only that one can change it.
    id: Option<TrustedKeyId>,
    refuse_with: String,
    #[serde(skip)]
    path: &'a TrustPath,
}

impl<'a> AcceptedView<'a> {
    fn of(key: &'a TrustedKey, org: &OrgName) -> Self {
        let id = match &key.via {
            TrustPath::Direct { trusted_key } => *trusted_key,
            _ => None,
        };
        let refuse_with = match id {
            Some(id) => format!("cloacina keys revoke --org {org} {id}"),
            None => format!("cloacina keys deny --org {org} {}", key.key.fingerprint()),
        };
        Self { key: TrustedKeyView::of(key), id, refuse_with, path: &key.via }
    }

    fn row(&self) -> KeyRow<'_> {
        let (id, name) = (self.id.map(|id| id.to_string()), self.key.name.map(KeyName::as_str));
        KeyRow { id, fingerprint: self.key.fingerprint, name, state: "" }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CompromisedView {
    compromised: Vec<DeclaredView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DeclaredView {
    fingerprint: Fingerprint,
    declared_by: OrgId,
    org: OrgName,
    declared_at: Time,
    note: Option<Note>,
}

impl View for CompromisedView {
    fn text(&self) -> Lines {
        if self.compromised.is_empty() {
            return Lines::from("no key was declared compromised");
        }
        let fingerprints = self.compromised.iter().map(|key| key.fingerprint);
        let ids = ShortIds::new(fingerprints, [""; 0]);
        let mut table = Table::new(["KEY", "DECLARED BY", "AT", "NOTE"]).indented();
        for DeclaredView { fingerprint, org, declared_at, note, .. } in &self.compromised {
            let note = note.as_ref().map(Note::as_str).unwrap_or_default();
            table.row([
                ids.cell(fingerprint),
                org.as_str().into(),
                declared_at.to_string().into(),
                note.into(),
            ]);
        }
        let mut text =
            Lines::from("compromised keys, which every organization of the store refuses");
        text.table(table);
        text
    }
}
