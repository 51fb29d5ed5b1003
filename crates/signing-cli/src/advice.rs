//! What an error means to somebody who ran a command: its code, its exit code, and the next
//! safe step. One match for each enum of errors gives all three.

mod install;
mod keys;
mod package;
pub(crate) mod refused_key;
mod selection;
mod signed_trust;
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

impl Advice {
    fn refused(code: &'static str, next: impl Into<Cow<'static, str>>) -> Self {
        Self { code, outcome: Outcome::Refused, next: Some(next.into()) }
    }

    fn undecided(code: &'static str, next: impl Into<Cow<'static, str>>) -> Self {
        Self { code, outcome: Outcome::Undecided, next: Some(next.into()) }
    }

    fn unknown(code: &'static str, outcome: Outcome) -> Self {
        Self { code, outcome, next: None }
    }
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
    let (code, next) = match error {
        CliError::Package(error) => return package::package(error),
        CliError::Advised { next, source } => {
            return Advice { next: Some(next.to_string().into()), ..advice(source) };
        }
        CliError::OfPackage { source, .. } => return advice(source),
        CliError::RoleDenied { role, purpose, .. } => return store::role_denied(role, *purpose),
        CliError::Trust(error) => return trust::trust(error),
        CliError::Store(error) => return store::store(error),
        CliError::Sign(error) => return package::sign(error),
        CliError::Install(error) => return install::install(error),
        CliError::Url(error) => return store::url(error),
        CliError::NoKek => ("NoKeyEncryptionKey", GIVE_KEK),
        CliError::NoKekToProve { org } => {
            let next = format!(
                "{GIVE_KEK}; to refuse a stolen key without it, by a fingerprint from outside the \
                 store: cloacina keys deny <fingerprint> --org {org} --danger-everywhere"
            );
            return Advice::undecided("NoKeyEncryptionKey", next);
        }
        CliError::Kek { source, .. } => return keys::kek(source),
        CliError::KekReplaceable { source, .. } => return install::directory(source),
        CliError::OtherKek { source, .. } => return advice(source),
        CliError::KeksDiffer { .. } => {
            ("KeyEncryptionKeysDiffer", "unset the wrong one, or choose one: --kek-file <file>")
        }
        CliError::NewKekNotKept { .. } => ("KeyEncryptionKeyNotKept", keys::NEW_KEK),
        CliError::StoresKekMissing { .. } => ("NoKeyEncryptionKey", keys::STORES_KEK),
        CliError::KekBesideStore { .. } => (
            "KeyEncryptionKeyBesideStore",
            "give a file in another directory, which is not backed up with the store: --kek-file \
             <file>",
        ),
        CliError::NotReplaced { .. } => (
            "FileExists",
            "find out whose file it is; then move it away, or name another, and run the command \
             again",
        ),
        CliError::RootNotPublished { .. } => (
            "RootNotPublished",
            "if an earlier run was interrupted, remove the file and run the command again; if hosts \
             pin the file, this store was set back or is not theirs: find theirs",
        ),
        CliError::KeyWasRevoked { org, free_name, .. } => {
            return Advice::refused(
                "SigningKeyRevoked",
                format!("make another key: cloacina init {org} --key {free_name}"),
            );
        }
        CliError::ArgumentNeeded { .. } => {
            ("ArgumentNeeded", "give it on the command line: cloacina init <org>")
        }
        CliError::NoExpiry => ("UnusableClock", "set the clock, then run the command again"),
        CliError::ProblemsFound { .. } => {
            return Advice::refused(
                "ProblemsFound",
                "follow the step below each problem, then check again: cloacina doctor",
            );
        }
        CliError::NoPath { var } => {
            return Advice::undecided("EmptyVariable", format!("set {var} to a path, or unset it"));
        }
        CliError::KeyFile { source, .. } => return keys::file(source),
        CliError::OpensshKey { source, .. } => return keys::openssh(source),
        CliError::OpensshKeyToImport { .. } => ("InvalidKeyFile", keys::OPENSSH_STAYS),
        CliError::KeyStaysElsewhere => ("InvalidKeyFile", keys::STAYS_ELSEWHERE),
        CliError::NoKeyFile { instead, .. } => return keys::no_file(instead),
        CliError::Agent(error) => return signers::agent(error),
        CliError::Program(error) => return signers::program(error),
        #[cfg(feature = "pkcs11")]
        CliError::Token(error) => return signers::token(error),
        #[cfg(feature = "pkcs11")]
        CliError::PinOnCommandLine => (
            "PinOnCommandLine",
            "change the PIN; then give it in a file: pin-source=file:<path> in the URI, or \
             --passphrase-file <file>, or type it when you are asked",
        ),
        CliError::Passphrase(error) => return keys::passphrase(error),
        CliError::Checkpoint { source, .. } => return trust::checkpoint(source),
        CliError::NoCheckpoint { .. } => {
            return Advice::refused("NoCheckpoint", trust::GET_CHECKPOINT);
        }
        CliError::NoAuditLog => {
            return Advice::refused(
                "NoAuditLog",
                "check --database-url; if organizations were created in this store, find out who \
                 could write to it; verify the last checkpoints: cloacina audit verify --checkpoint \
                 <file> --trust-key <public key>",
            );
        }
        CliError::CheckpointNotReplaced { path, .. } => {
            return Advice::refused(
                "CheckpointNotReplaced",
                format!(
                    "verify the logs against this file: cloacina audit verify --checkpoint {} \
                     --trust-key <public key>; keep it, and write to another file",
                    shell_word(path)
                ),
            );
        }
        CliError::CheckpointsTooLarge { .. } => ("CheckpointsTooLarge", trust::GET_CHECKPOINT),
        CliError::Decision(error) => return signed_trust::decision(error),
        CliError::StateFile(error) => return signed_trust::memory(error),
        CliError::TrustRoot { source, .. } => return signed_trust::root(source),
        CliError::TrustBundle { source, .. } => return signed_trust::bundle(source),
        CliError::TrustDraft { source, .. } => return signed_trust::draft(source),
        CliError::TrustDocument { source, .. } => return signed_trust::document(source),
        CliError::DraftSignature(error) => return signed_trust::draft_signature(error),
        CliError::NotSigned { draft, is_first, source } => {
            return signed_trust::threshold(source, draft, *is_first);
        }
        CliError::TrustExpired { renewal, source } => {
            let next = format!("{renewal}; if it should not have expired, set the clock");
            return Advice { next: Some(next.into()), ..advice(source) };
        }
        CliError::ChildRefused { org, child, source } => {
            return Advice::refused(
                source.code(),
                signed_trust::child(org.as_str(), child, source),
            );
        }
        CliError::NotARoot { .. } => ("UnknownTrustFile", signed_trust::GIVE_ROOT),
        CliError::UnknownTrustFile { .. } => (
            "UnknownTrustFile",
            "give a bundle, a draft, a root document, a statement or revocations",
        ),
        CliError::OtherRoot { .. } => {
            return Advice::refused(
                "OtherRoot",
                "give the organization's newest root document; if this is it, do not sign the draft",
            );
        }
        CliError::RootNeeded => (
            "RootNeeded",
            "give the root document that the organization pins, from a source other than the store: \
             --trust-root <file>",
        ),
        CliError::TooFewRoleKeys { .. } => {
            ("TooFewRoleKeys", "give more keys for the role, or a lower threshold")
        }
        CliError::DraftNeeded { .. } => (
            "DraftNeeded",
            "give more private keys, or write a draft that the holders of the others sign: --draft \
             <file>",
        ),
        CliError::UnseenTrust { org } => {
            let next = format!(
                "review what would be signed, and confirm it: cloacina trust init --org {org} \
                 --root-key <private key> --root-output <file>"
            );
            return Advice::undecided("UnseenTrust", next);
        }
        CliError::ConfirmationNeeded => (
            "ConfirmationNeeded",
            "read what would change above, and run the command on a terminal, or with --yes",
        ),
        CliError::NotConfirmed => (
            "NotConfirmed",
            "nothing was done: change what is not right, and run the command again",
        ),
        CliError::UnpublishedTrust { org, .. } => {
            let next = format!(
                "find out who made each change that you do not know; then sign what the rows trust: \
                 cloacina trust publish --org {org} --key <private key> --trust-root <file>, or \
                 change the rows back"
            );
            return Advice::refused("UnpublishedTrust", next);
        }
        CliError::NoTrustDocuments { org } => {
            let next = format!(
                "if {org} has published documents, find out who removed them; if it has not: \
                 cloacina trust init --org {org} --root-key <private key> --root-output <file>"
            );
            return Advice::refused("TrustDocumentMissing", next);
        }
        CliError::StillGiven { org, .. } => return signed_trust::still_given(org),
        CliError::KeyNotStated { org, given, .. } => {
            return signed_trust::key_not_stated(org, given);
        }
        CliError::OtherKeyInRow { org, .. } => return signed_trust::other_key_in_row(org),
        CliError::NothingToPublish => (
            "NothingToPublish",
            "nothing was done: revoke the trusted key instead, or the signing key as compromised, \
             or omit --publish",
        ),
        CliError::NotPublished { org, fingerprint, .. } => {
            let next = format!(
                "the store refuses the key already; for hosts with a bundle, publish the revocation: \
                 cloacina keys deny --org {org} {fingerprint} --publish <private key> --trust-root \
                 <file>; if more keys must sign it: cloacina trust publish --org {org} --key \
                 <private key> --deny {fingerprint} --trust-root <file> --draft <file>"
            );
            return Advice::undecided("RevocationNotPublished", next);
        }
        CliError::StoredOnly { id, .. } => {
            return Advice::undecided(
                "SignatureFileNotWritten",
                format!(
                    "sign again, into a file that can be written; if nothing is to be kept: \
                     cloacina package unstore {id}"
                ),
            );
        }
        CliError::NotUnicode { var } => {
            return Advice::undecided("NotUnicode", format!("set {var} to text in UTF-8"));
        }
        CliError::Actor(_) => (
            "InvalidActor",
            "set CLOACINA_ACTOR to 1 to 255 bytes of visible text on one line, or unset it",
        ),
        CliError::NoHomeDirectory => {
            ("NoHomeDirectory", "name the store with --database-url or CLOACINA_DATABASE_URL")
        }
        CliError::Runtime(_) => (
            "RuntimeFailed",
            "try again when the machine has free threads and file descriptors: ulimit -a",
        ),
        CliError::NoSuchCommand { .. } => ("NoSuchCommand", "list the commands: cloacina help"),
        CliError::NoSuchOrganization { similar: Some(name), .. } => {
            return Advice::undecided("NoSuchOrganization", format!("did you mean {name}?"));
        }
        CliError::NoSuchOrganization { similar: None, .. } => {
            ("NoSuchOrganization", LIST_ORGANIZATIONS)
        }
        CliError::NoSuchLog { .. } => (
            "NoSuchOrganization",
            "list the organizations: cloacina orgs list; for a deleted one give its id, which is in \
             the list of all logs: cloacina audit verify",
        ),
        CliError::AmbiguousOrganization { .. } => {
            ("AmbiguousOrganization", "give the name, or what is in parentheses after it")
        }
        CliError::OrganizationNeeded { key: None, .. } => (
            "OrganizationNeeded",
            "name the organization: --org <org>, or CLOACINA_ORG in the environment",
        ),
        CliError::OrganizationNeeded { key: Some(key), .. } => {
            return selection::organization_needed(key);
        }
        CliError::NoOrganization => {
            ("NoOrganization", "create an organization: cloacina orgs create <name>")
        }
        CliError::OrganizationVariable(_) => (
            "InvalidOrganization",
            "set CLOACINA_ORG to the name or the id of an organization, or unset it",
        ),
        CliError::NoSuchKey { org, similar, .. } => {
            return selection::no_such_key(org.as_ref(), similar.as_ref());
        }
        CliError::NoPrivateHalf { .. } => {
            ("NoSuchKey", "to sign, give the private key's file: --key <file>")
        }
        CliError::NoSigningKey { org, revoked, free_name } => {
            return selection::no_signing_key(org, revoked, free_name);
        }
        CliError::SigningKeyHeld { org, name, id, is_revoked } => {
            return selection::signing_key_held(org, name, id, *is_revoked);
        }
        CliError::NameTakenMeanwhile { holder, .. } => return selection::name_taken(holder),
        CliError::SigningKeyNeeded { org, newest, .. } => {
            return selection::signing_key_needed(org, newest.as_ref());
        }
        CliError::AmbiguousKey { kinds_differ, .. } => {
            return selection::ambiguous_key(*kinds_differ);
        }
        CliError::KeyOfAnotherOrganization { given, org } => {
            return selection::key_of_another_organization(given, org);
        }
        CliError::NoSuchSignature { .. } => ("NoSuchSignature", store::FIND_SIGNATURES),
        CliError::AmbiguousSignature { .. } => ("AmbiguousSignature", "give one of these"),
        CliError::StoreForAnotherOrganization { .. } => (
            "KeyOfAnotherOrganization",
            "omit --org: with --store, the signature is then kept for the key's own organization",
        ),
        CliError::Unprotected(error) => {
            return Advice::undecided(error.code(), error.remedy());
        }
        CliError::UnprotectedProcess(_) => (
            "UnprotectedProcess",
            "allow the system calls prctl and setrlimit where this program runs",
        ),
        CliError::Output(_) => (
            "UnwritableOutput",
            "what the command had to change was changed: free disk space, or read all of the output; \
             do not repeat a command that creates something",
        ),
        CliError::ClosedOutput => (
            "ClosedOutput",
            "nothing was changed: run the command again with its output to a file or a program",
        ),
        CliError::RoleKeysNeeded { .. } => (
            "RoleKeysNeeded",
            "name each key that is to have the role, with --trust-key or --revocation-key: those \
             that stay, new ones, or the root keys",
        ),
        CliError::InstalledRelease { .. } => (
            "InstalledRelease",
            "sign the package that was built, and install it again: cloacina package sign <package>, \
             then cloacina package install <package> --to <directory>",
        ),
        CliError::IsASignature { .. } => ("IsASignature", "give the package itself, without .sig"),
        CliError::NothingInstalled { .. } => ("NothingInstalled", install::GIVE_DIRECTORY),
        CliError::NoPackages { .. } => ("NoPackages", "give the directory that contains packages"),
        CliError::Read { .. } => ("UnreadableFile", CHECK_READABLE),
        CliError::Write { .. } => (
            "UnwritableFile",
            "check that the directory exists, that you may write to it, and that it has room",
        ),
        CliError::FileExists { .. } => ("FileExists", package::REPLACE),
        CliError::OtherKind { .. } => ("OtherFileKind", package::NOT_OURS),
        CliError::Locked { path, .. } => {
            return Advice::undecided("FileLocked", package::find_lock_holder(path));
        }
        CliError::PassphrasesDiffer => {
            ("PassphrasesDiffer", "nothing was done: type the same passphrase twice")
        }
        CliError::EncryptedHalf { path } => return keys::encrypted_half(path),
        CliError::NoTerminal => ("PassphraseNeeded", GIVE_PASSPHRASE),
        CliError::Terminal(_) => ("UnusableTerminal", GIVE_PASSPHRASE),
        CliError::StandardInputTwice => ("StandardInputTwice", GIVE_PASSPHRASE),
        CliError::Interrupted => {
            let outcome = Outcome::Interrupted;
            return Advice { code: "Interrupted", outcome, next: Some(RUN_AGAIN.into()) };
        }
        CliError::InputEnded => ("InputEnded", RUN_AGAIN),
        CliError::UnusedOrganization => ("UnusedOrganization", package::NOT_STORED),
        CliError::SeveralPackages { .. } => ("SeveralPackages", package::ONE_AT_A_TIME),
    };
    Advice::undecided(code, next)
}
