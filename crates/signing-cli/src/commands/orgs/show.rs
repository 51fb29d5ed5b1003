use serde::Serialize;
use signing_crypto::{DocumentTexts, KeyName};
use signing_trust::store::SigningKeyRecord;
use signing_trust::{GraphKey, KeyStanding};

use super::OrganizationView;
use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Lines, ShortIds, Table};
use crate::output::Report;
use crate::select::{UNREADABLE, organization_or_default, readable_signing_keys};
use crate::signed_trust::headers;
use crate::time::Time;
use crate::view::{
    DocumentView, GraphGrantView, GraphKeyView, SigningKeyView, View, json_documents,
    name_by_grant, quoted_note, revocation_of, standing_text,
};

/// Shows an organization, its keys, the grants that it has made and received, and its signed
/// trust.
pub(super) async fn show(
    context: &Context,
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = organization_or_default(context, &keys, org).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let own = graph.organization(org.id);
    let grants = own.map(|org| &*org.grants).unwrap_or_default();
    let trusted = own.map(|org| &*org.keys).unwrap_or_default();
    let received = keys.grants_to(org.id).await?;
    let signing = readable_signing_keys(&keys, org.id).await?;
    let documents = keys.unverified_documents(org.id).await?;
    Ok(Report::requested(&ShownView {
        org: OrganizationView::of(&org),
        created_at: Time(org.created_at),
        deleted_at: org.deleted_at.map(Time),
        grants: grants.iter().map(GraphGrantView::of).collect(),
        granted_by: received
            .iter()
            .map(|(parent, grant)| GraphGrantView::received(parent, grant))
            .collect(),
        signing_keys: signing.as_ref().map(|keys| keys.iter().map(OwnKeyView::of).collect()),
        trusted_keys: trusted
            .iter()
            .map(|key| TrustedView::of(key, name_by_grant(&graph, org.id, key.fingerprint)))
            .collect(),
        signed_trust: documents.as_ref().map(SignedTrustView::of),
    }))
}

json_documents! { "orgs show": ShownView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ShownView<'a> {
    #[serde(flatten)]
    org: OrganizationView<'a>,
    created_at: Time,
    deleted_at: Option<Time>,
    grants: Vec<GraphGrantView<'a>>,
    /// The grants of others to the organization, by the organizations that made them.
    granted_by: Vec<GraphGrantView<'a>>,
    /// `null` if the database role may not see them.
    signing_keys: Option<Vec<OwnKeyView<'a>>>,
    trusted_keys: Vec<TrustedView<'a>>,
    signed_trust: Option<SignedTrustView>,
}

impl View for ShownView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::from(format!("name     {}", self.org.name));
        text.push(format!("id       {}", self.org.id));
        text.push(format!("created  {}", self.created_at));
        text.extend(self.deleted_at.map(|at| format!("deleted  {at}: it trusts nothing")));
        text.extend(self.grants.iter().map(GraphGrantView::text));
        text.extend(self.granted_by.iter().map(GraphGrantView::received_text));
        text.append(self.keys_text());
        match &self.signed_trust {
            Some(signed) => text.append(signed.text(&self.org)),
            None => text.push("signed trust: none was published"),
        }
        text
    }
}

impl ShownView<'_> {
    fn keys_text(&self) -> Lines {
        let signing = || self.signing_keys.iter().flatten().map(|own| &own.key);
        let trusted = || self.trusted_keys.iter().map(|own| &own.key);
        let ids = signing().flat_map(|key| [key.id.to_string(), key.fingerprint.to_string()]);
        let ids = ids.chain(trusted().map(|key| key.fingerprint.to_string()));
        let ids = ids.chain(trusted().filter_map(|key| Some(key.id?.to_string())));
        let names = signing().map(|key| key.name).chain(trusted().filter_map(|key| key.name));
        let ids = ShortIds::new(ids, names);
        let table = || Table::new(["NAME", "KEY", "STATE"]).with_wide_column("ID").indented();
        let mut text = Lines::new();
        let mut own = table();
        for OwnKeyView { key, state } in self.signing_keys.iter().flatten() {
            let id = key.id.to_string();
            let fingerprint = ids.cell(key.fingerprint);
            own.row([key.name.as_str().into(), fingerprint, state.into(), id.into()]);
        }
        let mut stated = table();
        for TrustedView { key, state, name_by_grant } in &self.trusted_keys {
            let id = key.id.map(|id| id.to_string()).unwrap_or_default();
            let name = key.name.map(KeyName::as_str).or(name_by_grant.as_deref()).unwrap_or("-");
            stated.row([name.into(), ids.cell(key.fingerprint), state.into(), id.into()]);
        }
        for (what, keys) in [(OWN, own), ("keys that it trusts or refuses itself", stated)] {
            match (keys.is_empty(), what) {
                (true, OWN) if self.signing_keys.is_none() => {
                    text.push(format!("{what}: {UNREADABLE}"));
                }
                (true, _) => text.push(format!("{what}: none")),
                (false, _) => text.push(what),
            }
            text.table(keys);
        }
        text
    }
}

const OWN: &str = "signing keys";

/// A signing key of the organization.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OwnKeyView<'a> {
    #[serde(flatten)]
    key: SigningKeyView<'a>,
    #[serde(skip)]
    state: String,
}

impl<'a> OwnKeyView<'a> {
    fn of(key: &'a SigningKeyRecord) -> Self {
        let state = revocation_of(key).unwrap_or_else(|| "can sign".into());
        Self { key: SigningKeyView::of(key), state }
    }
}

/// What the organization states about a key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TrustedView<'a> {
    #[serde(flatten)]
    key: GraphKeyView<'a>,
    #[serde(skip)]
    state: String,
    /// The name by which a command takes a key that has no other.
    #[serde(skip)]
    name_by_grant: Option<String>,
}

impl<'a> TrustedView<'a> {
    fn of(key: &'a GraphKey, name_by_grant: Option<String>) -> Self {
        let standing = standing_text(key);
        let state = match key.standing {
            KeyStanding::Trusted => format!("trusted{}", standing.replacen("  ", " ", 1)),
            _ => format!("{}{}", standing.trim_start(), quoted_note(key.note.as_ref())),
        };
        Self { key: GraphKeyView::of(key), state, name_by_grant }
    }
}

/// The newest documents, as the store shows them: without a pinned root nothing about them is
/// verified.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignedTrustView {
    verified: bool,
    documents: Vec<DocumentView>,
    /// The kinds of the documents that cannot be read.
    unreadable: Vec<&'static str>,
}

impl SignedTrustView {
    fn of(texts: &DocumentTexts) -> Self {
        let mut view = Self { verified: false, documents: Vec::new(), unreadable: Vec::new() };
        for (kind, header) in headers(texts) {
            match header {
                Ok(header) => view.documents.push(DocumentView::of(kind, &header)),
                Err(_) => view.unreadable.push(kind.as_str()),
            }
        }
        view
    }

    fn text(&self, org: &OrganizationView<'_>) -> Lines {
        let mut text = Lines::from("signed trust, as the store shows it: nothing is verified");
        text.extend(self.documents.iter().map(|document| format!("  {}", document.text())));
        text.extend(self.unreadable.iter().map(|kind| format!("  {kind:<11}  cannot be read")));
        text.push(format!(
            "to verify it: cloacina trust status --org {} --trust-root <file>",
            org.name
        ));
        text
    }
}
