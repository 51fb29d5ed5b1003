//! What every command does that publishes documents: show what they change, ask, and publish
//! them, or write a draft.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{SubsecRound, Utc};
use serde::Serialize;
use signing_crypto::{
    DraftDocuments, DraftSignatureError, Fingerprint, KeyName, MAX_DRAFT_SIZE, OrgId, OrgName,
    PackageDigest, PackageName, RootDigest, SignedDocument, Signer, StatementTime, TrustDocument,
    TrustDocumentKind,
};
use signing_trust::store::OrganizationRecord;
use signing_trust::{
    DocumentPlan, DraftedTrust, KeyManager, PublicationImpact, SignedTrustError, TrustAnchor,
    TrustError, VerifiedDocuments,
};

use crate::cli::{GivenKey, KeyReference, PublicationArgs, PublishKey};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::Lines;
use crate::output::{self, Report};
#[cfg(test)]
use crate::schemas::Document;
use crate::signed_trust;
use crate::signers;
use crate::terminal::{Confirmation, confirm};
use crate::view::{ChangeView, DocumentView, DocumentsView, MissingView, UnrootedView, View};

/// Shows what documents change, asks, has `signers` sign them, and publishes them, or writes
/// the draft if more keys must sign them. Each of the signers must have a role.
pub(super) async fn publish_or_draft(
    keys: &KeyManager,
    org: &OrganizationRecord,
    drafted: DraftedTrust,
    signers: &[&dyn Signer],
    anchor: Option<&TrustAnchor>,
    publication: &PublicationArgs,
) -> Result<Report, CliError> {
    let documents = &drafted.documents;
    let fingerprints: BTreeSet<_> =
        signers.iter().map(|signer| signer.verifying_key().fingerprint()).collect();
    for &fingerprint in &fingerprints {
        if documents.needed_from(&fingerprint).is_empty() {
            return Err(DraftSignatureError::NoRole { fingerprint }.into());
        }
    }
    let anchor = match anchor {
        Some(anchor) => anchor.clone(),
        None => first_anchor(org.id, documents, publication)?,
    };
    let missing = documents.missing_with(&fingerprints);
    let destination = match (missing.first(), &publication.draft) {
        (None, _) => Destination::Store,
        (Some(_), Some(path)) => Destination::Draft(path),
        (Some(first), None) => return Err(CliError::DraftNeeded { missing: first.clone() }),
    };
    if let Destination::Draft(path) = destination {
        publication.existing().require_vacant(path)?;
    }
    if let Some(path) = &publication.root_output {
        publication.existing().require_vacant(path)?;
    }
    // This also checks that the documents belong together: a draft that could never be published
    // is not written.
    let impact = keys.publication_impact(documents, &anchor).await?;
    let shown = match drafted.unrooted.is_empty() {
        true => BTreeMap::new(),
        false => keys.shown_roots(org.id).await?,
    };
    let unrooted = UnrootedView::all(&drafted.unrooted, &shown);
    let mut view = PublicationView::of(org, &drafted, unrooted, &impact);
    view.missing = MissingView::all(&missing);
    // A token or an agent is not asked to sign what is then declined.
    view.ask(publication.confirmation(), destination)?;
    let mut documents = documents.clone();
    for signer in signers {
        documents.sign(*signer)?;
    }
    let documents = &documents;
    match destination {
        Destination::Store => {
            keys.publish_documents(documents, &anchor).await?;
            view.published = true;
            if let (Some(path), Some(root)) = (&publication.root_output, documents.root()) {
                let text = root.to_json() + "\n";
                let existing = publication.existing();
                files::write_atomically(path, text.as_bytes(), Readers::Everybody, existing)?;
                view.root_file = Some(path.display().to_string());
            }
        }
        Destination::Draft(path) => {
            write_draft(path, documents, publication.existing())?;
            view.draft = Some(path.display().to_string());
        }
    }
    Ok(Report::done(&view))
}

/// The first documents are verified from their own root document. What is remembered of them is
/// where the next command looks for it.
fn first_anchor(
    org: OrgId,
    documents: &DraftDocuments,
    publication: &PublicationArgs,
) -> Result<TrustAnchor, CliError> {
    let missing = SignedTrustError::Missing { org, kind: TrustDocumentKind::Root };
    let root = documents.root().ok_or(missing)?.digest().into();
    let state_file = publication.root_output.as_deref().map(signed_trust::state_file_of);
    signed_trust::remembering(root, state_file.as_deref())
}

/// How a key was chosen whose revocation is published, which cannot be taken back.
pub(in crate::commands) enum Chosen {
    /// By its fingerprint, or by the private half that is in the store.
    ByKey,
    /// By a row of the store, which names the key so. The row is believed only if the published
    /// statement knows the key under the same name.
    ByRow(Option<KeyName>),
}

impl Chosen {
    /// How a public key was chosen that the store calls `name`. Only a fingerprint says which
    /// key it is without a row.
    pub(in crate::commands) fn public_key(named: &KeyReference, name: Option<KeyName>) -> Self {
        match named.key {
            GivenKey::Fingerprint(_) => Self::ByKey,
            GivenKey::Id(_) | GivenKey::Name(_) => Self::ByRow(name),
        }
    }

    /// The same of a signing key, whose private half also proves which key its id means.
    pub(in crate::commands) fn signing_key(named: &KeyReference, name: &KeyName) -> Self {
        match named.key {
            GivenKey::Fingerprint(_) | GivenKey::Id(_) => Self::ByKey,
            GivenKey::Name(_) => Self::ByRow(Some(name.clone())),
        }
    }

    /// Refuses a row's word that the published statement does not bear out.
    pub(super) fn require_stated(
        &self,
        fingerprint: Fingerprint,
        published: &VerifiedDocuments,
    ) -> Result<(), CliError> {
        let Self::ByRow(name) = self else { return Ok(()) };
        match published.statement().keys.get(&fingerprint) {
            Some(stated) if stated.name == *name => Ok(()),
            _ => Err(CliError::OtherKeyInRow { fingerprint }),
        }
    }
}

/// Publishes the revocation of a key, after the row's change.
pub(in crate::commands) async fn publish_revocation(
    keys: &KeyManager,
    org: &OrganizationRecord,
    fingerprint: Fingerprint,
    chosen: &Chosen,
    PublishKey { source, access, anchor }: &PublishKey,
) -> Result<(), CliError> {
    let signer = signers::open(source, access)?;
    let anchor = signed_trust::anchor(anchor)?;
    let missing = SignedTrustError::Missing { org: org.id, kind: TrustDocumentKind::Root };
    let before = keys.published_trust(org.id, &anchor).await?.ok_or(missing)?;
    chosen.require_stated(fingerprint, &before)?;
    // They live as long as those before.
    let before = &before.revocations().header;
    let life = before.expires_at.to_utc() - before.issued_at.to_utc();
    let expires_at = Utc::now().trunc_subsecs(0) + life;
    let plan = DocumentPlan::Next {
        child_roots: Default::default(),
        statement_expires_at: None,
        revocations_expire_at: Some(StatementTime::new(expires_at).map_err(TrustError::Clock)?),
        deny: BTreeSet::from([fingerprint]),
    };
    let mut documents = keys.draft_documents(org, Some(&anchor), plan).await?.documents;
    documents.sign(&*signer)?;
    if let Some(missing) = documents.missing().into_iter().next() {
        return Err(CliError::NotSigned(missing));
    }
    keys.publish_documents(&documents, &anchor).await?;
    Ok(())
}

fn write_draft(
    path: &Path,
    documents: &DraftDocuments,
    existing: Existing,
) -> Result<(), CliError> {
    files::write_atomically(path, draft_text(documents).as_bytes(), Readers::Everybody, existing)
}

pub(super) fn draft_text(documents: &DraftDocuments) -> String {
    documents.to_json() + "\n"
}

pub(super) fn read_draft(path: &Path) -> Result<DraftDocuments, CliError> {
    parse_draft(path, &files::read_at_most(path, MAX_DRAFT_SIZE as u64 + 1)?)
}

pub(super) fn parse_draft(path: &Path, bytes: &[u8]) -> Result<DraftDocuments, CliError> {
    DraftDocuments::parse(bytes)
        .map_err(|source| CliError::TrustDraft { path: path.into(), source })
}

#[derive(Clone, Copy)]
enum Destination<'a> {
    Store,
    Draft(&'a Path),
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] = &[
    Document::of::<PublicationView<'static>>("trust init"),
    Document::of::<PublicationView<'static>>("trust publish"),
    Document::of::<PublicationView<'static>>("trust rotate-root"),
];

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PublicationView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    documents: Vec<DocumentView>,
    /// All that is signed, where more than a statement's changes is.
    content: Option<DocumentsView>,
    changes: Vec<ChangeView>,
    /// The keys that the revocations deny, and did not before.
    revokes: Vec<Fingerprint>,
    unrooted: Vec<UnrootedView>,
    starts: Vec<PackageView<'a>>,
    stops: Vec<PackageView<'a>>,
    missing: Vec<MissingView>,
    published: bool,
    root_file: Option<String>,
    draft: Option<String>,
    /// What names the root document that the documents count from.
    root: Option<RootDigest>,
    #[serde(skip)]
    is_first: bool,
    #[serde(skip)]
    was_shown: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PackageView<'a> {
    sha256: PackageDigest,
    name: &'a PackageName,
}

impl<'a> PublicationView<'a> {
    fn of(
        org: &'a OrganizationRecord,
        drafted: &'a DraftedTrust,
        unrooted: Vec<UnrootedView>,
        impact: &'a PublicationImpact,
    ) -> Self {
        let documents = &drafted.documents;
        Self {
            org_id: org.id,
            org: &org.name,
            documents: document_views(documents),
            content: documents.root().map(|_| DocumentsView::of_draft(documents)),
            revokes: newly_revoked(drafted),
            changes: ChangeView::all(&drafted.changes),
            unrooted,
            starts: packages(&impact.starts),
            stops: packages(&impact.stops),
            missing: Vec::new(),
            published: false,
            root_file: None,
            draft: None,
            root: documents.root().or(documents.current_root()).map(SignedDocument::digest),
            is_first: documents.current_root().is_none(),
            was_shown: false,
        }
    }

    /// Shows what would be done, and asks.
    fn ask(
        &mut self,
        confirmation: Confirmation,
        destination: Destination<'_>,
    ) -> Result<(), CliError> {
        if confirmation == Confirmation::Given {
            return Ok(());
        }
        output::show(&self.preview());
        self.was_shown = true;
        confirm(&match destination {
            Destination::Store => format!("publish this for {}?", self.org),
            Destination::Draft(path) => format!("sign this and write {}?", path.display()),
        })
    }

    fn preview(&self) -> Lines {
        // What a new root document signs again was signed by keys that may be the reason for it.
        let mut text = match &self.content {
            Some(content) => content.text(),
            None => {
                let mut text = Lines::from(format!("documents of {} ({})", self.org, self.org_id));
                text.extend(self.documents.iter().map(|document| format!("  {}", document.text())));
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
            text.extend(
                packages.iter().map(|PackageView { sha256, name }| format!("  {sha256}  {name}")),
            );
        }
        text
    }
}

impl View for PublicationView<'_> {
    fn text(&self) -> Lines {
        let mut text = match self.was_shown {
            true => Lines::new(),
            false => self.preview(),
        };
        if self.published {
            text.push(format!("published the documents of {}", self.org));
        }
        if let Some(draft) = &self.draft {
            text.push(format!("wrote {draft}; keys that must still sign it"));
            text.extend(self.missing.iter().map(MissingView::text));
            let root = if self.is_first { "" } else { " --trust-root <file>" };
            text.push(format!(
                "for their holders: cloacina trust cosign {draft} --key <private key>{root}"
            ));
        }
        if let (Some(root), true) = (&self.root, self.is_first) {
            text.push(format!("root  {root}"));
        }
        if let (Some(root), true) = (&self.root, self.is_first && self.published) {
            let pinned = self.root_file.clone().unwrap_or_else(|| root.to_string());
            text.push(format!("to pin it in a runner: --org {} --trust-root {pinned}", self.org));
        }
        text
    }
}

fn newly_revoked(drafted: &DraftedTrust) -> Vec<Fingerprint> {
    let before = drafted.published.as_ref().map(|published| &published.revocations().denied);
    let Some(revocations) = drafted.documents.revocations() else { return Vec::new() };
    let denied = revocations.unverified().denied.keys();
    denied.filter(|key| before.is_none_or(|before| !before.contains_key(key))).copied().collect()
}

/// The new documents of a draft.
fn document_views(draft: &DraftDocuments) -> Vec<DocumentView> {
    let mut views = Vec::new();
    if let Some(root) = draft.root() {
        views.push(DocumentView::of(TrustDocumentKind::Root, root.unverified().header()));
    }
    if let Some(statement) = draft.statement() {
        let header = statement.unverified().header();
        views.push(DocumentView::of(TrustDocumentKind::Statement, header));
    }
    if let Some(revocations) = draft.revocations() {
        let header = revocations.unverified().header();
        views.push(DocumentView::of(TrustDocumentKind::Revocations, header));
    }
    views
}

fn packages(packages: &BTreeSet<(PackageDigest, PackageName)>) -> Vec<PackageView<'_>> {
    packages.iter().map(|(sha256, name)| PackageView { sha256: *sha256, name }).collect()
}
