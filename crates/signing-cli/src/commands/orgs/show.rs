use serde::Serialize;
use signing_crypto::DocumentTexts;
use signing_trust::store::SigningKeyRecord;

use super::OrganizationView;
use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::select::{UNREADABLE, organization_or_default, readable_signing_keys};
use crate::signed_trust::headers;
use crate::time::Time;
use crate::view::{
    DocumentView, GraphGrantView, KeyRow, SigningKeyView, StatedKeyView, View, json_documents,
    revocation_of,
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
        trusted_keys: trusted.iter().map(|key| StatedKeyView::of(key, &graph, org.id)).collect(),
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
    trusted_keys: Vec<StatedKeyView<'a>>,
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
        let signing = self.signing_keys.iter().flatten();
        let own: Vec<_> = signing.map(|own| own.key.row(&own.state)).collect();
        let stated: Vec<_> = self.trusted_keys.iter().map(StatedKeyView::row).collect();
        let ids = KeyRow::short_ids(own.iter().chain(&stated));
        let mut text = Lines::new();
        for (what, keys) in [(OWN, own), ("keys that it trusts or refuses itself", stated)] {
            match (keys.is_empty(), what) {
                (true, OWN) if self.signing_keys.is_none() => {
                    text.push(format!("{what}: {UNREADABLE}"));
                }
                (true, _) => text.push(format!("{what}: none")),
                (false, _) => text.push(what),
            }
            text.table(KeyRow::table(&keys, &ids));
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
