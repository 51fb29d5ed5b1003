#[cfg(test)]
#[cfg(all(feature = "postgres", feature = "pkcs11"))]
mod golden;

mod not_stated;
mod several;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use signing_crypto::{
    CheckpointError, DraftSignatureError, Fingerprint, KekError, KekId, KeyId, KeyName,
    MalformedBundle, MalformedDraft, MalformedTrustDocument, NameError, OrgId, OrgName,
    PassphraseError, PemError, Role, RootDigest, SignatureId, SignerCount, ThresholdNotMet,
};
use signing_loader::{
    DirectoryError, InstallError, PackageError, ProtectionError, SignError, VerificationError,
};
use signing_trust::store::{RolePurpose, StoreError, UrlError};
use signing_trust::{
    DecisionError, SignedTrustError, TakenAway, TrustError, TrustRootError, VersionMemoryError,
};
use thiserror::Error;

use crate::content_kind::ContentKind;
use crate::kek_place::KekPlace;
use crate::lines::counted;
#[cfg(feature = "pkcs11")]
use crate::signer_error::TokenError;
use crate::signer_error::{AgentError, ProgramError};
use crate::ssh::OpensshKeyError;

pub(crate) use not_stated::NotStated;
pub(crate) use several::{MAX_SHOWN, several};
use several::{are_revoked, place_of};

/// Why a command failed. A wrong value on the command line is not among these: clap reports
/// it as a usage error.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Another error, whose next step is known better where it arose.
    #[error("{source}")]
    Advised { next: String, source: Box<CliError> },
    /// Another error, which does not name the package.
    #[error("{}: {source}", path.display())]
    OfPackage { path: PathBuf, source: Box<CliError> },
    #[error("{source}")]
    RoleDenied {
        role: String,
        /// What it has all rights for.
        purpose: Option<RolePurpose>,
        source: Box<CliError>,
    },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sign(SignError),
    #[error(transparent)]
    Install(InstallError),
    #[error(transparent)]
    Decision(#[from] DecisionError),
    #[error(transparent)]
    StateFile(#[from] VersionMemoryError),
    #[error("{} cannot be pinned as a root document", path.display())]
    TrustRoot { path: PathBuf, source: TrustRootError },
    #[error("{} is not a trust bundle", path.display())]
    TrustBundle { path: PathBuf, source: MalformedBundle },
    #[error("{} is not a draft of trust documents", path.display())]
    TrustDraft { path: PathBuf, source: MalformedDraft },
    #[error("cannot show {}", path.display())]
    TrustDocument { path: PathBuf, source: MalformedTrustDocument },
    #[error("{} holds no trust documents", path.display())]
    UnknownTrustFile { path: PathBuf },
    #[error(transparent)]
    DraftSignature(#[from] DraftSignatureError),
    #[error("the draft's root document is {found}, expected {expected}")]
    OtherRoot { expected: RootDigest, found: RootDigest },
    #[error("the draft follows documents that were published before")]
    RootNeeded,
    #[error("the draft cannot be published yet")]
    NotSigned {
        draft: PathBuf,
        /// Whether it is the draft of first documents, which follow no root document.
        is_first: bool,
        source: ThresholdNotMet,
    },
    #[error("the keys of {child} do not count for {org}")]
    ChildRefused { org: OrgName, child: OrgName, source: Arc<SignedTrustError> },
    #[error("{} is {found}; the root document is another file", path.display())]
    NotARoot { path: PathBuf, found: &'static str },
    #[error("the {role} role has {}, and {threshold} of them must sign", counted(*found as u64, "key"))]
    TooFewRoleKeys { role: Role, found: usize, threshold: SignerCount },
    #[error("the given keys do not suffice")]
    DraftNeeded {
        #[source]
        missing: ThresholdNotMet,
    },
    #[error("the change must be confirmed, and there is no terminal to ask on")]
    ConfirmationNeeded,
    #[error(
        "the rows of {org} trust more than its own key, and the first statement would sign all of it"
    )]
    UnseenTrust { org: OrgName },
    #[error("the change was not confirmed: the answer was not yes")]
    NotConfirmed,
    #[error("{org} has published no signed trust")]
    NoTrustDocuments { org: OrgName },
    #[error("the rows of {org} differ from its statement in {}", counted(*changes as u64, "change"))]
    UnpublishedTrust { org: OrgName, changes: usize },
    #[error("the bundle gives trust that rows have taken away: {}", several(taken))]
    StillGiven { org: OrgName, taken: Vec<TakenAway> },
    #[error("a retired signing key can no longer sign, but its signatures still count")]
    NothingToPublish,
    /// Before anything is changed.
    #[error("the published documents of {org} do not say which key {given} is")]
    KeyNotStated { org: OrgName, given: String, source: NotStated },
    /// Before anything is changed.
    #[error(
        "{given} is the key {expected} by the published documents, and {found} by a row of the store"
    )]
    OtherKeyInRow { org: OrgName, given: String, expected: Fingerprint, found: Fingerprint },
    #[error("the change was made in the store, but publishing the revocation failed")]
    NotPublished { org: OrgName, fingerprint: Fingerprint, source: Box<CliError> },
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error("the environment variable {var} is not UTF-8")]
    NotUnicode { var: &'static str },
    #[error("the environment variable CLOACINA_ACTOR cannot be used")]
    Actor(#[source] NameError),
    #[error("there is no home directory for a store")]
    NoHomeDirectory,
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error("there is no key encryption key")]
    NoKek,
    /// A signing key is declared compromised only if its row belongs to its private key.
    #[error("there is no key encryption key to prove which key the name stands for")]
    NoKekToProve { org: OrgName },
    #[error("the key encryption key of {place} cannot be used")]
    Kek { place: KekPlace, source: KekError },
    #[error("the key encryption key of {place} is not used")]
    KekReplaceable { place: KekPlace, source: DirectoryError },
    #[error("the key encryption key of {place} is not this store's")]
    OtherKek { place: KekPlace, source: Box<CliError> },
    #[error("{first} and {second} hold different key encryption keys")]
    KeksDiffer { first: KekPlace, second: KekPlace },
    #[error("{} keeps nothing: the new key encryption key would be lost after this command, and every private key of the store with it", path.display())]
    NewKekNotKept { path: PathBuf },
    #[error(
        "the key encryption key that wraps the store's private keys is not in {place}; its id is {kek}"
    )]
    StoresKekMissing { kek: KekId, place: KekPlace },
    #[error("the key encryption key would lie beside the store, in {}", path.display())]
    KekBesideStore { path: PathBuf },
    #[error("{} exists, and is not replaced", path.display())]
    NotReplaced { path: PathBuf },
    #[error("{} is a root document of {org} that is not published in this store", path.display())]
    RootNotPublished { path: PathBuf, org: OrgName },
    #[error("the signing key {org}/{name} was revoked")]
    KeyWasRevoked { org: OrgName, name: KeyName, free_name: KeyName },
    #[error("{argument} is missing, and there is no terminal to ask on")]
    ArgumentNeeded { argument: &'static str },
    #[error("the clock shows a time after which nothing can expire")]
    NoExpiry,
    #[error("{} found", counted(*problems as u64, "problem"))]
    ProblemsFound { problems: usize },
    #[error("the environment variable {var} is empty, expected a path")]
    NoPath { var: &'static str },
    #[error("there is no command {given:?}")]
    NoSuchCommand { given: String },
    #[error("there is no organization {given:?}")]
    NoSuchOrganization { given: String, similar: Option<OrgName> },
    #[error("{given:?} begins the ids of several organizations: {}", several(candidates.iter().map(|(name, id)| format!("{name} ({id})"))))]
    AmbiguousOrganization { given: String, candidates: Vec<(OrgName, String)> },
    #[error("the store has several organizations: {}", several(organizations))]
    OrganizationNeeded { organizations: Vec<OrgName>, key: Option<String> },
    #[error("the store has no organization")]
    NoOrganization,
    #[error("the environment variable CLOACINA_ORG cannot be used")]
    OrganizationVariable(#[source] NameError),
    #[error("{} no key {given:?}", org.as_ref().map_or("there is".to_owned(), |org| format!("{org} has")))]
    NoSuchKey { given: String, org: Option<OrgName>, similar: Option<(OrgName, KeyName)> },
    #[error("{org} has no private half of the key {given:?}")]
    NoPrivateHalf { given: String, org: OrgName },
    #[error("{org} has no key that can sign{}", are_revoked(revoked))]
    NoSigningKey {
        org: OrgName,
        /// The keys that can be reinstated, the one that was revoked last first.
        revoked: Vec<String>,
        free_name: KeyName,
    },
    #[error("{org} has several keys that can sign: {}", several(keys))]
    SigningKeyNeeded {
        org: OrgName,
        keys: Vec<KeyName>,
        /// Of those that no other replaces.
        newest: Option<KeyName>,
    },
    #[error("{org} already has this signing key: {name} ({id})")]
    SigningKeyHeld { org: OrgName, name: KeyName, id: KeyId, is_revoked: bool },
    /// While it was revoked, another key took its name.
    #[error("the name {name} of this signing key is in use: {org}'s signing key {holder} has it")]
    NameTakenMeanwhile { org: OrgName, name: KeyName, holder: KeyId },
    #[error("{given:?} matches several keys: {}", several(candidates))]
    AmbiguousKey {
        given: String,
        candidates: Vec<String>,
        /// Whether there are signing keys and trusted keys among them.
        kinds_differ: bool,
    },
    #[error("the key {given} does not belong to the organization {org}")]
    KeyOfAnotherOrganization { given: String, org: OrgName },
    #[error("the store has no signature {given}")]
    NoSuchSignature { given: String },
    #[error("{given} begins the ids of several signatures: {}", several(candidates))]
    AmbiguousSignature { given: String, candidates: Vec<String> },
    #[error(transparent)]
    Unprotected(#[from] ProtectionError),
    #[error("cannot protect this process's memory")]
    UnprotectedProcess(#[source] std::io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    #[error("standard output is closed, or is a /dev/null that is also open for reading")]
    ClosedOutput,
    #[error("the {role} role has keys of its own, and the next root document must name its keys")]
    RoleKeysNeeded { role: Role },
    #[error("{} would change an installed release, which runners load as it was verified", path.display())]
    InstalledRelease { path: PathBuf },
    #[error("{} is a signature, not a package", path.display())]
    IsASignature { path: PathBuf },
    #[error("the directory {} contains no packages", directory.display())]
    NoPackages { directory: PathBuf },
    #[error("no package was installed in {}", directory.display())]
    NothingInstalled { directory: PathBuf },
    #[error("the store keeps the signature as {id}, but its file was not written")]
    StoredOnly { id: SignatureId, source: Box<CliError> },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} exists", path.display())]
    FileExists { path: PathBuf },
    #[error("{} is {found}, and would be replaced by {expected}", path.display())]
    OtherKind { path: PathBuf, found: ContentKind, expected: ContentKind },
    #[error("another process has held the lock of {} for {} seconds", path.display(), after.as_secs())]
    Locked { path: PathBuf, after: Duration },
    #[error("cannot use the key {}", place_of(path))]
    KeyFile { path: PathBuf, source: PemError },
    #[error("the key {} is encrypted, and so is its public half", place_of(path))]
    EncryptedHalf { path: PathBuf },
    #[error("cannot use the key {}", place_of(path))]
    OpensshKey { path: PathBuf, source: OpensshKeyError },
    #[error("cannot put the key {} into the store", place_of(path))]
    OpensshKeyToImport { path: PathBuf, source: PemError },
    #[error(
        "only a key in a file can be imported: the key of an agent, a program or a token stays there"
    )]
    KeyStaysElsewhere,
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("a passphrase is needed, and there is no terminal to ask for it")]
    NoTerminal,
    #[error("the terminal cannot be used")]
    Terminal(#[source] std::io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error("the input ended before an answer")]
    InputEnded,
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[cfg(feature = "pkcs11")]
    #[error(transparent)]
    Token(#[from] TokenError),
    #[cfg(feature = "pkcs11")]
    #[error("the command line must not hold a PIN: every user can read it")]
    PinOnCommandLine,
    #[error("the key and its passphrase cannot both be read from standard input")]
    StandardInputTwice,
    #[error("--output, --signature and --name apply to one package, found {found}")]
    SeveralPackages { found: usize },
    #[error("--org says whose key of the store signs, or for whom the store keeps a signature")]
    UnusedOrganization,
    #[error("the signing key {name} belongs to another organization")]
    StoreForAnotherOrganization { name: KeyName },
    #[error("the file {} contains no checkpoint", path.display())]
    NoCheckpoint { path: PathBuf },
    #[error("the store has no audit log")]
    NoAuditLog,
    #[error("the checkpoint of {name} ({org}) in {} would be lost", path.display())]
    CheckpointNotReplaced { path: PathBuf, org: OrgId, name: OrgName },
    #[error("the file {} is larger than {limit} bytes", path.display())]
    CheckpointsTooLarge { path: PathBuf, limit: usize },
    #[error("the checkpoint in {}, line {line}, is refused", path.display())]
    Checkpoint { path: PathBuf, line: usize, source: CheckpointError },
}

/// How a command ended, in the order of exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Done, or verified.
    Done,
    /// Decided: the answer is no.
    Refused,
    /// Not decided: usage, I/O, the database, or an unknown outcome.
    Undecided,
    /// Ended by Ctrl-C at a question. The code is the one that shells have for a program that the
    /// same key ends anywhere else.
    Interrupted = 130,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl CliError {
    /// The same error with this next step, if there is one.
    pub(crate) fn advised(self, next: impl Into<Option<String>>) -> Self {
        match next.into() {
            Some(next) => Self::Advised { next, source: self.into() },
            None => self,
        }
    }

    /// Names the package, unless the error's message does.
    pub(crate) fn of_package(self, path: &Path) -> Self {
        match self {
            Self::Package(PackageError::Verification(_))
                if !self.names(&path.to_string_lossy()) =>
            {
                Self::OfPackage { path: path.into(), source: self.into() }
            }
            error => error,
        }
    }

    /// Whether the error's message names this path.
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
}

impl From<SignedTrustError> for CliError {
    fn from(error: SignedTrustError) -> Self {
        Self::Trust(error.into())
    }
}

impl From<InstallError> for CliError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Package(error) => Self::Package(error),
            error => Self::Install(error),
        }
    }
}

/// An error about the package or the store is the same in every command.
impl From<SignError> for CliError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Package(error) => Self::Package(error),
            SignError::Trust(error) => Self::Trust(error),
            error => Self::Sign(error),
        }
    }
}
