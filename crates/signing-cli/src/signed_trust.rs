//! Pinned roots, bundles and state files, as they are given on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentHeader, DocumentTexts, Fingerprint, MAX_BUNDLE_SIZE, MAX_ROOT_SIZE,
    MalformedTrustDocument, OrgId, OrgName, PackageName, PackageVersion, Revocations, RootDigest,
    RootDocument, SignedDocument, TrustBundle, TrustDocument, TrustDocumentKind, TrustStatement,
};
use signing_loader::{PackageError, StateFile};
use signing_trust::store::OrganizationRecord;
use signing_trust::{
    BundledTrust, DecisionError, DocumentOwner, SignedTrustError, TrustAnchor, TrustError,
    TrustReader, TrustRoot, VerifiedDocuments,
};

use crate::cli::{AnchorArgs, RootSource};
use crate::error::CliError;
use crate::files;
use crate::renewal::Renewal;

/// What a document says of itself, which nobody has verified, or why it cannot be read.
type UnverifiedHeader = (TrustDocumentKind, Result<DocumentHeader, MalformedTrustDocument>);

/// The headers of the newest of these documents.
pub(crate) fn headers(texts: &DocumentTexts) -> impl Iterator<Item = UnverifiedHeader> {
    fn header<D: TrustDocument>(text: &String) -> UnverifiedHeader {
        let document = SignedDocument::<D>::parse(text.as_bytes());
        (D::KIND, document.map(|document| document.unverified().header().clone()))
    }
    let root = texts.roots.last().map(header::<RootDocument>);
    let statement = texts.statement.as_ref().map(header::<TrustStatement>);
    let revocations = texts.revocations.as_ref().map(header::<Revocations>);
    [root, statement, revocations].into_iter().flatten()
}

/// The digests of the root documents among these, as far as they can be read.
pub(crate) fn root_digests(texts: &DocumentTexts) -> impl Iterator<Item = RootDigest> {
    texts.roots.iter().filter_map(|text| Some(parsed::<RootDocument>(text)?.digest()))
}

/// The documents that the store has of an organization, which nobody has verified. `None` also if
/// the store does not answer: they are read for advice alone.
pub(crate) async fn documents_for_advice(keys: &TrustReader, org: OrgId) -> Option<DocumentTexts> {
    keys.unverified_documents(org).await.ok().flatten()
}

/// Why published documents do not count at this time: an error for each that has expired.
pub(crate) fn faults(
    published: &VerifiedDocuments,
    org: &OrgName,
    now: DateTime<Utc>,
    trust_root: Option<&RootSource>,
) -> Vec<CliError> {
    let root = published.root().document();
    match published.require_current(now) {
        Ok(()) => Vec::new(),
        Err(SignedTrustError::Expired { .. }) => published
            .expired(now)
            .into_iter()
            .map(|(kind, at)| expired(org, kind, at, root, trust_root))
            .collect(),
        Err(error) => vec![error.into()],
    }
}

/// A document that has expired. `root` is the newest root document.
pub(crate) fn expired(
    org: &OrgName,
    kind: TrustDocumentKind,
    at: DateTime<Utc>,
    root: &RootDocument,
    trust_root: Option<&RootSource>,
) -> CliError {
    let owner = DocumentOwner { id: root.org(), name: org.clone() };
    let error = CliError::from(SignedTrustError::Expired { org: owner, kind, at });
    error.advised(renewal(kind, org, root, trust_root))
}

/// The same error; if one of the organization's documents has expired, with the command that
/// renews it, as far as the store's root document, which nobody has verified, says which keys.
pub(crate) async fn with_renewal(
    keys: &TrustReader,
    org: &OrganizationRecord,
    trust_root: Option<&RootSource>,
    error: CliError,
) -> CliError {
    let Some(kind) = expired_kind(&error) else { return error };
    let texts = documents_for_advice(keys, org.id).await;
    let root = texts.as_ref().and_then(newest_root);
    error.advised(root.map(|root| renewal(kind, &org.name, &root, trust_root)))
}

fn renewal(
    kind: TrustDocumentKind,
    org: &OrgName,
    root: &RootDocument,
    trust_root: Option<&RootSource>,
) -> String {
    let renewal = Renewal::of(kind, org, root, trust_root.map(RootSource::argument));
    format!("{renewal}; if it should not have expired, set the clock")
}

/// Which document has expired, if that is the error.
fn expired_kind(error: &CliError) -> Option<TrustDocumentKind> {
    match error {
        CliError::Trust(TrustError::Decision(DecisionError::SignedTrust(
            SignedTrustError::Expired { kind, .. },
        )))
        | CliError::Package(
            PackageError::Trust(TrustError::Decision(DecisionError::SignedTrust(
                SignedTrustError::Expired { kind, .. },
            )))
            | PackageError::Decision(DecisionError::SignedTrust(SignedTrustError::Expired {
                kind,
                ..
            })),
        ) => Some(*kind),
        _ => None,
    }
}

/// The newest root document among these, which nobody has verified.
pub(crate) fn newest_root(texts: &DocumentTexts) -> Option<RootDocument> {
    Some(parsed::<RootDocument>(texts.roots.last()?)?.unverified().clone())
}

/// Whether the revocations among these documents deny a key.
pub(crate) fn is_denied_by(texts: &DocumentTexts, fingerprint: &Fingerprint) -> bool {
    let revocations = texts.revocations.as_deref().and_then(parsed::<Revocations>);
    revocations.is_some_and(|document| document.unverified().denied.contains_key(fingerprint))
}

/// Whether the revocations or the statement among these documents refuse a key.
pub(crate) fn is_refused_by(texts: &DocumentTexts, fingerprint: &Fingerprint) -> bool {
    let statement = texts.statement.as_deref().and_then(parsed::<TrustStatement>);
    is_denied_by(texts, fingerprint)
        || statement.is_some_and(|document| document.unverified().denied.contains_key(fingerprint))
}

/// Trust that rows do not give.
#[derive(Clone, Copy)]
pub(crate) enum Withdrawn<'a> {
    Key(&'a Fingerprint),
    GrantTo(OrgId),
    VersionsBelow(&'a PackageName, &'a PackageVersion),
}

/// Whether the statement among these documents gives such trust.
pub(crate) fn is_given_by(texts: &DocumentTexts, withdrawn: Withdrawn<'_>) -> bool {
    let Some(document) = texts.statement.as_deref().and_then(parsed::<TrustStatement>) else {
        return false;
    };
    let statement = document.unverified();
    match withdrawn {
        Withdrawn::Key(key) => statement.keys.contains_key(key),
        Withdrawn::GrantTo(child) => statement.grants.contains_key(&child),
        Withdrawn::VersionsBelow(package, floor) => {
            let stated = statement.floors.get(package);
            stated.is_none_or(|stated| stated.cmp_precedence(floor).is_lt())
        }
    }
}

fn parsed<D: TrustDocument>(text: &str) -> Option<SignedDocument<D>> {
    SignedDocument::parse(text.as_bytes()).ok()
}

/// What an administrator's commands verify from. They remember what they have seen even where
/// nobody says in which file, so that nothing old is signed again.
pub(crate) fn anchor(
    AnchorArgs { trust_root, state_file }: &AnchorArgs,
) -> Result<TrustAnchor, CliError> {
    let beside = match trust_root {
        RootSource::File(path) => Some(state_file_of(path)),
        RootSource::Digest(_) => None,
    };
    remembering(read_root(trust_root)?, state_file.clone().or(beside).as_deref())
}

/// Where an administrator's commands remember what they have seen from a root document.
pub(crate) fn state_file_of(root: &Path) -> PathBuf {
    let mut name = root.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

/// What a package is verified from.
pub(crate) fn pinned(
    root: &RootSource,
    state_file: Option<&Path>,
) -> Result<TrustAnchor, CliError> {
    remembering(read_root(root)?, state_file)
}

pub(crate) fn remembering(
    root: TrustRoot,
    state_file: Option<&Path>,
) -> Result<TrustAnchor, CliError> {
    Ok(match state_file {
        Some(path) => TrustAnchor::new(root, Arc::new(StateFile::open(path)?)),
        None => root.into(),
    })
}

pub(crate) fn read_root(source: &RootSource) -> Result<TrustRoot, CliError> {
    let path = match source {
        RootSource::Digest(digest) => return Ok((*digest).into()),
        RootSource::File(path) => path,
    };
    let bytes = files::read_unchanged(path, MAX_ROOT_SIZE as u64 + 1)?;
    TrustRoot::parse(&bytes).map_err(|source| match other_file(&bytes) {
        Some(found) => CliError::NotARoot { path: path.clone(), found },
        None => CliError::TrustRoot { path: path.clone(), source },
    })
}

/// Which other file of signed trust begins like this. A bundle may be longer than what is read.
fn other_file(bytes: &[u8]) -> Option<&'static str> {
    let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let files =
        [("\"urn:cloacina:trust-bundle:", "a bundle"), ("\"urn:cloacina:trust-draft:", "a draft")];
    files.into_iter().find_map(|(name, what)| begin.contains(name).then_some(what))
}

pub(crate) fn read_bundle(path: &Path) -> Result<TrustBundle, CliError> {
    let bytes = files::read_unchanged(path, MAX_BUNDLE_SIZE as u64 + 1)?;
    TrustBundle::parse(&bytes).map_err(|source| CliError::TrustBundle { path: path.into(), source })
}

/// Reads a bundle and verifies it from a root.
pub(crate) fn verify_bundle(
    path: &Path,
    root: &RootSource,
    state_file: Option<&Path>,
) -> Result<BundledTrust, CliError> {
    Ok(BundledTrust::verify(&read_bundle(path)?, &pinned(root, state_file)?)?)
}
