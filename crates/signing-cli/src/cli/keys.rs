use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use signing_crypto::{KeyName, Note, StatementTime};
use signing_trust::store::RevocationReason;

use super::named::{KeyReference, OrgReference};
use super::resolve::{Resolve, Resolved, missing};
use crate::files::Existing;
use crate::passphrase::{PASSPHRASE, PassphraseArgs, PassphraseSource};
use crate::time;

mod publish;
mod timeline;

pub(crate) use self::publish::{PublishKey, PublishKeyArgs};
pub(crate) use self::timeline::{Timeline, TimelinePicture};

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key pair, in the store or in two PEM files
    Generate(Resolved<GenerateArgs>),
    /// Put a private key from a PEM file into the store
    Import {
        /// The key's name: letters, digits and . _ @ + -, a letter or digit first
        #[arg(long)]
        name: KeyName,

        /// The organization that the key belongs to (name or id)
        /// [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,

        /// The PEM file; - for standard input
        #[arg(long, value_name = "FILE")]
        key: PathBuf,

        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// List an organization's signing keys, and the keys whose signatures it accepts or
    /// refuses
    #[command(group(ArgGroup::new("which").args(["org", "compromised"])))]
    List {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,

        /// List the compromised keys, which every organization of the store refuses
        #[arg(long)]
        compromised: bool,
    },
    /// Show one key: what it is, which organizations accept it and how, who has changed that, and
    /// which stored signatures it has made
    Show {
        /// The key: release, acme/release, its fingerprint, or 4 or more digits at the beginning
        /// of its fingerprint or id
        key: KeyReference,

        /// The organization that is asked about it (name or id)
        /// [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,
    },
    /// Print a signing key's public half, derived from its private half. Needs the key
    /// encryption key
    Export {
        /// The signing key: release, acme/release, or 4 or more digits at the beginning of its
        /// id or fingerprint
        key: KeyReference,

        /// The organization whose key it is (name or id). A whole id needs none
        #[arg(long)]
        org: Option<OrgReference>,

        /// Print PEM (SPKI), or the 32 raw bytes in hexadecimal
        #[arg(long, value_enum, default_value_t = Format::Pem)]
        format: Format,

        /// Write to this file
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Replace an existing file
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// Print the fingerprints of keys in files, each in a line like those of sha256sum
    Fingerprint {
        /// The files: public or private keys, in PEM or as OpenSSH writes them; - for standard
        /// input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Accept a key's signatures
    Trust(TrustKey),
    /// Refuse a key's signatures, even if a trust grant would accept them
    Deny(Deny),
    /// Revoke a signing key (it can no longer sign) or a trusted key (its signatures
    /// are refused)
    Revoke(Revoke),
    /// Take back a revocation or a denial. A compromised key cannot be reinstated
    Reinstate(Reinstate),
    /// Replace a signing key with a new one, which is trusted where the old one is. Run it
    /// again to continue after an interruption
    Rotate(Rotate),
    /// Show when each key can sign, and when its organization trusts or refuses it, from the
    /// store's current rows. A revocation that was taken back is only in the audit log
    Timeline(Timeline),
    /// Re-wrap every private key of the store with another key encryption key
    RotateKek(RotateKek),
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Pem,
    Raw,
}

#[derive(Args)]
#[command(group(ArgGroup::new("where").args(["org", "output"])))]
#[command(group(
    ArgGroup::new("to-encrypt").args(PASSPHRASE).requires("output").conflicts_with("org")
))]
pub(crate) struct GenerateArgs {
    /// The key's name: letters, digits and . _ @ + -, a letter or digit first
    #[arg(long)]
    name: KeyName,

    /// Keep the key in the store, for this organization (name or id) [env: CLOACINA_ORG]
    /// [default: the only one, unless there is --output]
    #[arg(long)]
    org: Option<OrgReference>,

    /// Write the private key to this PEM file, and the public key beside it:
    /// to dev-key.pub.pem for dev-key.pem
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Encrypt the private key with a passphrase; implied if a passphrase is given
    #[arg(long, requires = "output", conflicts_with = "org")]
    encrypt: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    /// Replace an existing public key; a private key replaces no file
    #[arg(long, requires = "output", conflicts_with = "org")]
    force: bool,
}

pub(crate) enum Generate {
    InStore {
        name: KeyName,
        org: Option<OrgReference>,
    },
    InFiles {
        name: KeyName,
        private: PathBuf,
        existing: Existing,
        passphrase: Option<PassphraseSource>,
    },
}

impl Resolve for GenerateArgs {
    type To = Generate;

    fn resolve(self) -> Result<Generate, clap::Error> {
        let name = self.name;
        match (self.org, self.output) {
            (None, Some(private)) => Ok(Generate::InFiles {
                name,
                private,
                existing: Existing::replace_if(self.force),
                passphrase: self.passphrase.source_for_new(self.encrypt),
            }),
            (org, _) => Ok(Generate::InStore { name, org }),
        }
    }
}

#[derive(Args)]
pub(crate) struct TrustKey {
    /// The organization that accepts the signatures (name or id)
    /// [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    #[command(flatten)]
    pub(crate) key: Resolved<KeyToTrustArgs>,

    /// The organization's name for the key
    #[arg(long)]
    pub(crate) name: Option<KeyName>,

    /// Accept them until this time (RFC 3339), until the beginning of this date (UTC), or for
    /// 12h, 30d or 8w. A second `keys trust` replaces the time of the first; without one, trust
    /// does not expire
    #[arg(long, value_name = "TIME", value_parser = time::expiry)]
    pub(crate) expires: Option<StatementTime>,

    /// Change nothing, and show what would be accepted
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("key").args(["import", "key_id"]).required(true)))]
pub(crate) struct KeyToTrustArgs {
    /// The public key's file: PEM, or a line of OpenSSH such as a .pub file; - for standard
    /// input
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,

    /// A signing key in the store: release, another organization's as in vendor/release, or 4
    /// or more digits at the beginning of its id or fingerprint. Needs the key encryption key,
    /// which proves the public half
    #[arg(long, value_name = "KEY")]
    key_id: Option<KeyReference>,
}

pub(crate) enum KeyToTrust {
    File(PathBuf),
    Stored(KeyReference),
}

impl Resolve for KeyToTrustArgs {
    type To = KeyToTrust;

    fn resolve(self) -> Result<KeyToTrust, clap::Error> {
        match (self.import, self.key_id) {
            (Some(path), _) => Ok(KeyToTrust::File(path)),
            (None, Some(key)) => Ok(KeyToTrust::Stored(key)),
            (None, None) => Err(missing("--import and --key-id")),
        }
    }
}

/// A key in the store
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The key: release, acme/release, or 4 or more digits at the beginning of its id or
    /// fingerprint
    pub(crate) key: KeyReference,

    /// The organization whose key it is, or whose trust in another's key is changed (name or id).
    /// A whole id needs none
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// The key is a signing key
    #[arg(long, conflicts_with = "trusted")]
    signing: bool,

    /// The key is a trusted key
    #[arg(long)]
    trusted: bool,
}

/// Which of the two tables a key is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Signing,
    Trusted,
}

impl KeyArgs {
    pub(crate) fn kind(&self) -> Option<KeyKind> {
        match (self.signing, self.trusted) {
            (true, _) => Some(KeyKind::Signing),
            (false, true) => Some(KeyKind::Trusted),
            (false, false) => None,
        }
    }
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Why. A compromised key is refused for good: a trusted key by its organization, a
    /// signing key by every organization of the store, which needs the key encryption key
    #[arg(long, value_enum, default_value_t = Reason::Retired)]
    pub(crate) reason: Reason,

    /// A remark for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<Note>,

    /// Change nothing, and show what would no longer be accepted
    #[arg(long, conflicts_with = "publish")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) publish: Resolved<PublishKeyArgs>,
}

#[derive(Args)]
pub(crate) struct Deny {
    /// The key: its fingerprint, a name that the organization has for it, another
    /// organization's as in vendor/release, or 4 or more digits at the beginning of its
    /// fingerprint or id
    pub(crate) key: KeyReference,

    /// The organization that refuses the key (name or id)
    /// [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// A remark for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<Note>,

    /// For the store's administrator: declare the key compromised for every
    /// organization of the store, for good, without proof that it is in the store
    #[arg(long)]
    pub(crate) danger_everywhere: bool,

    /// Change nothing, and show what would no longer be accepted
    #[arg(long, conflicts_with = "publish")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) publish: Resolved<PublishKeyArgs>,
}

#[derive(Args)]
pub(crate) struct Reinstate {
    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Why; kept in the audit log
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub(crate) note: Option<Note>,

    /// Change nothing, and show what would be accepted
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reason {
    /// The key is no longer used; can be taken back
    Retired,
    /// Somebody else may have the key; for good
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
    /// The file with the new key encryption key, which has to be kept: without it no private key of
    /// the store can be used again
    #[arg(long, value_name = "FILE")]
    pub(crate) new_kek_file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The signing key: release, acme/release, or 4 or more digits at the beginning of its id or
    /// fingerprint
    pub(crate) key: KeyReference,

    /// The organization whose key it is (name or id). A whole id needs none
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// The successor's name [default: release.2 after release]
    #[arg(long)]
    pub(crate) name: Option<KeyName>,

    /// Re-sign with the successor every package whose signature by the old key the organization
    /// keeps in the store. Shows the packages and asks. Signatures that have expired, and versions
    /// below a floor of the organization, are left out. Until the old key is revoked, both count
    /// for --required-signers
    #[arg(long)]
    pub(crate) resign: bool,

    /// Change nothing, and show what would be made, signed and accepted
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask. Without --resign, nothing is asked
    #[arg(long)]
    pub(crate) yes: bool,
}
