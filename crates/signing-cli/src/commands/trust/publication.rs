//! What every command does that publishes documents: show what they change, ask, and publish
//! them, or write a draft.

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use signing_crypto::{
    DraftDocuments, MAX_DRAFT_SIZE, MAX_ROOT_SIZE, OrgId, RootDocument, SignedDocument, Signer,
    TrustDocument, TrustDocumentKind, shell_word,
};
use signing_trust::store::{DatabaseUrl, OrganizationRecord};
use signing_trust::{KeyManager, NextDocuments, SignedTrustError, TrustAnchor, TrustReader};

use self::view::{ExpiredView, PublicationView};
use super::role_keys::require_roles;
use crate::cli::{PublicationArgs, RootSource};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Existing, NewFile, PlacedFile, Readers};
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::question::confirm;
use crate::signed_trust::{self, root_digests};
use crate::terminal::Confirmation;
use crate::view::{MissingView, UnrootedView};

#[cfg(test)]
pub(super) use self::view::DOCUMENTS;

/// Shows what documents change, asks, has `signers` sign them, and publishes them, or writes
/// the draft if more keys must sign them. Each of the signers must have a role.
pub(super) async fn publish_or_draft(
    context: &Context,
    (keys, org): (&KeyManager, &OrganizationRecord),
    next: NextDocuments,
    signers: &[&dyn Signer],
    from: Option<(&TrustAnchor, &RootSource)>,
    publication: &PublicationArgs,
) -> Result<Report, CliError> {
    let documents = &next.documents;
    let fingerprints: BTreeSet<_> =
        signers.iter().map(|signer| signer.verifying_key().fingerprint()).collect();
    require_roles(documents, fingerprints.iter().copied())?;
    let missing = documents.missing_with(&fingerprints);
    let destination = match (missing.first(), &publication.draft) {
        (None, _) => Destination::Store,
        (Some(_), Some(path)) => Destination::Draft(path),
        (Some(_), None) if publication.dry_run => Destination::Store,
        (Some(first), None) => {
            return Err(CliError::DraftNeeded { missing: first.threshold.clone() });
        }
    };
    let anchor = match (from, destination) {
        (Some((anchor, _)), _) => anchor.clone(),
        // Only what is published is remembered.
        (None, Destination::Store) if !publication.dry_run => {
            first_anchor(org.id, documents, publication.root_output.as_deref())?
        }
        (None, _) => first_anchor(org.id, documents, None)?,
    };
    if let Destination::Draft(path) = destination {
        publication.existing().require_vacant(path)?;
    }
    if let (Some(path), Destination::Store) = (&publication.root_output, destination) {
        require_vacant_root((keys, org), path, publication.existing()).await?;
    }
    // This also checks that the documents belong together: a draft that could never be published
    // is not written.
    let impact = keys.publication_impact(documents, &anchor).await?;
    let shown = match next.unrooted.is_empty() {
        true => BTreeMap::new(),
        false => keys.shown_roots(org.id).await?,
    };
    let unrooted = UnrootedView::all(&next.unrooted, &shown);
    let mut view = PublicationView::of(org, &next, unrooted, &impact);
    view.missing = MissingView::all(documents, &missing);
    let expired = still_expired(&next, keys.now().await?);
    view.expired = ExpiredView::all(&expired);
    let warned = |report| {
        let trust_root = from.map(|(_, source)| source);
        with_warnings(report, org, &next.documents, &expired, trust_root)
    };
    if publication.dry_run {
        view.dry_run = true;
        return Ok(warned(Report::requested(&view)));
    }
    // A token or an agent is not asked to sign what is then declined.
    if publication.confirmation() == Confirmation::Needed {
        ask(&mut view, &context.database_url()?, destination)?;
    }
    let mut documents = documents.clone();
    for signer in signers {
        documents.sign(*signer)?;
    }
    let documents = &documents;
    let mut note = None;
    match destination {
        Destination::Store => {
            publish(keys, documents, &anchor, publication).await?;
            view.published = true;
            view.root_file =
                root_output(documents, publication).map(|(path, _)| path.display().to_string());
        }
        Destination::Draft(path) => {
            write_draft(path, documents, publication.existing())?;
            view.draft = Some(path.display().to_string());
            note = publication.root_output.as_deref().map(|file| {
                let file = shell_word(file);
                format!(
                    "{file} is written when the draft is published: give --root-output {file} then"
                )
            });
        }
    }
    let mut report = Report::done(&view);
    note.into_iter().for_each(|note| report.note(note));
    Ok(warned(report))
}

/// The documents that have expired and that are not replaced: nothing is trusted until they are.
fn still_expired(
    next: &NextDocuments,
    now: DateTime<Utc>,
) -> Vec<(TrustDocumentKind, DateTime<Utc>)> {
    let NextDocuments { documents, published, .. } = next;
    let mut expired = published.as_ref().map(|it| it.expired(now)).unwrap_or_default();
    expired.retain(|(kind, _)| match kind {
        TrustDocumentKind::Root => documents.root().is_none(),
        TrustDocumentKind::Statement => documents.statement().is_none(),
        _ => documents.revocations().is_none(),
    });
    expired
}

/// The same report, which also says how the documents are renewed that have expired.
fn with_warnings(
    mut report: Report,
    org: &OrganizationRecord,
    documents: &DraftDocuments,
    expired: &[(TrustDocumentKind, DateTime<Utc>)],
    trust_root: Option<&RootSource>,
) -> Report {
    let Some(root) = documents.root().or(documents.current_root()) else { return report };
    for &(kind, at) in expired {
        let error = signed_trust::expired(&org.name, kind, at, root.unverified(), trust_root);
        report.warn(org.name.to_string(), error);
    }
    report
}

/// Shows what would be done, and in which store, and asks.
fn ask(
    view: &mut PublicationView<'_>,
    store: &DatabaseUrl,
    destination: Destination<'_>,
) -> Result<(), CliError> {
    let mut preview = Lines::from(format!("in the store {store}"));
    preview.append(view.preview());
    view.was_shown = true;
    confirm(
        &preview,
        &match destination {
            Destination::Store => format!("publish this for {}?", view.org),
            Destination::Draft(path) => {
                format!("sign this and write {}?", quoted(&path.to_string_lossy()))
            }
        },
    )
}

/// Publishes documents. The file of the root document is there before: once it is published,
/// nothing can keep it from being written.
async fn publish(
    keys: &KeyManager,
    documents: &DraftDocuments,
    anchor: &TrustAnchor,
    publication: &PublicationArgs,
) -> Result<(), CliError> {
    let root = root_output(documents, publication);
    let file = match root {
        Some((path, root)) => {
            let text = root.to_json() + "\n";
            let new = NewFile::write(path, text.as_bytes(), Readers::Everybody)?;
            Some((PlacedFile::put(new, publication.existing())?, root))
        }
        None => None,
    };
    let published = keys.publish_documents(documents, anchor).await;
    if let Some((file, root)) = file
        && (published.is_ok() || may_be_published(keys, documents.org(), root).await)
    {
        file.keep();
    }
    Ok(published.map(drop)?)
}

/// Fails early where the file of a new root document could not be put in place. A root document
/// that was never published may be there: the run that wrote it was killed before it published it.
pub(in crate::commands) async fn require_vacant_root(
    (keys, org): (&TrustReader, &OrganizationRecord),
    path: &Path,
    existing: Existing,
) -> Result<(), CliError> {
    let Err(error) = existing.require_vacant(path) else { return Ok(()) };
    let read = files::read_unchanged(path, MAX_ROOT_SIZE as u64 + 1);
    let root = read.ok().and_then(|bytes| SignedDocument::<RootDocument>::parse(&bytes).ok());
    match root.filter(|root| root.unverified().header().org == org.id) {
        Some(root) if !may_be_published(keys, org.id, &root).await => {
            Err(CliError::RootNotPublished { path: path.into(), org: org.name.clone() })
        }
        _ => Err(error),
    }
}

/// Where the newest root document is to be written, which need not be a new one.
fn root_output<'a>(
    documents: &'a DraftDocuments,
    publication: &'a PublicationArgs,
) -> Option<(&'a Path, &'a SignedDocument<RootDocument>)> {
    publication.root_output.as_deref().zip(documents.root().or(documents.current_root()))
}

/// Whether the store has a root document, or cannot say so: publishing can fail after it.
async fn may_be_published(
    keys: &TrustReader,
    org: OrgId,
    root: &SignedDocument<RootDocument>,
) -> bool {
    let Ok(stored) = keys.unverified_documents(org).await else { return true };
    stored.is_some_and(|texts| root_digests(&texts).any(|stored| stored == root.digest()))
}

/// The first documents are verified from their own root document. What is remembered of them is
/// where the next command looks for it.
fn first_anchor(
    org: OrgId,
    documents: &DraftDocuments,
    root_output: Option<&Path>,
) -> Result<TrustAnchor, CliError> {
    let missing = SignedTrustError::Missing { org, kind: TrustDocumentKind::Root };
    let root = documents.root().ok_or(missing)?.digest().into();
    let state_file = root_output.map(signed_trust::state_file_of);
    signed_trust::remembering(root, state_file.as_deref())
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
