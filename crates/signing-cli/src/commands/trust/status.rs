use std::collections::BTreeMap;

use serde::Serialize;
use signing_crypto::{OrgId, OrgName, Role, RootDigest};
use signing_trust::store::OrganizationRecord;
use signing_trust::{StatementContent, TrustReader, VerifiedDocuments};

use crate::cli::{AnchorArgs, OrgReference};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::lines::counted;
use crate::output::Report;

use crate::select;
use crate::signed_trust;
use crate::view::{
    ChangeView, DeniedView, DocumentView, KeyNames, RefusedChildView, RoleView, UnrootedView, View,
    json_documents, refused_child,
};

/// Shows an organization's signed trust, and what is out of order about it.
pub(super) async fn status(
    context: &Context,
    org: Option<&OrgReference>,
    anchor: &AnchorArgs,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let AnchorArgs { trust_root, .. } = anchor;
    let anchor = signed_trust::anchor(anchor)?;
    let published = keys.published_trust(org.id, &anchor).await?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let published = published.ok_or(missing)?;
    let statement = published.statement();
    let content = keys.statement_content(org.id, Some(statement), &BTreeMap::new()).await?;
    let changes = content.changes(Some(statement));
    let refused = keys.refused_children(org.id, &anchor).await?;
    let now = keys.now().await?;
    let view = StatusView {
        org_id: org.id,
        org: &org.name,
        root: published.root().digest(),
        documents: documents(&published),
        roles: RoleView::all(published.root().document(), &names(&keys, &org, &published).await?),
        revoked: DeniedView::all(&published.revocations().denied),
        changes: ChangeView::all(&changes),
        unrooted: UnrootedView::all(&content.unrooted, &keys.shown_roots(org.id).await?),
        trusted_but_revoked: trusted_but_revoked(&content, &published),
        refused_children: RefusedChildView::all(&refused),
        threshold: published.root().document().role(Role::Trust).threshold().get(),
    };
    let mut report = Report::requested(&view);
    for error in signed_trust::faults(&published, &org.name, now, Some(trust_root)) {
        report.refuse(org.name.to_string(), error);
    }
    for child in &refused {
        report.refuse(org.name.to_string(), refused_child(&org.name, child));
    }
    if !changes.is_empty() {
        let error = CliError::UnpublishedTrust { org: org.name.clone(), changes: changes.len() };
        report.refuse(org.name.to_string(), error);
    }
    Ok(report)
}

fn documents(published: &VerifiedDocuments) -> Vec<DocumentView> {
    vec![
        DocumentView::of_root(published.root().document()),
        DocumentView::of_statement(published.statement()),
        DocumentView::of_revocations(published.revocations()),
    ]
}

/// Revocations are permanent: a row cannot make such a key trusted again.
fn trusted_but_revoked(
    content: &StatementContent,
    published: &VerifiedDocuments,
) -> Vec<DeniedView> {
    let mut revoked = published.revocations().denied.clone();
    revoked.retain(|key, _| content.keys.contains_key(key));
    DeniedView::all(&revoked)
}

/// What the organization calls keys, in its statement and as its signing keys.
async fn names(
    keys: &TrustReader,
    org: &OrganizationRecord,
    published: &VerifiedDocuments,
) -> Result<KeyNames, CliError> {
    let mut names = KeyNames::new();
    for key in keys.store().signing_keys(org.id).await? {
        names.insert(key.fingerprint, key.name);
    }
    for (fingerprint, key) in &published.statement().keys {
        if let Some(name) = &key.name {
            names.insert(*fingerprint, name.clone());
        }
    }
    Ok(names)
}

json_documents! { "trust status": StatusView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StatusView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    root: RootDigest,
    documents: Vec<DocumentView>,
    roles: Vec<RoleView>,
    revoked: Vec<DeniedView>,
    /// How the rows differ from the statement.
    changes: Vec<ChangeView>,
    unrooted: Vec<UnrootedView>,
    /// Keys that rows trust, and that no runner with the root accepts again.
    trusted_but_revoked: Vec<DeniedView>,
    /// The organizations whose keys runners refuse, although the statement grants them trust.
    refused_children: Vec<RefusedChildView>,
    /// How many keys of the trust role must sign the next statement.
    #[serde(skip)]
    threshold: usize,
}

impl View for StatusView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::from(format!("{} ({})", self.org, self.org_id));
        text.extend(self.documents.iter().map(|document| format!("  {}", document.text())));
        text.push(format!("root  {}", self.root));
        for role in &self.roles {
            text.append(role.text());
        }
        text.append(DeniedView::text("the revocations deny", &self.revoked));
        text.append(DeniedView::text(
            "warning: rows trust these keys, and the revocations deny them for good: make new keys",
            &self.trusted_but_revoked,
        ));
        text.extend(self.unrooted.iter().map(UnrootedView::text));
        if self.changes.is_empty() {
            text.push("the statement says what the rows trust");
            return text;
        }
        text.push("the next statement would");
        text.extend(self.changes.iter().map(|change| format!("  {}", change.text())));
        text.push(format!(
            "to sign it needs {} of the trust role",
            counted(self.threshold as u64, "key")
        ));
        text
    }
}
