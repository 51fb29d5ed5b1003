use std::path::PathBuf;

use clap::{Args, ValueEnum};
use signing_trust::store::RevocationReason;

/// A key that is in the store already
#[derive(Args)]
pub(crate) struct WhichKey {
    /// The key's id; with --org and --signing or --trusted also its
    /// fingerprint, or the first 8 or more characters of either
    pub(crate) id: String,

    /// Look for it among this organization's keys only (name or id)
    #[arg(long)]
    pub(crate) org: Option<String>,

    /// A signing key is meant
    #[arg(long, conflicts_with = "trusted", requires = "org")]
    pub(crate) signing: bool,

    /// A trusted key is meant
    #[arg(long, requires = "org")]
    pub(crate) trusted: bool,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) key: WhichKey,

    /// Why. As compromised it is for good: a trusted key is never accepted again by
    /// its organization, a signing key by none of the store, which needs the key
    /// encryption key
    #[arg(long, value_enum, default_value_t = Reason::Retired)]
    pub(crate) reason: Reason,

    /// What to say about it; kept in the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// Change nothing: say what would be accepted no more
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Deny {
    /// The key's fingerprint
    pub(crate) fingerprint: String,

    /// Who refuses them (name or id)
    #[arg(long)]
    pub(crate) org: String,

    /// What to say about it; kept in the audit log
    // Elsewhere a reason is one of a few words; this was called one before.
    #[arg(long, alias = "reason", value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// For the store's administrator: declare the key compromised for every
    /// organization of the store, for good, with nothing to prove whose it is
    #[arg(long)]
    pub(crate) danger_everywhere: bool,

    /// Change nothing: say what would be accepted no more
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Reinstate {
    #[command(flatten)]
    pub(crate) key: WhichKey,

    /// Why; kept in the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reason {
    /// It is no longer used; can be taken back
    Retired,
    /// Somebody else may have it; for good
    Compromised,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Retired => Self::Retired,
            Reason::Compromised => Self::Compromised,
        }
    }
}

#[derive(Args)]
pub(crate) struct RotateKek {
    /// Read the new key encryption key from this file rather than from
    /// CLOACINA_NEW_KEY_ENCRYPTION_KEY
    #[arg(long, value_name = "FILE")]
    pub(crate) new_kek_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The signing key's id
    pub(crate) id: String,

    /// What to call its successor; release.2 after release, unless it is said
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Have the successor sign what the old key has signed, as far as the organization
    /// keeps the signatures in the store
    #[arg(long)]
    pub(crate) resign: bool,
}
