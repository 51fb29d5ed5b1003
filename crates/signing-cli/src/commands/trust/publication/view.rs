use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use signing_crypto::{
    DraftDocuments, Fingerprint, OrgId, OrgName, PackageDigest, PackageName, RootDigest,
    SignedDocument, TrustDocumentKind, shell_word,
};
use signing_trust::store::OrganizationRecord;
use signing_trust::{NextDocuments, PublicationImpact, SearchExtent};

use crate::commands::impact::NOT_ALL_SEARCHED;
use crate::lines::{Lines, quoted};
use crate::time::Time;
use crate::view::{
    ChangeView, DocumentView, DocumentsView, MissingView, UnrootedView, View, json_documents,
};

json_documents! {
    "trust init": PublicationView<'static>,
    "trust publish": PublicationView<'static>,
    "trust rotate-root": PublicationView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PublicationView<'a> {
    org_id: OrgId,
    pub(super) org: &'a OrgName,
    documents: Vec<DocumentView>,
    /// All that is signed, where more than a statement's changes is.
    content: Option<DocumentsView>,
    changes: Vec<ChangeView>,
    /// The keys that the revocations deny, and did not before.
    revokes: Vec<Fingerprint>,
    unrooted: Vec<UnrootedView>,
    starts: Vec<PackageView<'a>>,
    stops: Vec<PackageView<'a>>,
    pub(super) missing: Vec<MissingView>,
    /// The documents that have expired and are not signed again.
    pub(super) expired: Vec<ExpiredView>,
    pub(super) published: bool,
    pub(super) root_file: Option<String>,
    pub(super) draft: Option<String>,
    /// Whether the two lists of packages are about all stored signatures that bear on the change.
    searched_all: bool,
    /// What names the root document that the documents count from.
    root: Option<RootDigest>,
    #[serde(skip)]
    is_first: bool,
    #[serde(skip)]
    pub(super) was_shown: bool,
    /// Whether nothing of it was done, nor will be.
    pub(super) dry_run: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PackageView<'a> {
    sha256: PackageDigest,
    name: &'a PackageName,
}

/// A document that has expired.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExpiredView {
    kind: &'static str,
    expired_at: Time,
}

impl ExpiredView {
    pub(super) fn all(expired: &[(TrustDocumentKind, DateTime<Utc>)]) -> Vec<Self> {
        let view = |(kind, at): &(TrustDocumentKind, DateTime<Utc>)| Self {
            kind: kind.as_str(),
            expired_at: Time(*at),
        };
        expired.iter().map(view).collect()
    }
}

impl<'a> PublicationView<'a> {
    pub(super) fn of(
        org: &'a OrganizationRecord,
        next: &'a NextDocuments,
        unrooted: Vec<UnrootedView>,
        impact: &'a PublicationImpact,
    ) -> Self {
        let documents = &next.documents;
        Self {
            org_id: org.id,
            org: &org.name,
            documents: document_views(documents),
            content: documents.root().map(|_| DocumentsView::of_draft(documents)),
            revokes: newly_revoked(next),
            changes: ChangeView::all(&next.changes),
            unrooted,
            starts: packages(&impact.starts),
            stops: packages(&impact.stops),
            missing: Vec::new(),
            expired: Vec::new(),
            published: false,
            root_file: None,
            draft: None,
            searched_all: impact.extent == SearchExtent::All,
            root: documents.root().or(documents.current_root()).map(SignedDocument::digest),
            is_first: documents.current_root().is_none(),
            was_shown: false,
            dry_run: false,
        }
    }

    pub(super) fn preview(&self) -> Lines {
        // What a new root document signs again was signed by keys that may be the reason for it.
        let mut text = match &self.content {
            Some(content) => content.text(),
            None => {
                let mut text = Lines::from(format!("documents of {} ({})", self.org, self.org_id));
                text.extend(self.documents.iter().map(|document| format!("  {}", document.text())));
                text.extend(DocumentView::conditions(&self.documents));
                text
            }
        };
        let has_statement = self.documents.iter().any(|document| document.kind == "statement");
        if has_statement && !self.is_first {
            text.push("the statement changes");
            text.extend(self.changes.iter().map(|change| format!("  {}", change.text())));
            if self.changes.is_empty() {
                text.push("  nothing");
            }
        }
        for fingerprint in &self.revokes {
            text.push(format!("the revocations deny for good: {fingerprint}"));
        }
        text.extend(self.unrooted.iter().map(|unrooted| format!("  {}", unrooted.text())));
        for (title, packages) in [
            ("stored packages that start to verify", &self.starts),
            ("stored packages that stop verifying", &self.stops),
        ] {
            if !packages.is_empty() {
                text.push(title);
            }
            text.extend(packages.iter().map(|PackageView { sha256, name }| {
                format!("  {sha256}  {}", quoted(name.as_str()))
            }));
        }
        if !self.searched_all {
            text.push(NOT_ALL_SEARCHED);
        }
        for ExpiredView { kind, expired_at } in &self.expired {
            text.push(format!("the {kind} document expired at {expired_at}, and is not replaced"));
        }
        text
    }
}

impl View for PublicationView<'_> {
    fn text(&self) -> Lines {
        if self.dry_run {
            let mut text = Lines::from("nothing was changed; this would be signed:");
            text.append(self.preview());
            if !self.missing.is_empty() {
                text.push("other keys that must sign it");
                text.extend(self.missing.iter().map(MissingView::text));
            }
            return text;
        }
        let mut text = match self.was_shown {
            true => Lines::new(),
            false => self.preview(),
        };
        if self.published {
            text.push(format!("published the documents of {}", self.org));
        }
        if let (Some(file), false) = (&self.root_file, self.is_first) {
            text.push(format!("wrote {file}: the newest root document"));
        }
        if let Some(draft) = &self.draft {
            text.push(format!("wrote {draft}; keys that must still sign it"));
            text.extend(self.missing.iter().map(MissingView::text));
            let root = if self.is_first { "<digest>" } else { "<file>" };
            text.push(format!(
                "for their holders: cloacina trust cosign {} --key <private key> --trust-root {root}",
                shell_word(draft)
            ));
            if self.is_first {
                text.push(
                    "send them the digest of the root through another channel than the draft",
                );
            }
        }
        if let (Some(root), true) = (&self.root, self.is_first) {
            text.push(format!("root  {root}"));
        }
        if let (Some(root), true) = (&self.root, self.is_first && self.published) {
            let pinned = match &self.root_file {
                Some(file) => shell_word(file),
                None => root.to_string(),
            };
            text.push(format!("to pin it in a runner: --org {} --trust-root {pinned}", self.org));
        }
        text
    }
}

fn newly_revoked(next: &NextDocuments) -> Vec<Fingerprint> {
    let before = next.published.as_ref().map(|published| &published.revocations().denied);
    let Some(revocations) = next.documents.revocations() else { return Vec::new() };
    let denied = revocations.unverified().denied.keys();
    denied.filter(|key| before.is_none_or(|before| !before.contains_key(key))).copied().collect()
}

/// The new documents of a draft.
fn document_views(draft: &DraftDocuments) -> Vec<DocumentView> {
    let root = draft.root().map(|root| DocumentView::of_root(root.unverified()));
    let statement = draft.statement();
    let statement = statement.map(|it| DocumentView::of_statement(it.unverified()));
    let revocations = draft.revocations();
    let revocations = revocations.map(|it| DocumentView::of_revocations(it.unverified()));
    root.into_iter().chain(statement).chain(revocations).collect()
}

fn packages(packages: &BTreeSet<(PackageDigest, PackageName)>) -> Vec<PackageView<'_>> {
    packages.iter().map(|(sha256, name)| PackageView { sha256: *sha256, name }).collect()
}
