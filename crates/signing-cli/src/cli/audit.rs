use std::num::NonZeroU32;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand};
use signing_trust::store::EventPattern;

use super::named::{KeyReference, OrgReference};
use super::resolve::Resolved;
use super::values::{self, SignerArgs};
use crate::time;

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List the entries of an organization's log, oldest first
    List(List),
    /// Check that nobody has changed the logs: exits with 0 if all are intact, with 1 if
    /// one is broken
    Verify(VerifyLogs),
    /// Sign the current state of logs. Keep the signed checkpoint where those who can write
    /// to the database cannot write. If one log is broken, no checkpoint is signed
    Checkpoint(Checkpoint),
}

#[derive(Args)]
pub(crate) struct List {
    /// The organization (name or id; for a deleted organization the id)
    /// [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// Only entries from this time (RFC 3339) or date (UTC) on, or of the last hours, days
    /// or weeks, such as 12h, 30d or 8w
    #[arg(long, value_name = "TIME", value_parser = time::since)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Only entries before this time (RFC 3339), or up to the end of this date (UTC), or
    /// older than 12h, 30d or 8w
    #[arg(long, value_name = "TIME", value_parser = time::until)]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Only entries of this type, such as key.denied or key.* (may be repeated)
    #[arg(long, value_name = "TYPE", value_parser = values::event)]
    pub(crate) event: Vec<EventPattern>,

    /// Only entries about this key: its name, its fingerprint, or 4 or more digits at the
    /// beginning of its fingerprint or id
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<KeyReference>,

    /// Only the newest N entries
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<NonZeroU32>)]
    pub(crate) limit: Option<NonZeroU32>,

    /// Print one JSON object per line
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("signed-by").args(["trust_key", "key_id"]).multiple(true)))]
pub(crate) struct VerifyLogs {
    /// Only the log of this organization (name or id) [default: all logs, including
    /// those of deleted organizations]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// A file that `audit checkpoint` wrote (may be repeated): the logs must continue from
    /// its checkpoints; - for standard input
    #[arg(long, value_name = "FILE", requires = "signed-by")]
    pub(crate) checkpoint: Vec<PathBuf>,

    /// The public key in this PEM file must have signed the checkpoints (may be
    /// repeated: one of the keys must have signed)
    #[arg(long, value_name = "PEM", requires = "checkpoint")]
    pub(crate) trust_key: Vec<PathBuf>,

    /// This key of the store must have signed the checkpoints, as with --trust-key. The key
    /// encryption key proves its public half
    #[arg(long, value_name = "KEY", requires = "checkpoint")]
    pub(crate) key_id: Vec<KeyReference>,
}

#[derive(Args)]
#[command(group(ArgGroup::new("whose").args(["org", "all"])))]
#[command(group(ArgGroup::new("with").args(["key", "key_id"]).required(true)))]
pub(crate) struct Checkpoint {
    /// Sign the log of this organization (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// Sign all logs, including those of deleted organizations: one checkpoint per line
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) signer: Resolved<SignerArgs>,

    /// Write to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Replace an existing file. If it holds checkpoints, the signed logs must continue from all
    /// of them
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}
