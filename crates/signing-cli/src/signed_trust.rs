//! Pinned roots, bundles and state files, as they are given on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signing_crypto::{
    DocumentHeader, DocumentTexts, Fingerprint, MAX_BUNDLE_SIZE, MAX_ROOT_SIZE, OrgId, Revocations,
    SignedDocument, TrustBundle, TrustDocument, TrustStatement,
};
use signing_loader::StateFile;
use signing_trust::{BundledTrust, TrustAnchor, TrustReader, TrustRoot};

use crate::cli::{AnchorArgs, RootSource};
use crate::error::CliError;
use crate::files;

/// What a document says of itself, which nobody has verified. `None` if it cannot be read.
pub(crate) fn unverified_header<D: TrustDocument>(text: &str) -> Option<DocumentHeader> {
    Some(parsed::<D>(text)?.unverified().header().clone())
}

/// The documents that the store has of an organization, which nobody has verified. `None` also if
/// the store does not answer: they are read for advice alone.
pub(crate) async fn documents_for_advice(keys: &TrustReader, org: OrgId) -> Option<DocumentTexts> {
    keys.unverified_documents(org).await.ok().flatten()
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
    TrustRoot::parse(&bytes).map_err(|source| CliError::TrustRoot { path: path.clone(), source })
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
