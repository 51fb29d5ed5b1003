use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId, OrgName, TrustedKeyId};
use signing_trust::store::SigningKeyRecord;
use signing_trust::{GraphKey, KeyStanding, TrustPath, TrustedKey};

use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::time::Time;
use crate::view::{
    GraphKeyView, LimitsView, SigningKeyView, TrustedKeyView, View, quoted_note, revocation_of,
    standing_text,
};

/// Lists an organization's signing keys, the keys that it accepts, once for each path,
/// and the other keys that it has rows about.
pub(super) async fn list(
    context: &Context,
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = context.organization(&keys, org).await?;
    let signing = keys.list_signing_keys(org.id).await?;
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
        own.iter().filter(|key| wanted(key)).map(RowView::of).collect()
    };
    Ok(Report::requested(&KeysView {
        org: &org.name,
        signing_keys: signing.iter().map(|key| OwnKeyView::of(key, &signing)).collect(),
        accepted: accepted.iter().map(|key| AcceptedView::of(key, &org.name)).collect(),
        refused: rows(&is_refused),
        no_longer_trusted: rows(&|key| !is_refused(key) && key.standing != KeyStanding::Trusted),
    }))
}

/// Lists the keys that every organization refuses, and who declared them compromised.
pub(super) async fn compromised(context: &Context) -> Result<Report, CliError> {
    let declared = context.keys().await?.list_compromised_keys().await?;
    let compromised = declared.into_iter().map(|(key, org)| DeclaredView {
        fingerprint: key.fingerprint,
        declared_by: org.id,
        org: org.name,
        declared_at: Time(key.declared_at),
        note: key.note,
    });
    Ok(Report::requested(&CompromisedView { compromised: compromised.collect() }))
}

#[derive(Serialize)]
struct KeysView<'a> {
    #[serde(skip)]
    org: &'a OrgName,
    signing_keys: Vec<OwnKeyView<'a>>,
    accepted: Vec<AcceptedView<'a>>,
    refused: Vec<RowView<'a>>,
    no_longer_trusted: Vec<RowView<'a>>,
}

impl View for KeysView<'_> {
    fn text(&self) -> Lines {
        let org = self.org;
        let mut text = Lines::from(format!("signing keys of {org}"));
        text.extend(self.signing_keys.iter().map(OwnKeyView::text));
        text.push(format!("keys whose signatures {org} accepts"));
        for key in &self.accepted {
            text.extend(key.text());
        }
        text.push(format!("keys whose signatures {org} refuses"));
        for RowView { row, text: line } in &self.refused {
            text.push(format!("{line}{}", quoted_note(row.note())));
        }
        if !self.no_longer_trusted.is_empty() {
            text.push(format!("keys that {org} no longer trusts itself"));
        }
        text.extend(self.no_longer_trusted.iter().map(|row| &row.text));
        text
    }
}

/// A signing key of the organization.
#[derive(Serialize)]
struct OwnKeyView<'a> {
    #[serde(flatten)]
    key: SigningKeyView<'a>,
    successor_id: Option<KeyId>,
    #[serde(skip)]
    revocation: Option<String>,
    #[serde(skip)]
    predecessor: Option<&'a KeyName>,
    #[serde(skip)]
    successor: Option<&'a KeyName>,
}

impl<'a> OwnKeyView<'a> {
    fn of(key: &'a SigningKeyRecord, keys: &'a [SigningKeyRecord]) -> Self {
        let successor = keys
            .iter()
            .find(|other| other.predecessor_id == Some(key.id) && other.revoked_at.is_none());
        let predecessor = keys.iter().find(|other| key.predecessor_id == Some(other.id));
        Self {
            key: SigningKeyView::of(key),
            successor_id: successor.map(|key| key.id),
            revocation: revocation_of(key),
            predecessor: predecessor.map(|key| &key.name),
            successor: successor.map(|key| &key.name),
        }
    }

    fn text(&self) -> String {
        let SigningKeyView { id, fingerprint, name, .. } = &self.key;
        let mut line = format!("  {id}  {fingerprint}  {name}");
        if let Some(revocation) = &self.revocation {
            line += &format!("  {revocation}");
        }
        if let Some(old) = self.predecessor {
            line += &format!("  replaces {old}");
        }
        if let Some(new) = self.successor {
            line += &format!("  replaced by {new}");
        }
        line
    }
}

/// A key that the organization accepts, by one path.
#[derive(Serialize)]
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

    fn text(&self) -> Vec<String> {
        let TrustedKeyView { fingerprint, name, limits, .. } = &self.key;
        let (name, path, limits) = (after_fingerprint(*name), self.path, LimitsView::text(limits));
        match self.id {
            Some(id) => vec![format!("  {id}  {fingerprint}{name}  {path}{limits}")],
            None => vec![
                format!("  {fingerprint}{name}  {path}{limits}"),
                format!("    to refuse it: {}", self.refuse_with),
            ],
        }
    }
}

/// One of the organization's rows about a key that it does not accept.
#[derive(Serialize)]
struct RowView<'a> {
    #[serde(flatten)]
    row: GraphKeyView<'a>,
    #[serde(skip)]
    text: String,
}

impl<'a> RowView<'a> {
    fn of(key: &'a GraphKey) -> Self {
        let (name, standing) = (after_fingerprint(key.name.as_ref()), standing_text(key));
        let text = format!("  {}  {}{name}{standing}", key.id, key.fingerprint);
        Self { row: GraphKeyView::of(key), text }
    }
}

fn after_fingerprint(name: Option<&KeyName>) -> String {
    name.map(|name| format!("  {name}")).unwrap_or_default()
}

#[derive(Serialize)]
struct CompromisedView {
    compromised: Vec<DeclaredView>,
}

#[derive(Serialize)]
struct DeclaredView {
    fingerprint: Fingerprint,
    declared_by: OrgId,
    org: OrgName,
    declared_at: Time,
    note: Option<Note>,
}

impl View for CompromisedView {
    fn text(&self) -> Lines {
        let mut text = Lines::from("keys that every organization of the store refuses");
        for DeclaredView { fingerprint, org, declared_at, note, .. } in &self.compromised {
            let note = quoted_note(note.as_ref());
            text.push(format!(
                "  {fingerprint}  declared compromised by {org} at {declared_at}{note}"
            ));
        }
        text
    }
}
