use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use signing_crypto::{MAX_BUNDLE_SIZE, MAX_ROOT_SIZE, RootDigest, TrustBundle};
use signing_trust::{TrustAnchor, TrustRoot};

use super::{SecurityArgsError, read_protected};
use crate::state_file::StateFile;

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
    /// The root that was pinned, and what remembers the documents that were seen.
    pub(super) fn anchor(&self) -> Result<Option<TrustAnchor>, SecurityArgsError> {
        let Some(root) = &self.trust_root else { return Ok(None) };
        let root = read_root(root)?;
        Ok(Some(match &self.state_file {
            Some(path) => TrustAnchor::new(root, Arc::new(StateFile::open(path)?)),
            None => root.into(),
        }))
    }

    /// The bundle, and what it is verified from.
    pub(super) fn bundle(&self) -> Result<Option<(TrustBundle, TrustAnchor)>, SecurityArgsError> {
        let (Some(path), Some(anchor)) = (&self.trust_bundle, self.anchor()?) else {
            return Ok(None);
        };
        let bytes = read_protected(path, MAX_BUNDLE_SIZE)?;
        let bundle = TrustBundle::parse(&bytes)
            .map_err(|source| SecurityArgsError::TrustBundle { path: path.clone(), source })?;
        Ok(Some((bundle, anchor)))
    }
}

/// A file, or a digest: no file has such a name by accident.
fn read_root(root: &Path) -> Result<TrustRoot, SecurityArgsError> {
    let digest = root.to_str().and_then(|text| text.parse::<RootDigest>().ok());
    if let Some(digest) = digest {
        return Ok(digest.into());
    }
    let bytes = read_protected(root, MAX_ROOT_SIZE)?;
    TrustRoot::parse(&bytes)
        .map_err(|source| SecurityArgsError::TrustRoot { path: root.into(), source })
}
