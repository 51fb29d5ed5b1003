mod audit;
mod floor;
mod keys;
mod orgs;
mod package;
mod trust;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::passphrase::{PASSPHRASE, PassphraseArgs};

pub(crate) use self::audit::{Audit, Checkpoint, List, Verify};
pub(crate) use self::floor::Floor;
pub(crate) use self::keys::{Deny, Reinstate, Revoke, Rotate, RotateKek, WhichKey};
pub(crate) use self::orgs::{Grant, NewGrant, Orgs};
pub(crate) use self::package::Package;
pub(crate) use self::trust::{Picture, Trust};

/// Sign native packages, decide whose signatures count, and verify
#[derive(Parser)]
#[command(name = "cloacina", version)]
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

    /// Connect to Postgres over TCP without verified TLS: whatever answers decides whom
    /// this command trusts
    #[arg(long, global = true)]
    pub(crate) danger_allow_insecure_database: bool,

    /// Read the key encryption key from this file rather than from
    /// CLOACINA_KEY_ENCRYPTION_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kek_file: Option<PathBuf>,

    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Do not say what was done, or that all is well: the exit code does. Errors, and
    /// what a command is there to show, such as a list, a key, a graph, a checkpoint, a
    /// dry run or an explanation, are printed all the same
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Show audit events; twice: everything
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
    /// Organizations, and which accept whose keys
    #[command(subcommand)]
    Orgs(Orgs),
    /// Signing keys and trusted keys
    #[command(subcommand)]
    Keys(Keys),
    /// Sign and verify packages, and look at signatures
    #[command(subcommand)]
    Package(Package),
    /// Who accepts whose keys
    #[command(subcommand)]
    Trust(Trust),
    /// The log of every change, and whether it is as it was written
    #[command(subcommand)]
    Audit(Audit),
    /// The store's tables
    #[command(subcommand)]
    Db(Db),
    /// Print a script with which a shell completes this program's command lines
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page of this program, or of one of its commands
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

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key pair, in the store or in two PEM files
    #[command(group(ArgGroup::new("where").args(["org", "output"]).required(true)))]
    #[command(group(
        ArgGroup::new("to-encrypt").args(PASSPHRASE).requires("output").conflicts_with("org")
    ))]
    Generate {
        /// The key's name
        #[arg(long)]
        name: String,

        /// Keep the key in the store, for this organization (name or id)
        #[arg(long)]
        org: Option<String>,

        /// Write the private key to this PEM file, and the public key beside it:
        /// to dev-key.pub.pem for dev-key.pem
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Encrypt the private key under a passphrase; implied if one is given
        #[arg(long, requires = "output", conflicts_with = "org")]
        encrypt: bool,

        #[command(flatten)]
        passphrase: PassphraseArgs,

        /// Replace files that exist
        #[arg(long, requires = "output", conflicts_with = "org")]
        force: bool,
    },
    /// Put a private key from a PEM file into the store
    Import {
        /// The key's name
        #[arg(long)]
        name: String,

        /// Whose key it is (name or id)
        #[arg(long)]
        org: String,

        /// The PEM file; - for standard input
        #[arg(long, value_name = "FILE")]
        key: PathBuf,

        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// List an organization's signing keys, and the keys whose signatures it accepts or
    /// refuses
    #[command(group(ArgGroup::new("which").args(["org", "compromised"]).required(true)))]
    List {
        /// The organization (name or id)
        #[arg(long)]
        org: Option<String>,

        /// List instead the keys that were declared compromised, which every organization
        /// of the store refuses
        #[arg(long)]
        compromised: bool,
    },
    /// Print a signing key's public half, derived from its private half: needs the key
    /// encryption key
    Export {
        /// The signing key's id
        id: String,

        /// As PEM (SPKI) or as the 32 raw bytes in hexadecimal
        #[arg(long, value_enum, default_value_t = Format::Pem)]
        format: Format,

        /// Write to this file
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Replace a file that exists
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// Accept a key's signatures
    #[command(group(ArgGroup::new("key").args(["import", "key_id"]).required(true)))]
    Trust {
        /// Who accepts them (name or id)
        #[arg(long)]
        org: String,

        /// The public key's PEM file; - for standard input
        #[arg(long, value_name = "FILE")]
        import: Option<PathBuf>,

        /// The id of a signing key in the store; needs the key encryption key, with
        /// which the public half is proven
        #[arg(long, value_name = "ID")]
        key_id: Option<String>,

        /// What to call it
        #[arg(long)]
        name: Option<String>,

        /// Accept them until this time (RFC 3339), or until a date begins: 2027-01-01
        /// is 00:00:00 UTC of that day. Trusted again, a key is trusted until the new
        /// time, or for ever without one
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Refuse a key's signatures, even if another organization passes it on
    Deny(Deny),
    /// Revoke a signing key (it signs no more) or a trusted key (its signatures
    /// are refused)
    Revoke(Revoke),
    /// Take a revocation or a denial back; what is compromised stays so
    Reinstate(Reinstate),
    /// Make a signing key in the place of another, trusted where that is; run again, it
    /// goes on where it stopped
    Rotate(Rotate),
    /// Wrap every private key of the store anew, with another key encryption key
    RotateKek(RotateKek),
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Pem,
    Raw,
}

#[derive(Subcommand)]
pub(crate) enum Db {
    /// Bring the store's tables up to date; makes the SQLite store if there is none
    Migrate,
    /// Show which store is used and whether its tables are up to date
    Status,
    /// Print, or apply, the rights that a Postgres role needs, and no others
    Grants {
        /// The role's name
        #[arg(long)]
        role: String,

        /// What the role is for
        #[arg(long = "as", value_enum, value_name = "PURPOSE")]
        purpose: Purpose,

        /// The organization that a signer signs for (name or id)
        #[arg(long, required_if_eq("purpose", "signer"))]
        org: Option<String>,

        /// How many connections the role may have [default: 50 for a runner, 10 for a
        /// signer, any number for an administrator]
        #[arg(long, value_name = "N")]
        connections: Option<u16>,

        /// Leave the role's number of connections and time-outs as they are
        #[arg(long, conflicts_with = "connections")]
        without_limits: bool,

        /// Apply them rather than print them
        #[arg(long)]
        apply: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Purpose {
    /// Verifies: reads trust and signatures
    Runner,
    /// Signs for an organization: also reads its wrapped keys and adds signatures
    Signer,
    /// Manages keys and trust, and removes signatures
    Admin,
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn trust_key_and_org_exclude_each_other() {
        let verify = |extra: &[&str]| {
            let words = ["cloacina", "package", "verify", "a.so"].iter().chain(extra);
            Cli::try_parse_from(words).is_ok()
        };
        assert!(verify(&["--org", "acme"]));
        assert!(verify(&["--trust-key", "a.pem", "--trust-key", "b.pem"]));
        assert!(!verify(&["--org", "acme", "--trust-key", "a.pem"]));
        assert!(!verify(&[]));
    }
}
