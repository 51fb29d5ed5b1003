mod not_added;

use std::path::PathBuf;
use std::process::ExitCode;

use signing_crypto::{
    CheckpointError, EnvelopeError, KekError, KeyId, MalformedEnvelope, NameError, OrgName,
    ParseError, PassphraseError, PatternError, PemError, StatementTime,
};
use signing_loader::{LoadError, PackageError, VerificationError};
use signing_trust::TrustError;
use signing_trust::store::{EventPatternError, StoreError, UrlError};
use thiserror::Error;

pub(crate) use self::not_added::{NotAdded, Place};

/// Why a command did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Package(#[from] PackageError),
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
    #[error("{given:?} is not a time, expected RFC 3339 or a date such as 2026-01-28")]
    InvalidTime { given: String },
    #[error("there is no command {given:?}")]
    NoSuchCommand { given: String },
    #[error("there is no organisation {given:?}")]
    NoSuchOrganization { given: String, similar: Option<OrgName> },
    #[error("there is no key {given:?}")]
    NoSuchKey { given: String },
    #[error("several keys start with {given:?}")]
    AmbiguousKey { given: String },
    #[error("{given:?} is too short to name a key, expected {least} characters or more")]
    KeyPrefixTooShort { given: String, least: usize },
    #[error("the key {id} belongs to another organisation than {org}")]
    KeyOfAnotherOrganization { id: String, org: OrgName },
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
    #[error("the signing key {id} is of another organisation: leave --org out")]
    StoreForAnotherOrganization { id: KeyId },
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
            Self::Package(PackageError::Verification(_)) => Outcome::Refused,
            Self::Trust(
                TrustError::SelfGrant { .. }
                | TrustError::PreviouslyRevoked { .. }
                | TrustError::SigningKeyRevoked { .. }
                | TrustError::AuditLogBroken(_)
                | TrustError::CheckpointOfAnotherStore { .. }
                | TrustError::CheckpointOfAnotherOrganization { .. }
                | TrustError::Store(StoreError::Compromised { .. } | StoreError::KeyRefused { .. }),
            )
            | Self::NotAdded { .. }
            | Self::NoCheckpoint { .. }
            | Self::Checkpoint { .. } => Outcome::Refused,
            _ => Outcome::Undecided,
        }
    }

    /// The error's name for programs. Part of the `--json` interface.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => match error {
                PackageError::Verification(error) => verification_code(error),
                PackageError::Load(LoadError::Linker(_)) => "LinkerRefused",
                PackageError::Load(_) => "LoadFailed",
                PackageError::Io { .. } => "UnreadableFile",
                PackageError::Clock(_) => "UnusableClock",
                PackageError::Trust(error) => trust_code(error),
                _ => "PackageError",
            },
            Self::Trust(error) => trust_code(error),
            Self::Store(error) => store_code(error),
            Self::Url(UrlError::Insecure { .. }) => "InsecureConnection",
            Self::Url(_) => "InvalidDatabaseUrl",
            Self::PasswordOnCommandLine => "PasswordOnCommandLine",
            Self::NotUnicode { .. } => "NotUnicode",
            Self::NoHomeDirectory => "NoHomeDirectory",
            Self::Runtime(_) => "RuntimeFailed",
            Self::Kek(KekError::Missing { .. }) => "NoKeyEncryptionKey",
            Self::Kek(_) => "InvalidKeyEncryptionKey",
            Self::Name(_) => "InvalidName",
            Self::Parse(_) => "InvalidArgument",
            Self::Pattern(_) => "InvalidPattern",
            Self::InvalidTime { .. } => "InvalidTime",
            Self::NoSuchCommand { .. } => "NoSuchCommand",
            Self::NoSuchOrganization { .. } => "NoSuchOrganization",
            Self::NoSuchKey { .. } => "NoSuchKey",
            Self::AmbiguousKey { .. } => "AmbiguousKey",
            Self::KeyPrefixTooShort { .. } => "KeyPrefixTooShort",
            Self::KeyOfAnotherOrganization { .. } => "KeyOfAnotherOrganization",
            Self::Read { .. } => "UnreadableFile",
            Self::Write { .. } => "UnwritableFile",
            Self::FileExists { .. } | Self::NotASignature { .. } => "FileExists",
            Self::NotAdded { source, .. } => not_added_code(source),
            Self::ChangedMeanwhile { .. } => "ChangedMeanwhile",
            Self::ExpiryPast { .. } => "ExpiryPast",
            Self::KeyFile { source, .. } => match source {
                PemError::PassphraseNeeded => "PassphraseNeeded",
                PemError::WrongPassphrase => "WrongPassphrase",
                _ => "InvalidKeyFile",
            },
            Self::Passphrase(PassphraseError::Randomness(_)) => "NoRandomness",
            Self::Passphrase(_) => "InvalidPassphrase",
            Self::PassphrasesDiffer => "PassphrasesDiffer",
            Self::NoTerminal => "PassphraseNeeded",
            Self::Terminal(_) => "UnusableTerminal",
            Self::Interrupted => "Interrupted",
            Self::StandardInputTwice => "StandardInputTwice",
            Self::SeveralPackages { .. } => "SeveralPackages",
            Self::StoreWithoutOrganization => "StoreWithoutOrganization",
            Self::StoreForAnotherOrganization { .. } => "KeyOfAnotherOrganization",
            Self::EventPattern { .. } | Self::NoSuchEventType { .. } => "NoSuchEventType",
            Self::NoCheckpoint { .. } => "NoCheckpoint",
            Self::CheckpointsTooLarge { .. } => "CheckpointsTooLarge",
            Self::Checkpoint { source: CheckpointError::Signature(_), .. } => "UntrustedCheckpoint",
            Self::Checkpoint { .. } => "MalformedCheckpoint",
        }
    }
}

pub(crate) fn verification_code(error: &VerificationError) -> &'static str {
    match error {
        VerificationError::Unnamed | VerificationError::InvalidName(_) => "InvalidPackageName",
        VerificationError::NotARegularFile { .. } => "NotARegularFile",
        VerificationError::Empty => "EmptyPackage",
        VerificationError::PackageTooLarge { .. } => "PackageTooLarge",
        VerificationError::SignatureNotFound { .. } => "SignatureNotFound",
        VerificationError::MalformedSignature { .. } => "MalformedSignature",
        VerificationError::UntrustedSigner { .. } => "UntrustedSigner",
        VerificationError::InvalidSignature { .. } => "InvalidSignature",
        VerificationError::NotEnoughSigners { .. } => "NotEnoughSigners",
        VerificationError::NoOrganizations { .. } => "NoOrganizations",
        VerificationError::WrongName { .. } => "WrongName",
        VerificationError::Expired { .. } => "Expired",
        VerificationError::VersionBelowFloor { .. } => "VersionBelowFloor",
        VerificationError::TamperedPackage { .. } => "TamperedPackage",
        _ => "Refused",
    }
}

fn not_added_code(error: &NotAdded) -> &'static str {
    match error {
        NotAdded::Envelope(EnvelopeError::Full { .. }) => "TooManySignatures",
        NotAdded::Envelope(EnvelopeError::InvalidSignature { .. }) => "InvalidSignature",
        NotAdded::Envelope(_) => "SignatureNotAdded",
        _ => "OtherStatement",
    }
}

fn trust_code(error: &TrustError) -> &'static str {
    match error {
        TrustError::Store(error) => store_code(error),
        TrustError::NoKeyEncryptionKey => "NoKeyEncryptionKey",
        TrustError::SameKek => "SameKeyEncryptionKey",
        TrustError::Wrap(_) => "PrivateKeyUnusable",
        TrustError::SigningKeyRevoked { .. } => "SigningKeyRevoked",
        TrustError::PreviouslyRevoked { .. } => "PreviouslyRevoked",
        TrustError::SelfGrant { .. } => "SelfGrant",
        TrustError::ExpiryPast { .. } => "ExpiryPast",
        TrustError::TooManyCandidates { .. } => "TooManyCandidates",
        TrustError::MalformedEnvelope(_) => "MalformedSignature",
        TrustError::AuditLogBroken(_) => "AuditLogBroken",
        TrustError::CheckpointOfAnotherStore { .. } => "CheckpointOfAnotherStore",
        TrustError::CheckpointOfAnotherOrganization { .. } => "CheckpointOfAnotherOrganization",
        _ => "TrustError",
    }
}

fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::NoDatabase { .. } => "NoDatabase",
        StoreError::File { .. } => "UnusableDatabaseFile",
        StoreError::SchemaOutdated { .. } => "SchemaOutdated",
        StoreError::SchemaTooNew { .. } => "SchemaTooNew",
        StoreError::TimedOut { .. } => "DatabaseTimedOut",
        StoreError::OutcomeUnknown(_) => "OutcomeUnknown",
        StoreError::CorruptRow(_) => "CorruptRow",
        StoreError::OrganizationNotFound => "NoSuchOrganization",
        StoreError::OrganizationDeleted { .. } => "OrganizationDeleted",
        StoreError::SigningKeyNotFound { .. } | StoreError::TrustedKeyNotFound { .. } => {
            "NoSuchKey"
        }
        StoreError::NameTaken { .. } => "NameTaken",
        StoreError::SigningKeyExists => "SigningKeyExists",
        StoreError::InRecovery => "DatabaseInRecovery",
        StoreError::AnotherStore { .. } => "AnotherStore",
        StoreError::EpochWentBack { .. } => "EpochWentBack",
        StoreError::RootCertificates { .. } => "InvalidRootCertificates",
        StoreError::NoRoles => "NoRoles",
        StoreError::OtherKek { .. } => "OtherKeyEncryptionKey",
        StoreError::KeyRefused { .. } => "PreviouslyRevoked",
        StoreError::NotRewrapped { .. } => "PrivateKeyUnusable",
        StoreError::Compromised { .. } => "KeyCompromised",
        StoreError::SuccessorExists => "SuccessorExists",
        _ => "DatabaseUnavailable",
    }
}
