//! What an error means to somebody who ran a command: its code, its exit code, and the next
//! safe step. One match for each enum of errors gives all three.

mod install;
mod keys;
pub(crate) mod package;
pub(crate) mod refused_key;
mod selection;
pub(crate) mod signed_trust;
mod signers;
mod store;
mod trust;

use std::borrow::Cow;

use signing_crypto::shell_word;

use crate::error::{CliError, Outcome};

const RUN_AGAIN: &str = "nothing was done: run the command again when you have what it asks for";
const GIVE_PASSPHRASE: &str = "set CLOACINA_KEY_PASSPHRASE, or give --passphrase-file <file> or \
                               --passphrase-fd <number>";
const LIST_ORGANIZATIONS: &str = "list the organizations: cloacina orgs list";
pub(crate) const LIST_LOGS: &str = "list the organizations: cloacina orgs list; for a deleted one give its id, which is in the \
                                    list of all logs: cloacina audit verify";
const LIST_KEYS: &str = "list the keys: cloacina keys list --org <org>";
const CHECK_READABLE: &str = "check that the file exists and that you may read it";

pub(crate) use self::keys::GIVE_KEK;

/// The code of every error about a KEK that is not the store's.
pub(crate) const OTHER_KEK: &str = "OtherKeyEncryptionKey";

pub(crate) struct Advice {
    /// The error's name for programs. Part of the `--json` interface.
    pub(crate) code: &'static str,
    pub(crate) outcome: Outcome,
    /// Never a step that weakens a check. `None` only for an error that this program does
    /// not know, because a library is newer.
    pub(crate) next: Option<Cow<'static, str>>,
}

impl CliError {
    pub(crate) fn advice(&self) -> Advice {
        advice(self)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.advice().outcome
    }
}

fn advice(error: &CliError) -> Advice {
    match error {
        CliError::Package(error) => package::package(error),
        CliError::Advised { next, source } => {
            Advice { next: Some(next.clone().into()), ..advice(source) }
        }
        CliError::OfPackage { source, .. } => advice(source),
        CliError::RoleDenied { role, purpose, .. } => store::role_denied(role, *purpose),
        CliError::Trust(error) => trust::trust(error),
        CliError::Store(error) => store::store(error),
        CliError::Sign(error) => package::sign(error),
        CliError::Install(error) => install::install(error),
        CliError::Url(error) => store::url(error),
        CliError::NoKek => undecided("NoKeyEncryptionKey", GIVE_KEK),
        CliError::NoKekToProve { org } => undecided(
            "NoKeyEncryptionKey",
            format!(
                "{GIVE_KEK}; to refuse a stolen key without it, by a fingerprint from outside the \
                 store: cloacina keys deny <fingerprint> --org {org} --danger-everywhere"
            ),
        ),
        CliError::Kek { source, .. } => keys::kek(source),
        CliError::KekReplaceable { source, .. } => install::directory(source),
        CliError::OtherKek { source, .. } => advice(source),
        CliError::KeksDiffer { .. } => undecided(
            "KeyEncryptionKeysDiffer",
            "unset the wrong one, or choose one: --kek-file <file>",
        ),
        CliError::NewKekNotKept { .. } => undecided("KeyEncryptionKeyNotKept", keys::NEW_KEK),
        CliError::StoresKekMissing { .. } => undecided("NoKeyEncryptionKey", keys::STORES_KEK),
        CliError::KekBesideStore { .. } => undecided(
            "KeyEncryptionKeyBesideStore",
            "give a file in another directory, which is not backed up with the store: --kek-file \
             <file>",
        ),
        CliError::NotReplaced { .. } => undecided(
            "FileExists",
            "find out whose file it is; then move it away, or name another, and run the command \
             again",
        ),
        CliError::RootNotPublished { .. } => undecided(
            "RootNotPublished",
            "if an earlier run was interrupted, remove the file and run the command again; if hosts \
             pin the file, this store was set back or is not theirs: find theirs",
        ),
        CliError::KeyWasRevoked { org, free_name, .. } => refused(
            "SigningKeyRevoked",
            format!("make another key: cloacina init {org} --key {free_name}"),
        ),
        CliError::ArgumentNeeded { .. } => {
            undecided("ArgumentNeeded", "give it on the command line: cloacina init <org>")
        }
        CliError::NoExpiry => {
            undecided("UnusableClock", "set the clock, then run the command again")
        }
        CliError::ProblemsFound { .. } => refused(
            "ProblemsFound",
            "follow the step below each problem, then check again: cloacina doctor",
        ),
        CliError::NoPath { var } => {
            undecided("EmptyVariable", format!("set {var} to a path, or unset it"))
        }
        CliError::KeyFile { source, .. } => keys::file(source),
        CliError::OpensshKey { source, .. } => keys::openssh(source),
        CliError::OpensshKeyToImport { .. } => undecided("InvalidKeyFile", keys::OPENSSH_STAYS),
        CliError::KeyStaysElsewhere => undecided("InvalidKeyFile", keys::STAYS_ELSEWHERE),
        CliError::Agent(error) => signers::agent(error),
        CliError::Program(error) => signers::program(error),
        #[cfg(feature = "pkcs11")]
        CliError::Token(error) => signers::token(error),
        #[cfg(feature = "pkcs11")]
        CliError::PinOnCommandLine => undecided(
            "PinOnCommandLine",
            "change the PIN; then give it in a file: pin-source=file:<path> in the URI, or \
             --passphrase-file <file>, or type it when you are asked",
        ),
        CliError::Passphrase(error) => keys::passphrase(error),
        CliError::Checkpoint { source, .. } => trust::checkpoint(source),
        CliError::NoCheckpoint { .. } => refused("NoCheckpoint", trust::GET_CHECKPOINT),
        CliError::NoAuditLog => refused(
            "NoAuditLog",
            "check --database-url; if organizations were created in this store, find out who \
             could write to it; verify the last checkpoints: cloacina audit verify --checkpoint \
             <file> --trust-key <public key>",
        ),
        CliError::CheckpointNotReplaced { path, .. } => refused(
            "CheckpointNotReplaced",
            format!(
                "verify the logs against this file: cloacina audit verify --checkpoint {} \
                 --trust-key <public key>; keep it, and write to another file",
                shell_word(path)
            ),
        ),
        CliError::CheckpointsTooLarge { .. } => {
            undecided("CheckpointsTooLarge", trust::GET_CHECKPOINT)
        }
        CliError::Decision(error) => signed_trust::decision(error),
        CliError::StateFile(error) => signed_trust::memory(error),
        CliError::TrustRoot { source, .. } => signed_trust::root(source),
        CliError::TrustBundle { source, .. } => signed_trust::bundle(source),
        CliError::TrustDraft { source, .. } => signed_trust::draft(source),
        CliError::TrustDocument { source, .. } => signed_trust::document(source),
        CliError::DraftSignature(error) => signed_trust::draft_signature(error),
        CliError::NotSigned { draft, is_first, source } => {
            signed_trust::threshold(source, draft, *is_first)
        }
        CliError::ChildRefused { org, child, source } => {
            refused(source.code(), signed_trust::child(org.as_str(), child, source))
        }
        CliError::NotARoot { .. } => undecided("UnknownTrustFile", signed_trust::GIVE_ROOT),
        CliError::UnknownTrustFile { .. } => undecided(
            "UnknownTrustFile",
            "give a bundle, a draft, a root document, a statement or revocations",
        ),
        CliError::OtherRoot { .. } => refused(
            "OtherRoot",
            "give the organization's newest root document; if this is it, do not sign the draft",
        ),
        CliError::RootNeeded => undecided(
            "RootNeeded",
            "give the root document that the organization pins, from a source other than the store: \
             --trust-root <file>",
        ),
        CliError::TooFewRoleKeys { .. } => {
            undecided("TooFewRoleKeys", "give more keys for the role, or a lower threshold")
        }
        CliError::DraftNeeded { .. } => undecided(
            "DraftNeeded",
            "give more private keys, or write a draft that the holders of the others sign: --draft \
             <file>",
        ),
        CliError::UnseenTrust { org } => undecided(
            "UnseenTrust",
            format!(
                "review what would be signed, and confirm it: cloacina trust init --org {org} \
                 --root-key <private key> --root-output <file>"
            ),
        ),
        CliError::ConfirmationNeeded => undecided(
            "ConfirmationNeeded",
            "read what would change above, and run the command on a terminal, or with --yes",
        ),
        CliError::NotConfirmed => undecided(
            "NotConfirmed",
            "nothing was done: change what is not right, and run the command again",
        ),
        CliError::UnpublishedTrust { org, .. } => refused(
            "UnpublishedTrust",
            format!(
                "find out who made each change that you do not know; then sign what the rows trust: \
                 {}, or change the rows back",
                signed_trust::publish(org)
            ),
        ),
        CliError::NoTrustDocuments { org } => refused(
            "TrustDocumentMissing",
            format!(
                "if {org} has published documents, find out who removed them; if it has not: \
                 cloacina trust init --org {org} --root-key <private key> --root-output <file>"
            ),
        ),
        CliError::StillGiven { org, .. } => signed_trust::still_given(org),
        CliError::KeyNotStated { org, given, .. } => signed_trust::key_not_stated(org, given),
        CliError::OtherKeyInRow { org, .. } => signed_trust::other_key_in_row(org),
        CliError::NothingToPublish => undecided(
            "NothingToPublish",
            "nothing was done: revoke the trusted key instead, or the signing key as compromised, \
             or omit --publish",
        ),
        CliError::NotPublished { org, fingerprint, .. } => undecided(
            "RevocationNotPublished",
            format!(
                "the store refuses the key already; for hosts with a bundle, publish the revocation: \
                 cloacina keys deny --org {org} {fingerprint} --publish <private key> --trust-root \
                 <file>; if more keys must sign it: cloacina trust publish --org {org} --key \
                 <private key> --deny {fingerprint} --trust-root <file> --draft <file>"
            ),
        ),
        CliError::StoredOnly { id, .. } => undecided(
            "SignatureFileNotWritten",
            format!(
                "sign again, into a file that can be written; if nothing is to be kept: \
                 cloacina package unstore {id}"
            ),
        ),
        CliError::NotUnicode { var } => {
            undecided("NotUnicode", format!("set {var} to text in UTF-8"))
        }
        CliError::Actor(_) => undecided(
            "InvalidActor",
            "set CLOACINA_ACTOR to 1 to 255 bytes of visible text on one line, or unset it",
        ),
        CliError::NoHomeDirectory => undecided(
            "NoHomeDirectory",
            "name the store with --database-url or CLOACINA_DATABASE_URL",
        ),
        CliError::Runtime(_) => undecided(
            "RuntimeFailed",
            "try again when the machine has free threads and file descriptors: ulimit -a",
        ),
        CliError::NoSuchCommand { .. } => {
            undecided("NoSuchCommand", "list the commands: cloacina help")
        }
        CliError::NoSuchOrganization { similar: Some(name), .. } => {
            undecided("NoSuchOrganization", format!("did you mean {name}?"))
        }
        CliError::NoSuchOrganization { similar: None, .. } => {
            undecided("NoSuchOrganization", LIST_ORGANIZATIONS)
        }
        CliError::AmbiguousOrganization { .. } => {
            undecided("AmbiguousOrganization", "give the name, or what is in parentheses after it")
        }
        CliError::OrganizationNeeded { key: None, .. } => undecided(
            "OrganizationNeeded",
            "name the organization: --org <org>, or CLOACINA_ORG in the environment",
        ),
        CliError::OrganizationNeeded { key: Some(key), .. } => selection::organization_needed(key),
        CliError::NoOrganization => {
            undecided("NoOrganization", "create an organization: cloacina orgs create <name>")
        }
        CliError::OrganizationVariable(_) => undecided(
            "InvalidOrganization",
            "set CLOACINA_ORG to the name or the id of an organization, or unset it",
        ),
        CliError::NoSuchKey { org, similar, .. } => {
            selection::no_such_key(org.as_ref(), similar.as_ref())
        }
        CliError::NoPrivateHalf { .. } => {
            undecided("NoSuchKey", "to sign, give the private key's file: --key <file>")
        }
        CliError::NoSigningKey { org, revoked, free_name } => {
            selection::no_signing_key(org, revoked, free_name)
        }
        CliError::SigningKeyHeld { org, name, id, is_revoked } => {
            selection::signing_key_held(org, name, id, *is_revoked)
        }
        CliError::NameTakenMeanwhile { holder, .. } => selection::name_taken(holder),
        CliError::SigningKeyNeeded { org, newest, .. } => {
            selection::signing_key_needed(org, newest.as_ref())
        }
        CliError::AmbiguousKey { kinds_differ, .. } => selection::ambiguous_key(*kinds_differ),
        CliError::KeyOfAnotherOrganization { given, org } => {
            selection::key_of_another_organization(given, org)
        }
        CliError::NoSuchSignature { .. } => undecided("NoSuchSignature", store::FIND_SIGNATURES),
        CliError::AmbiguousSignature { .. } => undecided("AmbiguousSignature", "give one of these"),
        CliError::StoreForAnotherOrganization { .. } => undecided(
            "KeyOfAnotherOrganization",
            "omit --org: with --store, the signature is then kept for the key's own organization",
        ),
        CliError::Unprotected(error) => undecided(error.code(), error.remedy()),
        CliError::UnprotectedProcess(_) => undecided(
            "UnprotectedProcess",
            "allow the system calls prctl and setrlimit where this program runs",
        ),
        CliError::Output(_) => undecided(
            "UnwritableOutput",
            "what the command had to change was changed: free disk space, or read all of the output; \
             do not repeat a command that creates something",
        ),
        CliError::ClosedOutput => undecided(
            "ClosedOutput",
            "nothing was changed: run the command again with its output to a file or a program",
        ),
        CliError::RoleKeysNeeded { .. } => undecided(
            "RoleKeysNeeded",
            "name each key that is to have the role, with --trust-key or --revocation-key: those \
             that stay, new ones, or the root keys",
        ),
        CliError::InstalledRelease { .. } => undecided(
            "InstalledRelease",
            "sign the package that was built, and install it again: cloacina package sign <package>, \
             then cloacina package install <package> --to <directory>",
        ),
        CliError::IsASignature { .. } => {
            undecided("IsASignature", "give the package itself, without .sig")
        }
        CliError::NothingInstalled { .. } => undecided("NothingInstalled", install::GIVE_DIRECTORY),
        CliError::NoPackages { .. } => {
            undecided("NoPackages", "give the directory that contains packages")
        }
        CliError::Read { .. } => undecided("UnreadableFile", CHECK_READABLE),
        CliError::Write { .. } => undecided(
            "UnwritableFile",
            "check that the directory exists, that you may write to it, and that it has room",
        ),
        CliError::FileExists { .. } => undecided("FileExists", package::REPLACE),
        CliError::OtherKind { .. } => undecided("OtherFileKind", package::NOT_OURS),
        CliError::Locked { path, .. } => undecided("FileLocked", package::find_lock_holder(path)),
        CliError::PassphrasesDiffer => {
            undecided("PassphrasesDiffer", "nothing was done: type the same passphrase twice")
        }
        CliError::EncryptedHalf { path } => keys::encrypted_half(path),
        CliError::NoTerminal => undecided("PassphraseNeeded", GIVE_PASSPHRASE),
        CliError::Terminal(_) => undecided("UnusableTerminal", GIVE_PASSPHRASE),
        CliError::StandardInputTwice => undecided("StandardInputTwice", GIVE_PASSPHRASE),
        CliError::Interrupted => {
            let outcome = Outcome::Interrupted;
            Advice { code: "Interrupted", outcome, next: Some(RUN_AGAIN.into()) }
        }
        CliError::InputEnded => undecided("InputEnded", RUN_AGAIN),
        CliError::UnusedOrganization => undecided("UnusedOrganization", package::NOT_STORED),
        CliError::SeveralPackages { .. } => undecided("SeveralPackages", package::ONE_AT_A_TIME),
    }
}

fn refused(code: &'static str, next: impl Into<Cow<'static, str>>) -> Advice {
    Advice { code, outcome: Outcome::Refused, next: Some(next.into()) }
}

fn undecided(code: &'static str, next: impl Into<Cow<'static, str>>) -> Advice {
    Advice { code, outcome: Outcome::Undecided, next: Some(next.into()) }
}

fn unknown(code: &'static str, outcome: Outcome) -> Advice {
    Advice { code, outcome, next: None }
}
