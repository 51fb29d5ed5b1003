use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::resolve::Resolve;
use crate::cli::values::{AnchorArgs, RootSource};
use crate::key_source::{KEY_ACCESS, KeyAccess, KeyAccessArgs, KeySource};

/// The publication of a revocation
#[derive(Args)]
#[command(group(ArgGroup::new("access").args(KEY_ACCESS).multiple(true).requires("publish")))]
pub(crate) struct PublishKeyArgs {
    /// Also publish the revocation, signed with this private key of the revocation role (any form
    /// of package sign --key), for hosts that verify by a bundle. It cannot be taken back
    #[arg(long, value_name = "KEY", requires = "trust_root")]
    publish: Option<KeySource>,

    /// With --publish: verify what was published from this root document, which you have from a
    /// source other than the store: its file, or its digest
    #[arg(long, value_name = "FILE|DIGEST", requires = "publish")]
    trust_root: Option<RootSource>,

    /// With --publish: refuse documents that are older than what this file remembers, and
    /// remember these [default: the file of the root document with .state; a digest has none]
    #[arg(long, value_name = "FILE", requires = "publish")]
    state_file: Option<PathBuf>,

    #[command(flatten)]
    access: KeyAccessArgs,
}

/// The key that signs revocations.
pub(crate) struct PublishKey {
    pub(crate) source: KeySource,
    pub(crate) access: KeyAccess,
    pub(crate) anchor: AnchorArgs,
}

impl Resolve for PublishKeyArgs {
    type To = Option<PublishKey>;

    fn resolve(self) -> Result<Option<PublishKey>, clap::Error> {
        let Self { publish, trust_root, state_file, access } = self;
        let (Some(source), Some(trust_root)) = (publish, trust_root) else { return Ok(None) };
        let (access, anchor) = (access.access(), AnchorArgs { trust_root, state_file });
        Ok(Some(PublishKey { source, access, anchor }))
    }
}
