use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::passphrase::{PASSPHRASE, PassphraseArgs};

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List the entries of an organization's log, oldest first
    List(List),
    /// Check that logs are as they were written: exits with 0 if all are, with 1 if
    /// one is broken
    Verify(Verify),
    /// Sign what logs have come to; keep that where whoever can write the database
    /// cannot. A broken log is not signed, and then none is
    Checkpoint(Checkpoint),
}

#[derive(Args)]
pub(crate) struct List {
    /// Whose log (name or id; of a deleted organization the id)
    #[arg(long)]
    pub(crate) org: String,

    /// Only entries of this time (RFC 3339) or date (UTC) and later
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Only entries before this time (RFC 3339), or up to the end of this date (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Only entries of this type, such as key.denied or key.* (may be repeated)
    #[arg(long, value_name = "TYPE")]
    pub(crate) event: Vec<String>,

    /// Only entries about the key with this fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) key: Option<String>,

    /// Only the newest entries, this many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroU32>,

    /// Print one JSON object a line
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("signed-by").args(["trust_key", "key_id"]).multiple(true)))]
pub(crate) struct Verify {
    /// Whose log (name or id); without this, all of them, those of deleted
    /// organizations included
    #[arg(long)]
    pub(crate) org: Option<String>,

    /// A file that `audit checkpoint` wrote (may be repeated): the logs must go on
    /// from what it says; - for standard input
    #[arg(long, value_name = "FILE", requires = "signed-by")]
    pub(crate) checkpoint: Vec<PathBuf>,

    /// The public key in this PEM file must have signed the checkpoints (may be
    /// repeated: one of them must)
    #[arg(long, value_name = "PEM", requires = "checkpoint")]
    pub(crate) trust_key: Vec<PathBuf>,

    /// This key of the store must have signed the checkpoints, as --trust-key; what the
    /// store says of it is proven with the key encryption key
    #[arg(long, value_name = "ID", requires = "checkpoint")]
    pub(crate) key_id: Vec<String>,
}

#[derive(Args)]
#[command(group(ArgGroup::new("whose").args(["org", "all"]).required(true)))]
#[command(group(ArgGroup::new("with").args(["key", "key_id"]).required(true)))]
#[command(group(
    ArgGroup::new("to-decrypt").args(PASSPHRASE).requires("key").conflicts_with("key_id")
))]
pub(crate) struct Checkpoint {
    /// Whose log (name or id)
    #[arg(long)]
    pub(crate) org: Option<String>,

    /// All logs, those of deleted organizations included: one checkpoint a line
    #[arg(long)]
    pub(crate) all: bool,

    /// Sign with the private key in this PEM file; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Sign with this key of the store
    #[arg(long, value_name = "ID")]
    pub(crate) key_id: Option<String>,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,

    /// Write to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Replace a file that exists
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}
