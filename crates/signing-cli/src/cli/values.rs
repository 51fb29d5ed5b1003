//! Values whose form needs more than `FromStr`.

use std::convert::Infallible;
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgGroup, Args};
use signing_crypto::{NameError, ParseError, RootDigest};
use signing_loader::OldReleases;
use signing_trust::EventType;
use signing_trust::store::EventPattern;

use super::named::{KeyReference, OrgReference};
use super::resolve::Resolve;
use crate::key_source::{KEY_ACCESS, KeyAccess, KeyAccessArgs, KeySource};
use crate::similar::most_similar;

const AT_LEAST_ONE: &str = "expected a number of 1 or more";

/// How many old releases stay.
pub(super) fn old_releases(text: &str) -> Result<OldReleases, &'static str> {
    text.parse().ok().and_then(OldReleases::new).ok_or(AT_LEAST_ONE)
}

/// A number that is not zero, and not larger than the type holds.
pub(super) fn at_least_one<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "the number is too large",
        _ => AT_LEAST_ONE,
    })
}

/// A file, and not `-`, which stands for standard input or output in other programs.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|given| match given == "-" {
        true => Err("expected a file, not standard input or output; for a file named -, write ./-"),
        false => Ok(PathBuf::from(given)),
    })
}

/// A pinned root document.
#[derive(Clone)]
pub(crate) enum RootSource {
    Digest(RootDigest),
    File(PathBuf),
}

impl RootSource {
    /// As it is written on a command line.
    pub(crate) fn argument(&self) -> String {
        match self {
            Self::Digest(digest) => digest.to_string(),
            Self::File(path) => signing_crypto::shell_word(path),
        }
    }
}

/// A digest, or a file: no file has such a name by accident.
impl FromStr for RootSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Digest))
    }
}

/// What an organization's signed trust is verified from.
#[derive(Args, Clone)]
pub(crate) struct AnchorArgs {
    /// Verify what was published from this root document, which you have from a source other than
    /// the store: its file, or its digest
    #[arg(long, value_name = "FILE|DIGEST")]
    pub(crate) trust_root: RootSource,

    /// Refuse documents that are older than what this file remembers, and remember these
    /// [default: the file of the root document with .state; a digest has none]
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file: Option<PathBuf>,
}

/// An organization, and the digest of its root document.
#[derive(Clone)]
pub(crate) struct ChildRoot {
    pub(crate) org: OrgReference,
    pub(crate) digest: RootDigest,
}

impl FromStr for ChildRoot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (org, digest) =
            text.split_once('=').ok_or("expected an organization and a digest: ORG=DIGEST")?;
        Ok(Self {
            org: org.parse().map_err(|error: NameError| error.to_string())?,
            digest: digest.parse().map_err(|error: ParseError| error.to_string())?,
        })
    }
}

/// A type that no event has would choose nothing, as if the log were empty.
pub(super) fn event(text: &str) -> Result<EventPattern, String> {
    let pattern: EventPattern =
        text.parse().map_err(|error: signing_trust::store::EventPatternError| error.to_string())?;
    let types = || EventType::ALL.iter().map(|event| event.as_str());
    if types().any(|name| pattern.matches(name)) {
        return Ok(pattern);
    }
    Err(match most_similar(text, types(), |name| name) {
        Some(name) => format!("no event has this type; did you mean {name}?"),
        None => "no event has this type; the types are on the page of audit events".to_owned(),
    })
}

/// The key that signs
#[derive(Args)]
#[command(group(
    ArgGroup::new("access")
        .args(KEY_ACCESS)
        .multiple(true)
        .requires("key")
        .conflicts_with("key_id")
))]
pub(crate) struct SignerArgs {
    /// Sign with this key: the private key's PEM file, - for standard input, agent:NAME for a
    /// key of ssh-agent, exec:PROGRAM for a key behind a program, or the pkcs11: URI of a key in
    /// a token
    #[arg(long, value_name = "KEY")]
    key: Option<KeySource>,

    /// Sign with this key of the store: release, acme/release, or 4 or more digits at the
    /// beginning of its id or fingerprint
    #[arg(long, value_name = "KEY")]
    key_id: Option<KeyReference>,

    #[command(flatten)]
    access: KeyAccessArgs,
}

/// Where the key that signs is.
pub(crate) enum SignerSource {
    Key {
        source: KeySource,
        access: KeyAccess,
    },
    /// In the store: this one, or the organization's only one.
    Store(Option<KeyReference>),
}

impl Resolve for SignerArgs {
    type To = SignerSource;

    fn resolve(self) -> Result<SignerSource, clap::Error> {
        Ok(match self.key {
            Some(source) => SignerSource::Key { source, access: self.access.access() },
            None => SignerSource::Store(self.key_id),
        })
    }
}
