//! What the store knows for the values of a command line. The type of an argument says what it
//! names.

use std::any::TypeId;
use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

use clap::{Arg, Command, ValueHint};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use signing_crypto::{PackageName, SignatureEnvelope};
use signing_trust::EventType;
use signing_trust::TrustReader;
use signing_trust::store::{EventPattern, OrganizationRecord, PackageSignatureRecord};

use crate::cli::{self, KeyReference, OrgReference, SignatureReference};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::process;
use crate::select;

/// A shell does not wait longer for a store than this.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// Of signatures there are many, and nobody chooses from more.
const MAX_SIGNATURES: u16 = 200;

/// What an argument names.
#[derive(Clone, Copy)]
enum Named {
    Organization,
    /// An organization that `--from` has granted trust to.
    Child,
    Key,
    /// A key of the store that signs.
    SigningKey,
    Signature,
    Package,
    Event,
    /// A command of this program.
    Command,
}

/// A value, and which one it is.
struct Candidate {
    value: String,
    help: Option<String>,
}

/// Who completes the names of files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    ByThisProgram,
    ByTheShell,
}

/// The command line, with candidates for the values of its arguments.
pub(super) fn of_the_store(command: Command, files: Files) -> Command {
    let name = command.get_name().to_owned();
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| match named(&arg, &name) {
        Some(named) => {
            arg.add(ArgValueCompleter::new(move |given: &OsStr| candidates(named, given)))
        }
        None if files == Files::ByTheShell && arg.get_action().takes_values() => {
            arg.value_hint(ValueHint::Other)
        }
        None => arg,
    });
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |command| of_the_store(command, files))
    })
}

/// What an argument of this command names.
fn named(arg: &Arg, command: &str) -> Option<Named> {
    if command == "man" && arg.is_positional() {
        return Some(Named::Command);
    }
    let value = arg.get_value_parser().type_id();
    if value == TypeId::of::<OrgReference>() {
        let is_child = command == "revoke-trust" && arg.get_id() == "to";
        return Some(if is_child { Named::Child } else { Named::Organization });
    }
    let key = if arg.get_id() == "key_id" { Named::SigningKey } else { Named::Key };
    let types = [
        (TypeId::of::<KeyReference>(), key),
        (TypeId::of::<SignatureReference>(), Named::Signature),
        (TypeId::of::<PackageName>(), Named::Package),
        (TypeId::of::<EventPattern>(), Named::Event),
    ];
    types.into_iter().find(|(named, _)| value == *named).map(|(_, named)| named)
}

fn candidates(named: Named, given: &OsStr) -> Vec<CompletionCandidate> {
    let Some(given) = given.to_str().map(str::to_owned) else { return Vec::new() };
    let begins = given.clone();
    let (sender, receiver) = mpsc::channel();
    // A store that is locked or does not answer holds up this thread only, and the program ends.
    thread::spawn(move || sender.send(found(named, &given)));
    let Ok(Ok(mut found)) = receiver.recv_timeout(ANSWER_LIMIT) else { return Vec::new() };
    found.retain(|candidate| candidate.value.starts_with(&begins) && is_plain(&candidate.value));
    found.sort_by(|a, b| a.value.cmp(&b.value));
    found.dedup_by(|a, b| a.value == b.value);
    let shown = |Candidate { value, help }| {
        let help = help.filter(|help| is_plain(&help.replace(' ', "")));
        CompletionCandidate::new(value).help(help.map(Into::into))
    };
    found.into_iter().map(shown).collect()
}

/// A shell puts candidates into a command line as they are. What it would take for more than a
/// word, and what steers a terminal, is left out: anybody may choose a package's name.
fn is_plain(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._@+/,".contains(c);
    !value.starts_with('-') && value.chars().all(is_plain)
}

fn found(named: Named, given: &str) -> Result<Vec<Candidate>, CliError> {
    if let Named::Event = named {
        let types = EventType::ALL.iter();
        return Ok(types.map(|event| Candidate::new(event.as_str(), None)).collect());
    }
    if let Named::Command = named {
        return Ok(commands(given));
    }
    // The store's password may come into this process.
    process::protect_memory()?;
    let context = Context::for_reading(option("--database-url"));
    block_on(async {
        let keys = context.open_to_inspect().await?;
        match named {
            Named::Organization => {
                let all = keys.store().organizations().await?;
                Ok(all.iter().map(|org| Candidate::new(&org.name, None)).collect())
            }
            Named::Child => children(&context, &keys).await,
            Named::Key | Named::SigningKey => keys_of(&context, &keys, named, given).await,
            Named::Signature => {
                let kept = signatures(&context, &keys).await?;
                let candidate = |kept: &PackageSignatureRecord| {
                    Candidate::new(kept.id, name_of(kept).map(|name| name.to_string()))
                };
                Ok(kept.iter().map(candidate).collect())
            }
            Named::Package => packages(&context, &keys).await,
            Named::Event | Named::Command => Ok(Vec::new()),
        }
    })
}

impl Candidate {
    fn new(value: impl ToString, help: Option<String>) -> Self {
        Self { value: value.to_string(), help }
    }
}

/// The organization that the command line names, or that is the default.
async fn organization(
    context: &Context,
    keys: &TrustReader,
    option_name: &str,
) -> Result<OrganizationRecord, CliError> {
    let named: Option<OrgReference> = option(option_name).and_then(|text| text.parse().ok());
    select::organization_or_default(context, keys, named.as_ref()).await
}

async fn children(context: &Context, keys: &TrustReader) -> Result<Vec<Candidate>, CliError> {
    let parent = organization(context, keys, "--from").await?;
    let graph = keys.trust_graph(Some(parent.id)).await?;
    let grants = graph.organization(parent.id).map(|org| &*org.grants).unwrap_or_default();
    Ok(grants.iter().map(|grant| Candidate::new(&grant.child_name, None)).collect())
}

/// Keys of the organization that is named, or of all with their organizations.
async fn keys_of(
    context: &Context,
    keys: &TrustReader,
    named: Named,
    given: &str,
) -> Result<Vec<Candidate>, CliError> {
    let only = match given.contains('/') {
        true => None,
        false => organization(context, keys, "--org").await.ok(),
    };
    let orgs = match &only {
        Some(org) => vec![org.clone()],
        None => keys.store().organizations().await?,
    };
    let mut found = Vec::new();
    for org in orgs {
        let mut signing = keys.store().signing_keys(org.id).await?;
        if let Named::SigningKey = named {
            signing.retain(|key| key.revoked_at.is_none());
        }
        let signing = signing.iter().map(|key| (Some(&key.name), key.fingerprint, "signing key"));
        let trusted = match named {
            Named::SigningKey => Vec::new(),
            _ => keys.store().own_trusted_keys(org.id).await?,
        };
        let trusted = trusted.iter().map(|key| (key.name.as_ref(), key.fingerprint, "trusted key"));
        found.extend(signing.chain(trusted).map(|(name, fingerprint, kind)| {
            let key = name.map_or_else(|| fingerprint.to_string(), ToString::to_string);
            let value = if only.is_some() { key } else { format!("{}/{key}", org.name) };
            Candidate::new(value, Some(kind.to_owned()))
        }));
    }
    Ok(found)
}

async fn signatures(
    context: &Context,
    keys: &TrustReader,
) -> Result<Vec<PackageSignatureRecord>, CliError> {
    let org = organization(context, keys, "--org").await?;
    Ok(keys.store().stored_signatures(org.id, None, MAX_SIGNATURES).await?)
}

/// Packages that have a floor, or a signature in the store.
async fn packages(context: &Context, keys: &TrustReader) -> Result<Vec<Candidate>, CliError> {
    let org = organization(context, keys, "--org").await?;
    let floors = keys.store().version_floors(org.id).await?;
    let kept = keys.store().stored_signatures(org.id, None, MAX_SIGNATURES).await?;
    let names = kept.iter().filter_map(name_of).chain(floors.into_iter().map(|it| it.package_name));
    Ok(names.map(|name| Candidate::new(name, None)).collect())
}

/// The commands below those that the words before have named.
fn commands(given: &str) -> Vec<Candidate> {
    let mut before = words();
    before.pop_if(|last| last == given);
    let before = before.iter().skip_while(|word| *word != "man").skip(1);
    let program = cli::command();
    let group = before.fold(&program, |group, word| group.find_subcommand(word).unwrap_or(group));
    group.get_subcommands().map(|command| Candidate::new(command.get_name(), None)).collect()
}

/// The words of the command line that is completed.
fn words() -> Vec<String> {
    let words = env::args_os().map(|word| word.to_string_lossy().into_owned());
    words.skip_while(|word| word != "--").skip(1).collect()
}

/// The name that a signature states.
fn name_of(kept: &PackageSignatureRecord) -> Option<PackageName> {
    let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes()).ok()?;
    Some(envelope.unverified_statement().ok()?.name().clone())
}

/// The value of an option of the command line that is completed, which may be unfinished.
fn option(name: &str) -> Option<String> {
    let words = words();
    let assigned = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let next = words.iter().zip(words.iter().skip(1)).find(|(word, _)| *word == name);
    assigned.or(next.map(|(_, value)| value.as_str())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_not_take_for_a_word_is_no_candidate() {
        for plain in ["release", "acme/release", "lib-a_1.2+x@y.so"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in ["a b", "$(id)", "`id`", "a;b", "a\nb", "a'b", "-a", "größe", "a\u{1b}[m", "~"]
        {
            assert!(!is_plain(other), "{other}");
        }
    }
}
