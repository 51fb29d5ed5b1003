//! What errors are called, for programs. Part of the `--json` interface.
//!
//! An error's type is often one code, and what is said makes the difference; where the
//! next step differs, its variants have codes of their own.

use signing_crypto::{
    CheckpointError, EnvelopeError, KekError, KeyError, PassphraseError, PemError, WrapError,
};
use signing_loader::{LoadError, PackageError, VerificationError};
use signing_trust::TrustError;
use signing_trust::store::{AuthenticationFault, ConnectError, StoreError, UrlError};

use super::{CliError, NotAdded};

/// The code of a refusal that this program does not know: a library is newer than it.
pub(super) const UNNAMED_REFUSAL: &str = "Refused";
/// The same of what is no refusal.
pub(super) const UNNAMED: &str = "UnnamedError";

pub(super) fn code(error: &CliError) -> &'static str {
    match error {
        CliError::Advised { source, .. } => code(source),
        CliError::Package(error) => package_code(error),
        CliError::Trust(error) => trust_code(error),
        CliError::Store(error) => store_code(error),
        CliError::Url(error) => url_code(error),
        CliError::PasswordOnCommandLine => "PasswordOnCommandLine",
        CliError::NotUnicode { .. } => "NotUnicode",
        CliError::NoHomeDirectory => "NoHomeDirectory",
        CliError::Runtime(_) => "RuntimeFailed",
        CliError::Kek(error) => kek_code(error),
        CliError::Name(_) => "InvalidName",
        CliError::Parse(_) => "InvalidArgument",
        CliError::Pattern(_) => "InvalidPattern",
        CliError::RoleName(_) => "InvalidRoleName",
        CliError::InvalidTime { .. } => "InvalidTime",
        CliError::NoSuchCommand { .. } => "NoSuchCommand",
        CliError::NoSuchOrganization { .. } => "NoSuchOrganization",
        CliError::NoSuchKey { .. } => "NoSuchKey",
        CliError::AmbiguousKey { .. } => "AmbiguousKey",
        CliError::KeyPrefixTooShort { .. } => "KeyPrefixTooShort",
        CliError::KeyOfAnotherOrganization { .. } => "KeyOfAnotherOrganization",
        CliError::Unprotected(_) => "UnprotectedFile",
        CliError::UnprotectedProcess(_) => "UnprotectedProcess",
        CliError::Output(_) => "UnwritableOutput",
        CliError::IsASignature { .. } => "IsASignature",
        CliError::Read { .. } => "UnreadableFile",
        CliError::Write { .. } => "UnwritableFile",
        CliError::FileExists { .. } | CliError::NotASignature { .. } => "FileExists",
        CliError::NotAdded { source, .. } => not_added_code(source),
        CliError::ChangedMeanwhile { .. } => "ChangedMeanwhile",
        CliError::ExpiryPast { .. } => "ExpiryPast",
        CliError::KeyFile { source, .. } => pem_code(source),
        CliError::Passphrase(error) => passphrase_code(error),
        CliError::PassphrasesDiffer => "PassphrasesDiffer",
        CliError::NoTerminal => "PassphraseNeeded",
        CliError::Terminal(_) => "UnusableTerminal",
        CliError::Interrupted => "Interrupted",
        CliError::StandardInputTwice => "StandardInputTwice",
        CliError::SeveralPackages { .. } => "SeveralPackages",
        CliError::StoreWithoutOrganization => "StoreWithoutOrganization",
        CliError::StoreForAnotherOrganization { .. } => "KeyOfAnotherOrganization",
        CliError::EventPattern { .. } | CliError::NoSuchEventType { .. } => "NoSuchEventType",
        CliError::NoCheckpoint { .. } => "NoCheckpoint",
        CliError::CheckpointsTooLarge { .. } => "CheckpointsTooLarge",
        CliError::Checkpoint { source, .. } => checkpoint_code(source),
    }
}

fn package_code(error: &PackageError) -> &'static str {
    match error {
        PackageError::Verification(error) => verification_code(error),
        PackageError::Load(error) => load_code(error),
        PackageError::Io { .. } => "UnreadableFile",
        PackageError::Clock(_) => "UnusableClock",
        PackageError::Trust(error) => trust_code(error),
        _ => UNNAMED,
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
        VerificationError::UnnamedSignature => "UnnamedSignature",
        VerificationError::NotEnoughSigners { .. } => "NotEnoughSigners",
        VerificationError::NoOrganizations { .. } => "NoOrganizations",
        VerificationError::WrongName { .. } => "WrongName",
        VerificationError::Expired { .. } => "Expired",
        VerificationError::VersionBelowFloor { .. } => "VersionBelowFloor",
        VerificationError::TamperedPackage { .. } => "TamperedPackage",
        _ => UNNAMED_REFUSAL,
    }
}

fn load_code(error: &LoadError) -> &'static str {
    match error {
        LoadError::Linker(_) => "LinkerRefused",
        LoadError::AnotherLibrary
        | LoadError::Io(_)
        | LoadError::Symbol { .. }
        | LoadError::NullSymbol { .. } => "LoadFailed",
        _ => UNNAMED,
    }
}

fn trust_code(error: &TrustError) -> &'static str {
    match error {
        TrustError::NoOrganization => "NoOrganization",
        TrustError::OtherSource { .. } => "OtherSource",
        TrustError::Store(error) => store_code(error),
        TrustError::NoKeyEncryptionKey => "NoKeyEncryptionKey",
        TrustError::SameKek => "SameKeyEncryptionKey",
        TrustError::Clock(_) => "UnusableClock",
        TrustError::Wrap(error) => wrap_code(error),
        TrustError::ForgedKey { .. } => "ForgedKey",
        TrustError::Key(error) => key_code(error),
        TrustError::SigningKeyRevoked { .. } => "SigningKeyRevoked",
        TrustError::PreviouslyRevoked { .. } => "PreviouslyRevoked",
        TrustError::SelfGrant { .. } => "SelfGrant",
        TrustError::TrustExpired { .. } => "TrustExpired",
        TrustError::ExpiryPast { .. } => "ExpiryPast",
        TrustError::TooManyCandidates { .. } => "TooManyCandidates",
        TrustError::MalformedEnvelope(_) => "MalformedSignature",
        TrustError::Envelope(error) => envelope_code(error),
        TrustError::AuditLogBroken(_) => "AuditLogBroken",
        TrustError::CheckpointOfAnotherStore { .. } => "CheckpointOfAnotherStore",
        TrustError::CheckpointOfAnotherOrganization { .. } => "CheckpointOfAnotherOrganization",
        _ => UNNAMED,
    }
}

fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::NoDatabase { .. } => "NoDatabase",
        StoreError::File { .. } => "UnusableDatabaseFile",
        StoreError::UnsafeFile(_) => "UnsafeDatabaseFile",
        StoreError::NotADatabase { .. } => "NotADatabase",
        StoreError::Unreadable { .. } => "UnreadableDatabase",
        StoreError::ReadOnly { .. } => "ReadOnlyDatabase",
        StoreError::HotJournal { .. } => "InterruptedChange",
        StoreError::OpenedReadOnly => "StoreOpenedReadOnly",
        StoreError::SchemaOutdated { .. } => "SchemaOutdated",
        StoreError::SchemaTooNew { .. } => "SchemaTooNew",
        StoreError::NoStore => "NoStore",
        StoreError::Connect(error) => connect_code(error),
        StoreError::PermissionDenied(_) => "DatabasePermissionDenied",
        StoreError::DiskFull(_) => "DatabaseDiskFull",
        StoreError::ReadOnlyServer => "DatabaseReadOnly",
        StoreError::ServerShutdown(_) => "DatabaseShutdown",
        StoreError::Unavailable(_) => "DatabaseUnavailable",
        StoreError::TimedOut { .. } => "DatabaseTimedOut",
        StoreError::OutcomeUnknown(_) => "OutcomeUnknown",
        StoreError::CorruptRow(_) => "CorruptRow",
        StoreError::OrganizationNotFound => "NoSuchOrganization",
        StoreError::OrganizationDeleted { .. } => "OrganizationDeleted",
        StoreError::SigningKeyNotFound { .. } | StoreError::TrustedKeyNotFound { .. } => {
            "NoSuchKey"
        }
        StoreError::NameTaken { .. } => "NameTaken",
        StoreError::OrganizationNameRetired { .. } => "OrganizationNameRetired",
        StoreError::SigningKeyExists => "SigningKeyExists",
        StoreError::InRecovery => "DatabaseInRecovery",
        StoreError::AnotherStore { .. } => "AnotherStore",
        StoreError::EpochWentBack { .. } => "EpochWentBack",
        StoreError::HistoryDiverged { .. } => "HistoryDiverged",
        StoreError::RootCertificates { .. } => "InvalidRootCertificates",
        StoreError::NoRoles => "NoRoles",
        StoreError::NotTheOwner => "NotTheOwner",
        StoreError::LimitsNotAllowed { .. } => "LimitsNotAllowed",
        StoreError::UnsafeSchema { .. } => "UnsafeSchema",
        StoreError::RoleOfAnotherOrganization { .. } => "RoleOfAnotherOrganization",
        StoreError::SignatureNotFound { .. } => "NoSuchSignature",
        StoreError::TooManyFacts { .. } => "TooManyCandidates",
        StoreError::OtherKek { .. } => "OtherKeyEncryptionKey",
        StoreError::KeyRefused { .. } => "PreviouslyRevoked",
        StoreError::NotRewrapped { .. } => "PrivateKeyUnusable",
        StoreError::Compromised { .. } => "KeyCompromised",
        StoreError::SuccessorExists => "SuccessorExists",
        _ => UNNAMED,
    }
}

fn connect_code(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::HostNotFound { .. } => "DatabaseHostNotFound",
        ConnectError::NothingListens { .. } => "DatabaseNotListening",
        ConnectError::Unreachable { .. } => "DatabaseUnreachable",
        ConnectError::NoTls { .. } => "DatabaseWithoutTls",
        ConnectError::Certificate { .. } => "DatabaseCertificateRefused",
        ConnectError::Tls { .. } => "DatabaseTlsFailed",
        ConnectError::NoChannelBinding => "NoChannelBinding",
        ConnectError::NotAuthenticated { fault: AuthenticationFault::PasswordAsked }
        | ConnectError::NoPassword { .. } => "DatabasePasswordNeeded",
        ConnectError::NotAuthenticated { .. } => "DatabaseNotAuthenticated",
        ConnectError::WrongPassword { .. } => "DatabasePasswordRefused",
        ConnectError::RoleRefused { .. } => "DatabaseRoleRefused",
        ConnectError::NoSuchDatabase { .. } => "NoSuchDatabase",
        ConnectError::TooManyConnections(_) => "DatabaseTooManyConnections",
        ConnectError::UnsafeSocket { .. } => "UnsafeSocket",
        ConnectError::OtherPeer { .. } | ConnectError::NoSuchUser { .. } => "SocketOfAnotherUser",
        ConnectError::PasswordFile { .. } | ConnectError::UnsafePasswordFile { .. } => {
            "UnusablePasswordFile"
        }
        _ => UNNAMED,
    }
}

fn url_code(error: &UrlError) -> &'static str {
    match error {
        UrlError::Insecure { .. } => "InsecureConnection",
        UrlError::BackendNotBuilt { .. } => "BackendNotBuilt",
        #[cfg(feature = "postgres")]
        UrlError::Postgres(_) => "InvalidDatabaseUrl",
        UrlError::Empty
        | UrlError::UnknownScheme
        | UrlError::InMemory
        | UrlError::SqliteParameter { .. }
        | UrlError::UnknownOwner { .. }
        | UrlError::NoHost
        | UrlError::SslMode { .. }
        | UrlError::Parameter { .. }
        | UrlError::RootCertificatesUnused { .. }
        | UrlError::RootCertificatePath => "InvalidDatabaseUrl",
        _ => UNNAMED,
    }
}

fn not_added_code(error: &NotAdded) -> &'static str {
    match error {
        NotAdded::Name { .. }
        | NotAdded::Content
        | NotAdded::Terms { .. }
        | NotAdded::Expired { .. } => "OtherStatement",
        NotAdded::Envelope(error) => envelope_code(error),
    }
}

fn envelope_code(error: &EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::NotSignedBy { .. } | EnvelopeError::AlreadySignedBy { .. } => {
            "SignatureNotAdded"
        }
        EnvelopeError::InvalidSignature { .. } => "InvalidSignature",
        EnvelopeError::Full { .. } => "TooManySignatures",
        EnvelopeError::Malformed(_) => "MalformedSignature",
        _ => UNNAMED_REFUSAL,
    }
}

fn checkpoint_code(error: &CheckpointError) -> &'static str {
    match error {
        CheckpointError::Signature(_) => "UntrustedCheckpoint",
        CheckpointError::Malformed(_) => "MalformedCheckpoint",
        _ => UNNAMED_REFUSAL,
    }
}

fn key_code(error: &KeyError) -> &'static str {
    match error {
        KeyError::Length { .. }
        | KeyError::NotAPoint
        | KeyError::NotCanonical
        | KeyError::SmallOrder
        | KeyError::MixedOrder => "UnfitKey",
        KeyError::Randomness(_) => "NoRandomness",
        _ => UNNAMED,
    }
}

fn wrap_code(error: &WrapError) -> &'static str {
    match error {
        WrapError::OtherKek { .. } => "OtherKeyEncryptionKey",
        WrapError::UnknownVersion { .. } | WrapError::Length { .. } | WrapError::Rejected => {
            "PrivateKeyUnusable"
        }
        WrapError::Randomness(_) => "NoRandomness",
        _ => UNNAMED,
    }
}

fn kek_code(error: &KekError) -> &'static str {
    match error {
        KekError::Missing { .. } => "NoKeyEncryptionKey",
        KekError::Encoding | KekError::Length { .. } => "InvalidKeyEncryptionKey",
        _ => UNNAMED,
    }
}

fn pem_code(error: &PemError) -> &'static str {
    match error {
        PemError::PassphraseNeeded => "PassphraseNeeded",
        PemError::WrongPassphrase => "WrongPassphrase",
        PemError::TooLarge { .. }
        | PemError::WrongForm { .. }
        | PemError::SeveralBlocks { .. }
        | PemError::Algorithm { .. }
        | PemError::Malformed
        | PemError::PublicHalfMismatch
        | PemError::Key(_)
        | PemError::CostTooHigh { .. }
        | PemError::UnsupportedEncryption { .. } => "InvalidKeyFile",
        _ => UNNAMED,
    }
}

fn passphrase_code(error: &PassphraseError) -> &'static str {
    match error {
        PassphraseError::Empty | PassphraseError::TooLong { .. } => "InvalidPassphrase",
        PassphraseError::Randomness(_) => "NoRandomness",
        _ => UNNAMED,
    }
}
