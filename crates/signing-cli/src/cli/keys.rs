use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, StatementTime, TrustedKeyId};
use signing_trust::store::{OrganizationRef, RevocationReason};

use super::resolve::{Resolve, Resolved, missing, wrong};
use super::values;
use crate::files::Existing;
use crate::passphrase::{Encryption, PASSPHRASE, PassphraseArgs, PassphraseSource};
use crate::time;

mod publish;

pub(crate) use self::publish::{PublishKey, PublishKeyArgs};

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
        #[arg(long, value_parser = values::organization)]
        org: OrganizationRef,

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
        #[arg(long, value_parser = values::organization)]
        org: Option<OrganizationRef>,

        /// List the compromised keys, which every organization of the store refuses
        #[arg(long)]
        compromised: bool,
    },
    /// Print a signing key's public half, derived from its private half. Needs the key
    /// encryption key
    Export {
        /// The signing key's id
        id: KeyId,

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
    /// Accept a key's signatures
    Trust {
        /// The organization that accepts the signatures (name or id)
        #[arg(long, value_parser = values::organization)]
        org: OrganizationRef,

        #[command(flatten)]
        key: Resolved<KeyToTrustArgs>,

        /// The organization's name for the key
        #[arg(long)]
        name: Option<KeyName>,

        /// Accept them until this time (RFC 3339), until the beginning of this date (UTC), or
        /// for 12h, 30d or 8w. A second `keys trust` replaces the time of the first; without
        /// one, trust does not expire
        #[arg(long, value_name = "TIME", value_parser = time::expiry)]
        expires: Option<StatementTime>,
    },
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
    /// Re-wrap every private key of the store with another key encryption key
    RotateKek(RotateKek),
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Pem,
    Raw,
}

#[derive(Args)]
#[command(group(ArgGroup::new("where").args(["org", "output"]).required(true)))]
#[command(group(
    ArgGroup::new("to-encrypt").args(PASSPHRASE).requires("output").conflicts_with("org")
))]
pub(crate) struct GenerateArgs {
    /// The key's name: letters, digits and . _ @ + -, a letter or digit first
    #[arg(long)]
    name: KeyName,

    /// Keep the key in the store, for this organization (name or id)
    #[arg(long, value_parser = values::organization)]
    org: Option<OrganizationRef>,

    /// Write the private key to this PEM file, and the public key beside it:
    /// to dev-key.pub.pem for dev-key.pem
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Encrypt the private key with a passphrase; implied if a passphrase is given
    #[arg(long, requires = "output", conflicts_with = "org")]
    encrypt: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    /// Replace existing files
    #[arg(long, requires = "output", conflicts_with = "org")]
    force: bool,
}

pub(crate) enum Generate {
    InStore {
        name: KeyName,
        org: OrganizationRef,
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
            (Some(org), _) => Ok(Generate::InStore { name, org }),
            (None, Some(private)) => Ok(Generate::InFiles {
                name,
                private,
                existing: Existing::replace_if(self.force),
                passphrase: self.passphrase.source_for_new(Encryption::always_if(self.encrypt)),
            }),
            (None, None) => Err(missing("--org and --output")),
        }
    }
}

#[derive(Args)]
#[command(group(ArgGroup::new("key").args(["import", "key_id"]).required(true)))]
pub(crate) struct KeyToTrustArgs {
    /// The public key's file: PEM, or a line of OpenSSH such as a .pub file; - for standard
    /// input
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,

    /// The id of a signing key in the store. Needs the key encryption key, which proves the
    /// public half
    #[arg(long, value_name = "ID")]
    key_id: Option<KeyId>,
}

pub(crate) enum KeyToTrust {
    File(PathBuf),
    Stored(KeyId),
}

impl Resolve for KeyToTrustArgs {
    type To = KeyToTrust;

    fn resolve(self) -> Result<KeyToTrust, clap::Error> {
        match (self.import, self.key_id) {
            (Some(path), _) => Ok(KeyToTrust::File(path)),
            (None, Some(id)) => Ok(KeyToTrust::Stored(id)),
            (None, None) => Err(missing("--import and --key-id")),
        }
    }
}

/// A key in the store
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The key's id. With --org and --signing or --trusted also its fingerprint, or the
    /// first 8 or more characters of either
    id: String,

    /// Look only among this organization's keys (name or id)
    #[arg(long, value_parser = values::organization)]
    org: Option<OrganizationRef>,

    /// The key is a signing key
    #[arg(long, conflicts_with = "trusted", requires = "org")]
    signing: bool,

    /// The key is a trusted key
    #[arg(long, requires = "org")]
    trusted: bool,
}

/// How a key in the store is named.
pub(crate) enum NamedKey {
    /// By its whole id, which no two keys share, whatever their kind.
    ById {
        signing: KeyId,
        trusted: TrustedKeyId,
        org: Option<OrganizationRef>,
    },
    Signing {
        org: OrganizationRef,
        prefix: KeyPrefix,
    },
    Trusted {
        org: OrganizationRef,
        prefix: KeyPrefix,
    },
}

/// The beginning of a key's id or fingerprint, long enough not to be another key's by a slip.
pub(crate) struct KeyPrefix(String);

const MIN_PREFIX_LENGTH: usize = 8;

impl KeyPrefix {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Resolve for KeyArgs {
    type To = NamedKey;

    fn resolve(self) -> Result<NamedKey, clap::Error> {
        let wrong_id = |why: &str| wrong(&self.id, "<ID>", why);
        match (self.org, self.signing, self.trusted) {
            (Some(org), signing, trusted) if signing || trusted => {
                if self.id.len() < MIN_PREFIX_LENGTH {
                    return Err(wrong_id("expected 8 characters or more"));
                }
                let prefix = KeyPrefix(self.id);
                Ok(match signing {
                    true => NamedKey::Signing { org, prefix },
                    false => NamedKey::Trusted { org, prefix },
                })
            }
            (org, _, _) => {
                let signing: KeyId = self.id.parse().map_err(|_| {
                    wrong_id("expected a whole id, or --org with --signing or --trusted")
                })?;
                let trusted = TrustedKeyId::from(*signing.as_uuid());
                Ok(NamedKey::ById { signing, trusted, org })
            }
        }
    }
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) key: Resolved<KeyArgs>,

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
    /// The key's fingerprint
    pub(crate) fingerprint: Fingerprint,

    /// The organization that refuses the key (name or id)
    #[arg(long, value_parser = values::organization)]
    pub(crate) org: OrganizationRef,

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
    pub(crate) key: Resolved<KeyArgs>,

    /// Why; kept in the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Note,
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
    /// Read the new key encryption key from this file instead of
    /// CLOACINA_NEW_KEY_ENCRYPTION_KEY
    #[arg(long, value_name = "FILE")]
    pub(crate) new_kek_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The signing key's id
    pub(crate) id: KeyId,

    /// The successor's name [default: release.2 after release]
    #[arg(long)]
    pub(crate) name: Option<KeyName>,

    /// Re-sign with the successor what the old key has signed, as far as the organization
    /// keeps the signatures in the store
    #[arg(long)]
    pub(crate) resign: bool,
}
