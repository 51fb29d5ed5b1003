use std::path::PathBuf;

use clap::Args;
use signing_crypto::{KeyName, OrgName};

use crate::key_source::{KeyAccessArgs, KeySource};

#[derive(Args)]
pub(crate) struct InitStore {
    /// The organization's name: letters, digits and . _ @ + -, a letter or digit first
    /// [env: CLOACINA_ORG] [default: asked for on a terminal, with --key and --signed-trust]
    pub(crate) org: Option<OrgName>,

    /// The name of the organization's signing key [default: release, or another of its
    /// keys that it trusts]
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<KeyName>,

    /// Also turn on signed trust, as trust init does, with one root key in every role
    #[arg(long)]
    pub(crate) signed_trust: bool,

    /// The root key, in any form of package sign --key [default: ORG-root.pem in the directory of
    /// the default key encryption key; it is made if it does not exist]
    #[arg(long, value_name = "KEY", requires = "signed_trust")]
    pub(crate) root_key: Option<KeySource>,

    /// Write the root document, which runners pin, to this file [default: ORG-root.json in the
    /// same directory]
    #[arg(long, value_name = "FILE", requires = "signed_trust")]
    pub(crate) root_output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) access: KeyAccessArgs,

    /// Make nothing, and show what would be made
    #[arg(long)]
    pub(crate) dry_run: bool,
}
