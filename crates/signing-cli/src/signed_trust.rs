//! Pinned roots, bundles and state files, as they are given on the command line.

use std::path::Path;
use std::sync::{Arc, Mutex};

use signing_crypto::{MAX_BUNDLE_SIZE, TrustBundle};
use signing_loader::StateFile;
use signing_trust::{BundledTrust, MemoryOfVersions, SeenVersions, TrustRoot};

use crate::cli::RootSource;
use crate::error::CliError;
use crate::files;

/// More bytes than the envelope of a root document may have.
const MAX_ROOT_SIZE: u64 = 1024 * 1024;

pub(crate) fn read_root(source: &RootSource) -> Result<TrustRoot, CliError> {
    let path = match source {
        RootSource::Digest(digest) => return Ok((*digest).into()),
        RootSource::File(path) => path,
    };
    let bytes = files::read_unchanged(path, MAX_ROOT_SIZE)?;
    TrustRoot::parse(&bytes).map_err(|source| CliError::TrustRoot { path: path.clone(), source })
}

/// Reads a bundle and verifies it from a root.
pub(crate) fn read_bundle(
    path: &Path,
    root: &RootSource,
    state_file: Option<&Path>,
) -> Result<BundledTrust, CliError> {
    let root = read_root(root)?;
    let memory = memory(state_file)?;
    let bytes = files::read_at_most(path, MAX_BUNDLE_SIZE as u64 + 1)?;
    let bundle = TrustBundle::parse(&bytes)
        .map_err(|source| CliError::TrustBundle { path: path.into(), source })?;
    Ok(BundledTrust::verify_remembering(&bundle, &root, &*memory)?)
}

/// What remembers the versions that were seen: a file, or this process.
pub(crate) fn memory(state_file: Option<&Path>) -> Result<Arc<dyn MemoryOfVersions>, CliError> {
    Ok(match state_file {
        Some(path) => Arc::new(StateFile::open(path)?),
        None => Arc::new(Mutex::new(SeenVersions::default())),
    })
}
