//! What was probably meant by a command that does not exist.
//!
//! The parser would name whatever command is spelled a little like it in the same place: `sign`
//! for `cosign`, which signs what was not verified. Here it is a command of this name elsewhere,
//! one that does what the word says, or one that is a slip of the finger away.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Words for what commands do, other than their names. Of several commands, those in the group
/// that was named come first.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("accept", &["keys trust"]),
    ("add", &["orgs create", "keys generate", "keys import"]),
    ("check", &["verify", "doctor"]),
    ("countersign", &["package cosign", "trust cosign"]),
    ("create", &["keys generate"]),
    ("database", &["db"]),
    ("delete", &["keys revoke", "package unstore", "package floor unset"]),
    ("distrust", &["keys deny", "orgs revoke-trust"]),
    ("grant", &["orgs grant-trust"]),
    ("history", &["keys timeline", "audit list"]),
    ("log", &["audit list"]),
    ("ls", &["orgs list", "keys list", "package list", "audit list"]),
    ("new", &["orgs create", "keys generate"]),
    ("organizations", &["orgs"]),
    ("public", &["keys export"]),
    ("refuse", &["keys deny"]),
    ("remove", &["orgs delete", "keys revoke", "package unstore", "package floor unset"]),
    ("restore", &["keys reinstate"]),
    ("revoke", &["orgs revoke-trust"]),
    ("rm", &["orgs delete", "keys revoke", "package unstore", "package floor unset"]),
    ("setup", &["init"]),
    ("show", &["package inspect"]),
    ("store", &["db"]),
    ("untrust", &["keys deny", "orgs revoke-trust"]),
];

/// The same error, with a tip if it is known what was meant.
pub(super) fn with_tip(
    mut error: clap::Error,
    program: &Command,
    words: &[OsString],
) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let word = word.clone();
    let asks_for_help = words.iter().take_while(|given| **given != *word).any(|it| it == "help");
    let name = if asks_for_help { "cloacina help" } else { "cloacina" };
    let meant = meant(&word, group_of(&error, program), program);
    let tip = meant.iter().map(|path| format!("{name} {path}")).collect::<Vec<_>>().join(" or ");
    error.remove(ContextKind::SuggestedSubcommand);
    // An empty list would be shown as an empty line.
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested)
        && tips.is_empty()
    {
        error.remove(ContextKind::Suggested);
    }
    if !tip.is_empty() {
        let tip = format!("did you mean: {tip}?").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The command that has no such subcommand.
fn group_of<'a>(error: &clap::Error, program: &'a Command) -> &'a Command {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    // Such as: Usage: cloacina trust [OPTIONS] <COMMAND>
    let names = usage.split_whitespace().skip(2);
    let mut group = program;
    for name in names {
        let Some(found) = group.find_subcommand(name) else { break };
        group = found;
    }
    group
}

fn meant(word: &str, group: &Command, program: &Command) -> Vec<String> {
    let word = word.to_ascii_lowercase();
    let of_group = path_of(group);
    if let Some(command) = group.find_subcommand(&word) {
        return vec![format!("{of_group}{}", command.get_name())];
    }
    let leaves = leaves(program);
    let is_named = |path: &&String| last_name(path) == word;
    let named = leaves.iter().filter(is_named).cloned();
    let synonyms = SYNONYMS.iter().filter(|(synonym, _)| *synonym == word);
    let synonyms = synonyms.flat_map(|(_, paths)| *paths).map(|path| (*path).to_owned());
    let mut meant: Vec<_> = named.chain(synonyms).collect();
    let is_in_group = |path: &String| path.starts_with(&of_group) && !of_group.is_empty();
    if meant.iter().any(is_in_group) {
        meant.retain(is_in_group);
    }
    // `sign` is short for `package sign`.
    let long: Vec<_> = meant.iter().map(|path| format!("package {path}")).collect();
    meant.retain(|path| !long.contains(path));
    if !meant.is_empty() {
        return meant;
    }
    let beside: Vec<_> = group
        .get_subcommands()
        .map(|command| format!("{of_group}{}", command.get_name()))
        .collect();
    [beside, leaves].iter().find_map(|paths| typed_wrongly(&word, paths)).into_iter().collect()
}

/// The command whose name differs from a word in a letter, or in two of a long word.
fn typed_wrongly(word: &str, paths: &[String]) -> Option<String> {
    let tolerated = if word.len() > 5 { 2 } else { 1 };
    let distance = |path: &&String| strsim::osa_distance(word, last_name(path));
    let nearest = paths.iter().min_by_key(distance)?;
    (distance(&nearest) <= tolerated).then(|| nearest.clone())
}

fn last_name(path: &str) -> &str {
    path.rsplit(' ').next().unwrap_or_default()
}

/// The names that lead to a command from the program, each with a space after it.
fn path_of(command: &Command) -> String {
    let names = command.get_bin_name().unwrap_or_default().split(' ').skip(1);
    names.map(|name| format!("{name} ")).collect()
}

/// The commands without subcommands, in the order of the help.
fn leaves(command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        match command.has_subcommands() {
            true => found.extend(leaves(command)),
            false => found.push(path_of(command).trim_end().to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{command, parse};
    use super::*;

    /// The tip for a command line.
    fn tip(line: &str) -> Option<String> {
        let words = ["cloacina"].into_iter().chain(line.split(' '));
        let error = parse(words.map(Into::into)).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand, "{line}: {error}");
        let text = error.to_string();
        assert!(!text.contains("similar"), "{text}");
        let (_, tip) = text.split_once("tip: did you mean: cloacina ")?;
        Some(tip.lines().next()?.strip_suffix('?')?.to_owned())
    }

    #[test]
    fn tip_leads_to_what_the_word_says() {
        for (line, meant) in [
            ("cosign a.so", "package cosign or cloacina trust cosign"),
            ("install a.so", "package install"),
            ("trust grant", "orgs grant-trust"),
            ("trust revoke", "keys revoke or cloacina orgs revoke-trust"),
            ("keys delete", "keys revoke"),
            ("orgs remove", "orgs delete"),
            ("package floor remove", "package floor unset"),
            ("package show a.so", "package inspect"),
            ("orgs sign a.so", "sign"),
            ("--actor ci trust grant", "orgs grant-trust"),
            ("help cosign", "help package cosign or cloacina help trust cosign"),
        ] {
            assert_eq!(tip(line).as_deref(), Some(meant), "{line}");
        }
    }

    #[test]
    fn tip_mends_what_was_typed_wrongly() {
        for (line, meant) in [
            ("verifiy a.so", "verify"),
            ("Verify a.so", "verify"),
            ("key list", "keys"),
            ("orgs shw", "orgs show"),
            ("package verfy a.so", "package verify"),
            ("instal a.so", "package install"),
            ("help verifiy", "help verify"),
        ] {
            assert_eq!(tip(line).as_deref(), Some(meant), "{line}");
        }
    }

    #[test]
    fn there_is_no_tip_to_do_something_else() {
        for line in ["initiate acme", "keys genuine", "trust gravel", "x"] {
            assert_eq!(tip(line), None, "{line}");
            let words = ["cloacina"].into_iter().chain(line.split(' '));
            let text = parse(words.map(Into::into)).map(drop).unwrap_err().to_string();
            assert!(!text.contains("\n\n\n"), "{text}");
        }
    }

    #[test]
    fn synonyms_are_sorted_and_stand_for_commands_that_exist() {
        assert!(SYNONYMS.is_sorted_by_key(|(word, _)| word));
        let program = command();
        for path in SYNONYMS.iter().flat_map(|(_, paths)| *paths) {
            let mut names = path.split(' ');
            let found = names.try_fold(&program, |command, name| command.find_subcommand(name));
            assert!(found.is_some(), "{path}");
        }
    }
}
