//! What every command does that publishes documents: show what they change, ask, and publish
//! them, or write a draft.

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{SubsecRound, Utc};
use signing_crypto::{
    DraftDocuments, DraftSignatureError, Fingerprint, KeyName, OrgId, RootDocument, SignedDocument,
    Signer, StatementTime, TrustDocumentKind,
};
use signing_trust::store::{DatabaseUrl, OrganizationRecord};
use signing_trust::{
    DocumentPlan, DraftedTrust, KeyManager, NewDocuments, SignedTrustError, TrustAnchor,
    TrustError, VerifiedDocuments,
};

use self::view::PublicationView;
use crate::cli::{GivenKey, KeyReference, PublicationArgs, PublishKey};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Existing, NewFile, PlacedFile, Readers};
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::question::confirm;
use crate::signed_trust;
use crate::signers;
use crate::terminal::Confirmation;
use crate::view::{MissingView, UnrootedView};

#[cfg(test)]
pub(super) use self::view::DOCUMENTS;

/// Shows what documents change, asks, has `signers` sign them, and publishes them, or writes
/// the draft if more keys must sign them. Each of the signers must have a role.
pub(super) async fn publish_or_draft(
    context: &Context,
    (keys, org): (&KeyManager, &OrganizationRecord),
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
    let impact = keys.publication_impact(org.id, &NewDocuments::from(documents), &anchor).await?;
    let shown = match drafted.unrooted.is_empty() {
        true => BTreeMap::new(),
        false => keys.shown_roots(org.id).await?,
    };
    let unrooted = UnrootedView::all(&drafted.unrooted, &shown);
    let mut view = PublicationView::of(org, &drafted, unrooted, &impact);
    view.missing = MissingView::all(&missing);
    // A token or an agent is not asked to sign what is then declined.
    if publication.confirmation() == Confirmation::Needed {
        ask(&mut view, &context.database_url()?, destination)?;
    }
    let mut documents = documents.clone();
    for signer in signers {
        documents.sign(*signer)?;
    }
    let documents = &documents;
    match destination {
        Destination::Store => {
            publish(keys, org.id, documents, &anchor, publication).await?;
            view.published = true;
            view.root_file =
                root_output(documents, publication).map(|(path, _)| path.display().to_string());
        }
        Destination::Draft(path) => {
            write_draft(path, documents, publication.existing())?;
            view.draft = Some(path.display().to_string());
        }
    }
    Ok(Report::done(&view))
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
    org: OrgId,
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
    let published = keys.publish_documents(org, &NewDocuments::from(documents), anchor).await;
    if let Some((file, root)) = file
        && (published.is_ok() || may_be_published(keys, org, root).await)
    {
        file.keep();
    }
    Ok(published.map(drop)?)
}

/// Where a new root document is to be written.
fn root_output<'a>(
    documents: &'a DraftDocuments,
    publication: &'a PublicationArgs,
) -> Option<(&'a Path, &'a SignedDocument<RootDocument>)> {
    publication.root_output.as_deref().zip(documents.root())
}

/// Whether the store has a root document, or cannot say so: publishing can fail after it.
async fn may_be_published(
    keys: &KeyManager,
    org: OrgId,
    root: &SignedDocument<RootDocument>,
) -> bool {
    let Ok(stored) = keys.unverified_documents(org).await else { return true };
    let digest_of = |text: &String| {
        SignedDocument::<RootDocument>::parse(text.as_bytes()).map(|stored| stored.digest())
    };
    let mut stored = stored.iter().flat_map(|texts| &texts.roots);
    stored.any(|text| digest_of(text).is_ok_and(|digest| digest == root.digest()))
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
        statement: None,
        revocations: Some(StatementTime::new(expires_at).map_err(TrustError::Clock)?),
        deny: BTreeSet::from([fingerprint]),
    };
    let mut documents = keys.draft_documents(org, Some(&anchor), plan).await?.documents;
    documents.sign(&*signer)?;
    if let Some(missing) = documents.missing().into_iter().next() {
        return Err(CliError::NotSigned(missing));
    }
    keys.publish_documents(org.id, &NewDocuments::from(&documents), &anchor).await?;
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
    parse_draft(path, &files::read_at_most(path, MAX_DRAFT_SIZE)?)
}

pub(super) fn parse_draft(path: &Path, bytes: &[u8]) -> Result<DraftDocuments, CliError> {
    DraftDocuments::parse(bytes)
        .map_err(|source| CliError::TrustDraft { path: path.into(), source })
}

/// More bytes than a draft may have.
pub(super) const MAX_DRAFT_SIZE: u64 = 16 * 1024 * 1024;

#[derive(Clone, Copy)]
enum Destination<'a> {
    Store,
    Draft(&'a Path),
}
