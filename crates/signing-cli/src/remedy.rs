pub(crate) mod advice;
mod arguments;
mod keys;
mod package;
mod store;

use signing_loader::PackageError;

pub(crate) use self::advice::Advice;
use crate::error::CliError;

const GIVE_PASSPHRASE: &str = "set CLOACINA_KEY_PASSPHRASE, or give --passphrase-file <file> or \
                               --passphrase-fd <number>";
const LIST_ORGANIZATIONS: &str = "see which there are: cloacina orgs list";
const LIST_KEYS: &str = "see which there are: cloacina keys list --org <org>";

/// The next safe step after an error. Never one that loosens what is asked.
///
/// There is none only for an error that this program does not know.
pub(crate) fn remedy(error: &CliError) -> Option<String> {
    Some(match error {
        CliError::Advised { advice, .. } => advice.to_string(),
        CliError::Package(error) => return of_package(error),
        CliError::Trust(error) => return store::trust(error),
        CliError::Store(error) => return store::store(error),
        CliError::Url(error) => return store::url(error),
        CliError::PasswordOnCommandLine => {
            "put the whole URL into the environment variable CLOACINA_DATABASE_URL".into()
        }
        CliError::NotUnicode { var } => format!("set {var} to text in UTF-8"),
        CliError::NoHomeDirectory => {
            "say where the store is, with --database-url or CLOACINA_DATABASE_URL".into()
        }
        CliError::Runtime(_) => {
            "try again when the machine has threads and file descriptors to give: ulimit -a".into()
        }
        CliError::Kek(error) => return keys::kek(error),
        CliError::Name(error) => return arguments::name(error.kind),
        CliError::Parse(error) => return arguments::parse(error),
        CliError::Pattern(_) => {
            "give patterns for names of files, each with a --packages of its own, such as \
             --packages 'etl-*'"
                .into()
        }
        CliError::RoleName(_) => {
            "give the name of one role, such as that of a runner: psql -c '\\du' lists them".into()
        }
        CliError::InvalidTime { .. } => {
            "give a time such as 2027-01-01T12:00:00Z, or a date: it begins at 00:00 UTC".into()
        }
        CliError::NoSuchCommand { .. } => "see which there are: cloacina help".into(),
        CliError::NoSuchOrganization { similar: Some(name), .. } => format!("did you mean {name}?"),
        CliError::NoSuchOrganization { similar: None, .. } => LIST_ORGANIZATIONS.into(),
        CliError::NoSuchKey { .. }
        | CliError::AmbiguousKey { .. }
        | CliError::KeyPrefixTooShort { .. } => LIST_KEYS.into(),
        CliError::KeyOfAnotherOrganization { .. } => {
            "give the organization that the key is of with --org, or leave --org out".into()
        }
        CliError::Unprotected(error) => error.command(),
        CliError::UnprotectedProcess(_) => {
            "allow the system calls prctl and setrlimit where this program runs".into()
        }
        CliError::Output(_) => {
            "make room, or read all of the output, and give the command again: what it was to \
             change is changed"
                .into()
        }
        CliError::IsASignature { .. } => "give the package itself, without .sig".into(),
        CliError::Read { .. } => "check that the file is there, and that you may read it".into(),
        CliError::Write { .. } => {
            "check that the directory is there, that you may write to it, and that it has room"
                .into()
        }
        CliError::FileExists { .. } | CliError::NotASignature { .. } => {
            "choose another file, or replace this one with --force".into()
        }
        CliError::NotAdded { place, source } => return package::not_added(place, source),
        CliError::ChangedMeanwhile { .. } => "sign again: nothing was written there".into(),
        CliError::ExpiryPast { .. } => "give a time to come; if it is one, set the clock".into(),
        CliError::KeyFile { source, .. } => return keys::file(source),
        CliError::Passphrase(error) => return keys::passphrase(error),
        CliError::PassphrasesDiffer => "nothing was done: type the same passphrase twice".into(),
        CliError::NoTerminal | CliError::Terminal(_) | CliError::StandardInputTwice => {
            GIVE_PASSPHRASE.into()
        }
        CliError::Interrupted => {
            "nothing was done: give the command again when you have the passphrase".into()
        }
        CliError::SeveralPackages { .. } => {
            "give one package at a time, or leave --output and --name out".into()
        }
        CliError::StoreWithoutOrganization => {
            "say with --org for which organization the store is to keep the signature".into()
        }
        CliError::StoreForAnotherOrganization { .. } => {
            "without --org the store keeps the signature for the key's own organization".into()
        }
        CliError::NoSuchEventType { similar: Some(name), .. } => format!("did you mean {name}?"),
        CliError::NoSuchEventType { similar: None, .. } | CliError::EventPattern { .. } => {
            "see which there are: cloacina audit list --org <org>".into()
        }
        CliError::NoCheckpoint { .. }
        | CliError::CheckpointsTooLarge { .. }
        | CliError::Checkpoint { .. } => {
            "get the file that cloacina audit checkpoint wrote, and the public key that signed it, \
             from where they are kept"
                .into()
        }
    })
}

fn of_package(error: &PackageError) -> Option<String> {
    Some(match error {
        PackageError::Verification(error) => return package::verification(error),
        PackageError::Load(error) => return package::load(error),
        PackageError::Io { .. } => "check that the file is there, and that you may read it".into(),
        PackageError::Clock(_) => "set the clock right, then sign again".into(),
        PackageError::Trust(error) => return store::trust(error),
        _ => return None,
    })
}
