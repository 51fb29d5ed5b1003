use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Args;
use signing_crypto::{MAX_BUNDLE_SIZE, TrustBundle};
use signing_trust::{BundledTrust, MemoryOfVersions, SeenVersions, TrustRoot};

use super::SecurityArgsError;
use crate::open::{open_regular, read_bounded};
use crate::{Protection, StateFile};

/// The most bytes that the envelope of a root document may have, and more.
const MAX_ROOT_SIZE: usize = 1024 * 1024;

/// A root, and what remembers the versions that were seen of its documents.
type PinnedRoot = (TrustRoot, Arc<dyn MemoryOfVersions>);

/// Whose signed trust counts.
#[derive(Args, Clone, Debug)]
pub(super) struct SignedTrustArgs {
    /// Believe only what was signed from this root document: its file, or its digest
    #[arg(
        long,
        value_name = "FILE|DIGEST",
        requires = "require_signatures",
        conflicts_with = "trust_key"
    )]
    trust_root: Option<PathBuf>,

    /// Trust what is in this bundle of signed documents, without a store
    #[arg(
        long,
        value_name = "FILE",
        requires = "trust_root",
        conflicts_with = "trust_key",
        group = "trust"
    )]
    #[cfg_attr(feature = "store", arg(conflicts_with = "org"))]
    trust_bundle: Option<PathBuf>,

    /// Remember in this file which versions of signed trust were seen, and refuse older ones
    /// after a restart, too
    #[arg(long, value_name = "FILE", requires = "trust_root")]
    state_file: Option<PathBuf>,
}

impl SignedTrustArgs {
    /// The root that was pinned, and what remembers the versions that were seen.
    pub(super) fn root(&self) -> Result<Option<PinnedRoot>, SecurityArgsError> {
        let Some(root) = &self.trust_root else { return Ok(None) };
        let memory: Arc<dyn MemoryOfVersions> = match &self.state_file {
            Some(path) => Arc::new(StateFile::open(path)?),
            None => Arc::new(Mutex::new(SeenVersions::default())),
        };
        Ok(Some((read_root(root)?, memory)))
    }

    /// What the bundle holds, if there is one.
    pub(super) fn bundle(&self) -> Result<Option<BundledTrust>, SecurityArgsError> {
        let (Some(path), Some((root, memory))) = (&self.trust_bundle, self.root()?) else {
            return Ok(None);
        };
        let (file, _) = open(path)?;
        let bytes = read(path, file, MAX_BUNDLE_SIZE)?;
        let bundle = TrustBundle::parse(&bytes)
            .map_err(|source| SecurityArgsError::TrustBundle { path: path.clone(), source })?;
        Ok(Some(BundledTrust::verify_remembering(&bundle, &root, &*memory)?))
    }
}

/// A file, or a digest: no file has such a name by accident.
fn read_root(root: &Path) -> Result<TrustRoot, SecurityArgsError> {
    let digest = root.to_str().and_then(|text| text.parse::<signing_crypto::RootDigest>().ok());
    if let Some(digest) = digest {
        return Ok(digest.into());
    }
    let (file, metadata) = open(root)?;
    Protection::Integrity.require(root, &metadata).map_err(SecurityArgsError::Unprotected)?;
    let bytes = read(root, file, MAX_ROOT_SIZE)?;
    TrustRoot::parse(&bytes)
        .map_err(|source| SecurityArgsError::TrustRoot { path: root.into(), source })
}

fn open(path: &Path) -> Result<(File, Metadata), SecurityArgsError> {
    let unreadable = |source| SecurityArgsError::TrustFile { path: path.into(), source };
    let (file, _) = open_regular(path).map_err(io::Error::other).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    Ok((file, metadata))
}

fn read(path: &Path, file: File, limit: usize) -> Result<Vec<u8>, SecurityArgsError> {
    read_bounded(file, limit)
        .map_err(|source| SecurityArgsError::TrustFile { path: path.into(), source })
}
