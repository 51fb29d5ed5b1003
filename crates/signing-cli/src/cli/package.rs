use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
use signing_crypto::{PackageVersion, ParseError, SignatureId, StatementTime};
use signing_loader::{ClockSkewAllowance, SignerCount};

use super::Floor;
use crate::passphrase::{PASSPHRASE, PassphraseArgs};

#[derive(Subcommand)]
pub(crate) enum Package {
    /// Sign packages: write a .sig file beside each, or add to the one that is there
    #[command(group(ArgGroup::new("with").args(["key", "key_id"]).required(true)))]
    #[command(group(
        ArgGroup::new("to-decrypt").args(PASSPHRASE).requires("key").conflicts_with("key_id")
    ))]
    Sign {
        /// The packages
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,

        /// Sign with the private key in this PEM file; - for standard input
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,

        /// Sign with this key of the store
        #[arg(long, value_name = "ID")]
        key_id: Option<String>,

        #[command(flatten)]
        passphrase: PassphraseArgs,

        /// Sign under this name rather than the file's
        #[arg(long)]
        name: Option<String>,

        /// Sign as this version (Semantic Versioning)
        #[arg(long, value_name = "VERSION")]
        package_version: Option<PackageVersion>,

        /// Let the signature end then: a time in RFC 3339, or a date, which means
        /// its beginning in UTC
        #[arg(long, value_name = "TIME", value_parser = expiry)]
        expires: Option<StatementTime>,

        /// Write the signature to this file; for one package
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Keep the signature in the store, for the key's organization or --org;
        /// then no file is written unless --output names one
        #[arg(long)]
        store: bool,

        /// The organization to keep the signature for (name or id)
        #[arg(long, requires = "store")]
        org: Option<String>,

        /// Replace a signature file that exists rather than add to it
        #[arg(long)]
        force: bool,
    },
    /// Verify packages: exits with 0 if all are good, with 1 if one is refused
    #[command(group(ArgGroup::new("by").args(["org", "trust_key"]).required(true)))]
    Verify {
        /// The packages
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,

        /// By the trust of this organization (name or id)
        #[arg(long)]
        org: Option<String>,

        /// By the public key in this PEM file (may be repeated); asks no store,
        /// so that no revocation is known
        #[arg(long, value_name = "PEM", conflicts_with = "org")]
        trust_key: Vec<PathBuf>,

        /// Expect this name rather than the file's
        #[arg(long)]
        name: Option<String>,

        /// The signature's file; for one package
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,

        /// How many distinct trusted keys must have signed, 1 to 16
        #[arg(long, value_name = "N", default_value_t = SignerCount::ONE)]
        required_signers: SignerCount,

        /// Count as many of them as are of distinct organizations
        #[arg(long, requires = "required_signers", conflicts_with = "trust_key")]
        distinct_orgs: bool,

        /// How many seconds after it ended a signature, or trust in a key, still counts, 0
        /// to 300
        #[arg(long, value_name = "SECONDS", default_value = "0")]
        clock_skew_allowance: ClockSkewAllowance,

        /// Show which signatures were found, which of them count and by which path, and
        /// which rule refused
        #[arg(long)]
        explain: bool,
    },
    /// Show what a signature says, and whose it is; says nothing about the package
    Inspect {
        /// The package, or its .sig file
        #[arg(value_name = "PATH", required_unless_present = "signature")]
        path: Option<PathBuf>,

        /// The signature's file
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,

        /// Check it by the trust of this organization (name or id)
        #[arg(long)]
        org: Option<String>,

        /// Check it by the public key in this PEM file (may be repeated)
        #[arg(long, value_name = "PEM", conflicts_with = "org")]
        trust_key: Vec<PathBuf>,
    },
    /// Remove signatures from the store; `verify --explain` shows their ids
    Unstore {
        /// The signatures' ids
        #[arg(required = true, value_name = "SIGNATURE-ID")]
        ids: Vec<SignatureId>,
    },
    /// The lowest versions that an organization accepts
    #[command(subcommand)]
    Floor(Floor),
}

fn expiry(text: &str) -> Result<StatementTime, ParseError> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse())
}
