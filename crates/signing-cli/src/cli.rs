mod audit;
mod db;
mod definition;
mod doctor;
mod examples;
mod floor;
mod help_alone;
mod init;
mod keys;
mod named;
mod orgs;
mod package;
mod resolve;
mod suggestion;
mod trust;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use signing_crypto::ActorName;

pub(crate) use self::audit::{Audit, Checkpoint, List, VerifyLogs};
pub(crate) use self::db::{Db, GrantsArgs, Purpose};
pub(crate) use self::definition::{command, parse};
pub(crate) use self::doctor::Doctor;
pub(crate) use self::examples::examples_of;
pub(crate) use self::floor::{Floor, FloorPackage};
pub(crate) use self::init::InitStore;
pub(crate) use self::keys::{
    Deny, Format, Generate, KeyArgs, KeyKind, KeyToTrust, Keys, PublishKey, Reinstate, Revoke,
    Rotate, RotateKek, Timeline, TimelinePicture, TrustKey,
};
pub(crate) use self::named::{
    GivenKey, KeyReference, NameOrPrefix, OrgReference, Prefix, SignatureReference,
};
pub(crate) use self::orgs::{Grant, Orgs};
pub(crate) use self::package::{
    CosignPackages, InstallPackage, Package, PackageArgs, Sign, SignedTrustArgs, TrustArgs,
    VerifyPackages,
};
pub(crate) use self::resolve::Resolved;
pub(crate) use self::trust::{
    Cosign, Init, Picture, PublicationArgs, Publish, PublishDraft, PublishRows, RoleArgs,
    RotateRoot, ShowArgs, Trust,
};
pub(crate) use self::values::{AnchorArgs, ChildRoot, RootSource, SignerSource};

/// What `--version` shows.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit  ",
    env!("CLOACINA_COMMIT"),
    "\ntarget  ",
    env!("CLOACINA_TARGET"),
);

/// Sign native packages, decide whose signatures count, and verify
#[derive(Parser)]
#[command(name = "cloacina", version, long_version = LONG_VERSION)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// The store: postgres://… or a SQLite file [env: CLOACINA_DATABASE_URL]
    /// [default: cloacina/cloacina.db in the user's data directory]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// Allow sslmode=require and sslmode=disable in the URL: any server that answers decides
    /// whom this command trusts
    #[arg(long, global = true)]
    pub(crate) danger_allow_insecure_database: bool,

    /// Read the key encryption key from this file
    /// [env: CLOACINA_KEY_ENCRYPTION_KEY, the file CLOACINA_KEY_ENCRYPTION_KEY_FILE, or
    /// cloacina-key-encryption-key in CREDENTIALS_DIRECTORY; if several are set, they must hold the
    /// same key]
    /// [default: cloacina/key-encryption-key in the user's configuration directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kek_file: Option<PathBuf>,

    /// Who makes the change, for the audit log, such as the pipeline that runs this command
    /// [env: CLOACINA_ACTOR] [default: the operating system's user and the host]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) actor: Option<ActorName>,

    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show tables in full, however long their lines become: whole ids, fingerprints and notes
    #[arg(long, global = true)]
    pub(crate) wide: bool,

    /// Suppress success messages. Errors, and output that the command was run for, such as
    /// lists, keys, dry runs and explanations, are printed as usual
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log audit events; give it twice to log everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When to use color
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create everything needed to sign and verify: a key encryption key, a store, an organization,
    /// a signing key, and trust in it. What exists is left as it is
    ///
    /// Run it again to continue after an interruption.
    ///
    /// Example: cloacina init acme
    Init(InitStore),
    /// Check the store, the key encryption key, the files and this machine, and name a remedy for
    /// each problem. Changes nothing. Exits with 1 if there is a problem
    Doctor(Doctor),
    /// Organizations, and which of them accept each other's keys
    #[command(subcommand)]
    Orgs(Orgs),
    /// Signing keys and trusted keys
    #[command(subcommand)]
    Keys(Keys),
    /// Sign and verify packages, and look at signatures
    #[command(subcommand)]
    Package(Package),
    /// Sign packages; short for package sign
    ///
    /// Without --key and --key-id, the organization's only key that can sign is used. The
    /// organization is CLOACINA_ORG, or the only one.
    Sign(Sign),
    /// Verify packages; short for package verify
    Verify(VerifyPackages),
    /// Signed trust: documents that root keys sign; and a graph of who accepts whose keys
    #[command(subcommand)]
    Trust(Trust),
    /// The log of every change, and checks that nobody has altered it
    #[command(subcommand)]
    Audit(Audit),
    /// The store's tables
    #[command(subcommand)]
    Db(Db),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page of the program or of one of its commands
    Man {
        /// The command, such as: keys generate
        #[arg(value_name = "COMMAND")]
        path: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_key_and_org_exclude_each_other() {
        let verify = |extra: &[&str]| {
            let words = ["cloacina", "package", "verify", "a.so"].iter().chain(extra);
            parse(words.map(Into::into)).is_ok()
        };
        assert!(verify(&["--org", "acme"]));
        assert!(verify(&["--trust-key", "a.pem", "--trust-key", "b.pem"]));
        assert!(!verify(&["--org", "acme", "--trust-key", "a.pem"]));
        assert!(verify(&[]));
    }
}
