use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use signing_crypto::StatementTime;

use super::named::{KeyReference, OrgReference};
use super::resolve::{Resolve, Resolved, missing};
use super::values::{AnchorArgs, ChildRoot, RootSource};
use crate::files::Existing;
use crate::key_source::{KeyAccess, KeyAccessArgs, KeySource};
use crate::terminal::Confirmation;
use crate::time::{self, TimeError};

mod roles;

pub(crate) use self::roles::RoleArgs;

#[derive(Subcommand)]
pub(crate) enum Trust {
    /// Draw organizations, the keys that they trust directly, and their grants, and mark what
    /// is revoked, expired, compromised or deleted. With --json, print the data
    Graph {
        /// Only what decides which keys this organization accepts (name or id)
        #[arg(long)]
        org: Option<OrgReference>,

        /// Draw lines of text, a picture (SVG), or a graph for Graphviz or Mermaid
        #[arg(long, value_enum, default_value_t = Picture::Text)]
        format: Picture,
    },
    /// Turn on signed trust for an organization: sign and publish its first root document,
    /// trust statement and revocations
    Init(Init),
    /// Show an organization's signed trust: versions, expiry, roles, and how the rows of the
    /// store differ from the statement. Exits with 1 if they differ, if a document has expired, or
    /// if the documents of an organization that is granted trust do not count
    Status {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,

        #[command(flatten)]
        anchor: AnchorArgs,
    },
    /// Sign what the rows of the store trust, and publish it: runners with a pinned root believe
    /// it from now on. Shows what changes, and asks
    ///
    /// A key of the trust role signs the next statement, a key of the revocation role the next
    /// revocations.
    Publish(Resolved<PublishArgs>),
    /// Add signatures to a draft, on any machine: no store is needed. Shows what the draft says,
    /// and asks
    Cosign(Cosign),
    /// Replace the root keys, or the keys of another role: publish the next root document, signed
    /// by enough of the old and of the new root keys
    ///
    /// Name every key of the new root document. Statement and revocations are signed again, with
    /// the same content, if the keys of their roles change, or if they have expired and the given
    /// keys, or those that sign the root document, suffice. An expired statement is signed again
    /// without the trust that rows have taken away.
    RotateRoot(RotateRoot),
    /// Write an organization's signed documents to a bundle, for hosts without the store
    Export {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,

        #[command(flatten)]
        anchor: AnchorArgs,

        /// Write to this file
        #[arg(long, value_name = "FILE")]
        output: PathBuf,

        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Show what a bundle, a draft, a single document or the store says, without verifying it
    Show(ShowArgs),
    /// Verify a bundle from a pinned root, and show what it trusts
    Verify {
        /// The bundle
        #[arg(value_name = "BUNDLE")]
        bundle: PathBuf,

        /// The pinned root document: its file, or its digest
        #[arg(long, value_name = "FILE|DIGEST")]
        trust_root: RootSource,

        /// Refuse a bundle that is older than those that this file remembers, and remember this
        /// one
        #[arg(long, value_name = "FILE")]
        state_file: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Picture {
    Text,
    Svg,
    Dot,
    Mermaid,
}

#[derive(Args)]
pub(crate) struct Init {
    /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    #[command(flatten)]
    pub(crate) roles: RoleArgs,

    #[command(flatten)]
    pub(crate) statement: StatementArgs,

    #[command(flatten)]
    pub(crate) publication: PublicationArgs,
}

impl Init {
    /// As `cloacina init` makes the first documents: one key has every role.
    pub(crate) fn with_root_key(
        root_key: KeySource,
        root_output: PathBuf,
        access: KeyAccessArgs,
    ) -> Result<Self, TimeError> {
        let statement = StatementArgs {
            expires: time::expiry(STATEMENT_LIFE)?,
            revocations_expires: time::expiry(REVOCATIONS_LIFE)?,
            child_root: Vec::new(),
        };
        let publication = PublicationArgs {
            draft: None,
            force: false,
            root_output: Some(root_output),
            yes: false,
            dry_run: false,
            access,
        };
        Ok(Self { org: None, roles: RoleArgs::of(root_key)?, statement, publication })
    }
}

const STATEMENT_LIFE: &str = "90d";
const REVOCATIONS_LIFE: &str = "30d";

/// The content and the end of the next documents.
#[derive(Args)]
pub(crate) struct StatementArgs {
    /// When the statement expires: a time (RFC 3339), a date (UTC), or 12h, 30d or 8w from now
    #[arg(long, value_name = "TIME", default_value = STATEMENT_LIFE, value_parser = time::expiry)]
    pub(crate) expires: StatementTime,

    /// When the revocations expire (forms as for --expires)
    #[arg(long, value_name = "TIME", default_value = REVOCATIONS_LIFE, value_parser = time::expiry)]
    pub(crate) revocations_expires: StatementTime,

    /// The digest of the root document of an organization that is granted trust, from that
    /// organization itself: the store is not asked for it (may be repeated)
    #[arg(long, value_name = "ORG=DIGEST")]
    pub(crate) child_root: Vec<ChildRoot>,
}

/// What to do with documents once they are signed.
#[derive(Args)]
pub(crate) struct PublicationArgs {
    /// If more keys must sign, write a draft to this file, for cloacina trust cosign
    #[arg(long, value_name = "FILE")]
    pub(crate) draft: Option<PathBuf>,

    /// Replace existing files
    #[arg(long)]
    force: bool,

    /// Write the newest root document to this file, for runners to pin
    #[arg(long, value_name = "FILE")]
    pub(crate) root_output: Option<PathBuf>,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// Show what would be signed, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    access: KeyAccessArgs,
}

impl PublicationArgs {
    pub(crate) fn existing(&self) -> Existing {
        Existing::replace_if(self.force)
    }

    pub(crate) fn confirmation(&self) -> Confirmation {
        Confirmation::given_if(self.yes)
    }

    pub(crate) fn access(&self) -> KeyAccess {
        self.access.access()
    }
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").args(["org", "from"])))]
pub(crate) struct PublishArgs {
    /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    org: Option<OrgReference>,

    /// Publish this draft, which enough keys have signed
    #[arg(
        long,
        value_name = "DRAFT",
        conflicts_with_all = ["key", "deny", "draft", "child_root", "expires", "revocations_expires"]
    )]
    from: Option<PathBuf>,

    /// A private key that signs, in any form of package sign --key (may be repeated)
    #[arg(long, value_name = "KEY", required_unless_present = "from")]
    key: Vec<KeySource>,

    /// Add this key to the revocations (may be repeated): its fingerprint, or a name or the
    /// beginning of its fingerprint if the published statement knows it. It stays there for good
    #[arg(long, value_name = "KEY")]
    deny: Vec<KeyReference>,

    /// Verify what was published from this root document, which you have from a source other than
    /// the store: its file, or its digest. Only the draft of first documents needs none
    #[arg(long, value_name = "FILE|DIGEST", required_unless_present = "from")]
    trust_root: Option<RootSource>,

    /// Refuse documents that are older than what this file remembers, and remember these
    /// [default: the file of the root document with .state; a digest has none]
    #[arg(long, value_name = "FILE", requires = "trust_root")]
    state_file: Option<PathBuf>,

    #[command(flatten)]
    statement: StatementArgs,

    #[command(flatten)]
    publication: PublicationArgs,
}

pub(crate) enum Publish {
    Rows(Box<PublishRows>),
    Draft(Box<PublishDraft>),
}

pub(crate) struct PublishDraft {
    pub(crate) path: PathBuf,
    pub(crate) anchor: Option<AnchorArgs>,
    pub(crate) publication: PublicationArgs,
}

pub(crate) struct PublishRows {
    pub(crate) org: Option<OrgReference>,
    pub(crate) keys: Vec<KeySource>,
    pub(crate) deny: Vec<KeyReference>,
    pub(crate) anchor: AnchorArgs,
    pub(crate) statement: StatementArgs,
    pub(crate) publication: PublicationArgs,
}

impl Resolve for PublishArgs {
    type To = Publish;

    fn resolve(self) -> Result<Publish, clap::Error> {
        let Self { org, from, key: keys, deny, trust_root, state_file, statement, publication } =
            self;
        let anchor = trust_root.map(|trust_root| AnchorArgs { trust_root, state_file });
        match (org, from, anchor) {
            (_, Some(path), anchor) => {
                Ok(Publish::Draft(Box::new(PublishDraft { path, anchor, publication })))
            }
            (org, None, Some(anchor)) => {
                let rows = PublishRows { org, keys, deny, anchor, statement, publication };
                Ok(Publish::Rows(Box::new(rows)))
            }
            (_, None, None) => Err(missing("--trust-root")),
        }
    }
}

#[derive(Args)]
pub(crate) struct Cosign {
    /// The draft, which is replaced by one with more signatures
    #[arg(value_name = "DRAFT")]
    pub(crate) draft: PathBuf,

    /// A private key that signs, in any form of package sign --key (may be repeated)
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) key: Vec<KeySource>,

    /// Refuse the draft unless it follows this root document, or begins with it if it is the draft
    /// of first documents: its file, or its digest
    #[arg(long, value_name = "FILE|DIGEST")]
    pub(crate) trust_root: RootSource,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) access: KeyAccessArgs,
}

#[derive(Args)]
pub(crate) struct RotateRoot {
    /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// A private key of the current root document, which signs the next one, in any form of
    /// package sign --key (may be repeated)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<KeySource>,

    #[command(flatten)]
    pub(crate) anchor: AnchorArgs,

    #[command(flatten)]
    pub(crate) roles: RoleArgs,

    /// When the statement expires, if it has to be signed again
    #[arg(long, value_name = "TIME", default_value = STATEMENT_LIFE, value_parser = time::expiry)]
    pub(crate) expires: StatementTime,

    /// When the revocations expire, if they have to be signed again
    #[arg(long, value_name = "TIME", default_value = REVOCATIONS_LIFE, value_parser = time::expiry)]
    pub(crate) revocations_expires: StatementTime,

    #[command(flatten)]
    pub(crate) publication: PublicationArgs,
}

#[derive(Args)]
#[command(group(ArgGroup::new("shown").args(["file", "org"])))]
pub(crate) struct ShowArgs {
    /// A bundle, a draft, a root document, a statement or revocations
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Show what the store has of this organization (name or id) [env: CLOACINA_ORG]
    /// [default: the only one, unless there is a file]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,
}
