//! The documents of one organization and all that they say.

use serde::Serialize;
use signing_crypto::{
    DocumentHeader, DraftDocuments, OrgId, OrgName, Revocations, RootDigest, RootDocument,
    SignedDocument, TrustDocument, TrustStatement,
};
use signing_trust::VerifiedDocuments;

use super::signed_trust::{ContentView, DeniedView, DocumentView, KeyNames, RoleView};
use crate::lines::Lines;

/// What the documents of one organization say.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DocumentsView {
    org_id: OrgId,
    org: Option<OrgName>,
    documents: Vec<DocumentView>,
    root: Option<RootDigest>,
    roles: Vec<RoleView>,
    statement: Option<ContentView>,
    revoked: Vec<DeniedView>,
}

impl DocumentsView {
    fn empty(org_id: OrgId) -> Self {
        Self {
            org_id,
            org: None,
            documents: Vec::new(),
            root: None,
            roles: Vec::new(),
            statement: None,
            revoked: Vec::new(),
        }
    }

    pub(crate) fn of(documents: &VerifiedDocuments) -> Self {
        let root = documents.root();
        Self::empty(root.document().header().org)
            .with_root(root.document(), root.digest())
            .with_statement(documents.statement())
            .with_revocations(documents.revocations())
    }

    /// What is to be published.
    pub(crate) fn of_draft(draft: &DraftDocuments) -> Self {
        let mut view = Self::empty(draft.org());
        if let Some(root) = draft.root() {
            view = view.with_signed_root(root);
        }
        if let Some(statement) = draft.statement() {
            view = view.with_statement(statement.unverified());
        }
        if let Some(revocations) = draft.revocations() {
            view = view.with_revocations(revocations.unverified());
        }
        view
    }

    pub(crate) fn of_root(root: &SignedDocument<RootDocument>) -> Self {
        Self::empty(root.unverified().header().org).with_signed_root(root)
    }

    pub(crate) fn of_statement(statement: &TrustStatement) -> Self {
        Self::empty(statement.header.org).with_statement(statement)
    }

    pub(crate) fn of_revocations(revocations: &Revocations) -> Self {
        Self::empty(revocations.header.org).with_revocations(revocations)
    }

    fn with_signed_root(self, root: &SignedDocument<RootDocument>) -> Self {
        self.with_root(root.unverified(), root.digest())
    }

    fn with_root(mut self, root: &RootDocument, digest: RootDigest) -> Self {
        self.root = Some(digest);
        self.roles = RoleView::all(root, &KeyNames::new());
        self.with_document(root.header(), DocumentView::of_root(root))
    }

    fn with_statement(mut self, statement: &TrustStatement) -> Self {
        self.statement = Some(ContentView::of(statement));
        self.with_document(&statement.header, DocumentView::of_statement(statement))
    }

    fn with_revocations(mut self, revocations: &Revocations) -> Self {
        self.revoked = DeniedView::all(&revocations.denied);
        self.with_document(&revocations.header, DocumentView::of_revocations(revocations))
    }

    fn with_document(mut self, header: &DocumentHeader, view: DocumentView) -> Self {
        self.org = Some(header.org_name.clone());
        self.documents.push(view);
        self
    }

    pub(crate) fn text(&self) -> Lines {
        let name = self.org.as_ref().map(|org| format!("{org} ")).unwrap_or_default();
        let mut text = Lines::from(format!("documents of {name}({})", self.org_id));
        text.extend(self.documents.iter().map(|document| format!("  {}", document.text())));
        text.extend(DocumentView::conditions(&self.documents));
        text.extend(self.root.map(|root| format!("root  {root}")));
        for role in &self.roles {
            text.append(role.text());
        }
        if let Some(statement) = &self.statement {
            text.append(statement.text());
        }
        text.append(DeniedView::text("the revocations deny", &self.revoked));
        text
    }
}
