mod code;
mod not_added;

#[cfg(test)]
#[cfg(feature = "postgres")]
mod golden;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use signing_crypto::{
    CheckpointError, KekError, KeyName, MalformedEnvelope, NameError, OrgName, ParseError,
    PassphraseError, PatternError, PemError, StatementTime,
};
use signing_loader::{PackageError, ProtectionError, VerificationError};
use signing_trust::TrustError;
use signing_trust::store::{EventPatternError, RoleNameError, StoreError, UrlError};
use thiserror::Error;

use crate::remedy::Advice;

pub(crate) use self::code::verification_code;
pub(crate) use self::not_added::{NotAdded, Place, Terms};

/// Why a command did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Another error, with a next step that only the store could tell.
    #[error("{source}")]
    Advised { advice: Advice, source: Box<CliError> },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database URL cannot be used")]
    Url(#[from] UrlError),
    #[error("a password must not stand on the command line, where every user can read it")]
    PasswordOnCommandLine,
    #[error("the environment variable {var} is not Unicode")]
    NotUnicode { var: &'static str },
    #[error("there is no home directory to keep a store in")]
    NoHomeDirectory,
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Kek(#[from] KekError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    RoleName(#[from] RoleNameError),
    #[error("{given:?} is not a time, expected RFC 3339 or a date such as 2026-01-28")]
    InvalidTime { given: String },
    #[error("there is no command {given:?}")]
    NoSuchCommand { given: String },
    #[error("there is no organization {given:?}")]
    NoSuchOrganization { given: String, similar: Option<OrgName> },
    #[error("there is no key {given:?}")]
    NoSuchKey { given: String },
    #[error("several keys start with {given:?}")]
    AmbiguousKey { given: String },
    #[error("{given:?} is too short to name a key, expected {least} characters or more")]
    KeyPrefixTooShort { given: String, least: usize },
    #[error("the key {id} belongs to another organization than {org}")]
    KeyOfAnotherOrganization { id: String, org: OrgName },
    #[error(transparent)]
    Unprotected(#[from] ProtectionError),
    #[error("cannot keep this process's memory from others")]
    UnprotectedProcess(#[source] std::io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    #[error("{} is a signature, not a package", path.display())]
    IsASignature { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} exists", path.display())]
    FileExists { path: PathBuf },
    #[error("{} exists, and is no package signature", path.display())]
    NotASignature { path: PathBuf, source: MalformedEnvelope },
    #[error("cannot add to the signatures in {place}")]
    NotAdded { place: Place, source: NotAdded },
    #[error("{place} was changed by somebody else meanwhile")]
    ChangedMeanwhile { place: Place },
    #[error("the signature would have expired already, at {expires_at}")]
    ExpiryPast { expires_at: StatementTime },
    #[error("cannot use the key file {}", path.display())]
    KeyFile { path: PathBuf, source: PemError },
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    #[error("the two passphrases are not the same")]
    PassphrasesDiffer,
    #[error("a passphrase is needed, and there is no terminal to ask for it on")]
    NoTerminal,
    #[error("the terminal cannot be used")]
    Terminal(#[source] std::io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error("the key and its passphrase cannot both be read from standard input")]
    StandardInputTwice,
    #[error("--output and --name are for one package, found {found}")]
    SeveralPackages { found: usize },
    #[error("--store with --key needs --org: the key is not in the store")]
    StoreWithoutOrganization,
    #[error("the signing key {name} is of another organization: leave --org out")]
    StoreForAnotherOrganization { name: KeyName },
    #[error("{given:?} is not a type of event")]
    EventPattern { given: String, source: EventPatternError },
    #[error("there is no type of event {given:?}")]
    NoSuchEventType { given: String, similar: Option<&'static str> },
    #[error("the file {} holds no checkpoint", path.display())]
    NoCheckpoint { path: PathBuf },
    #[error("the file {} is larger than {limit} bytes", path.display())]
    CheckpointsTooLarge { path: PathBuf, limit: usize },
    #[error("the checkpoint in {}, line {line}, is refused", path.display())]
    Checkpoint { path: PathBuf, line: usize, source: CheckpointError },
}

/// What a command came to, in the order of exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Done, or verified.
    Done,
    /// Decided, and the answer is no.
    Refused,
    /// Not decided: usage, I/O, database, or an outcome that is not known.
    Undecided,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl CliError {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Advised { source, .. } => source.outcome(),
            Self::Package(PackageError::Verification(_))
            | Self::NotAdded { .. }
            | Self::NoCheckpoint { .. }
            | Self::Checkpoint { .. } => Outcome::Refused,
            Self::Package(PackageError::Trust(error)) | Self::Trust(error) => trust_outcome(error),
            Self::Store(error) => store_outcome(error),
            _ => Outcome::Undecided,
        }
    }

    /// Whether the error's own words name this path, as all do that are about a file.
    pub(crate) fn names(&self, subject: &str) -> bool {
        let path = match self {
            Self::Package(
                PackageError::Io { path, .. }
                | PackageError::Verification(VerificationError::NotARegularFile { path }),
            ) => path,
            _ => return false,
        };
        path == Path::new(subject)
    }

    /// The error's name for programs. Part of the `--json` interface.
    pub(crate) fn code(&self) -> &'static str {
        code::code(self)
    }
}

fn trust_outcome(error: &TrustError) -> Outcome {
    match error {
        TrustError::Store(error) => store_outcome(error),
        TrustError::SelfGrant { .. }
        | TrustError::PreviouslyRevoked { .. }
        | TrustError::TrustExpired { .. }
        | TrustError::SigningKeyRevoked { .. }
        | TrustError::MalformedEnvelope(_)
        | TrustError::Envelope(_)
        | TrustError::ForgedKey { .. }
        | TrustError::AuditLogBroken(_)
        | TrustError::CheckpointOfAnotherStore { .. }
        | TrustError::CheckpointOfAnotherOrganization { .. } => Outcome::Refused,
        _ => Outcome::Undecided,
    }
}

fn store_outcome(error: &StoreError) -> Outcome {
    match error {
        StoreError::Compromised { .. } | StoreError::KeyRefused { .. } => Outcome::Refused,
        _ => Outcome::Undecided,
    }
}
