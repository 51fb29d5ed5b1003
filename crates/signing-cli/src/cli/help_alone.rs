//! `--help` and `--version` replace the command, and exit with 0. A shell's wildcard, or anyone who
//! can add an argument to a pipeline, could use that to fake a success. Both are accepted only
//! alone.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, ValueEnum};

use super::Color;
use super::definition::command_at;

/// The same outcome, or an error if help or the version was asked for beside something else.
pub(super) fn require_alone(
    outcome: clap::Error,
    program: &mut Command,
    words: &[OsString],
) -> clap::Error {
    let asked = match outcome.kind() {
        ErrorKind::DisplayHelp => Requested::Help,
        ErrorKind::DisplayVersion => Requested::Version,
        _ => return outcome,
    };
    let (named, rest) = asked.split(program, words.get(1..).unwrap_or_default());
    if rest.is_empty() {
        return outcome;
    }
    let command = command_at(program, &named);
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let message = match asked {
        Requested::Help => format!(
            "--help must be the only argument; nothing was done. For help: {name} --help. For a \
             file named --help: ./--help"
        ),
        Requested::Version => {
            "--version must be the only argument; nothing was done. For the version: cloacina \
             --version"
                .into()
        }
    };
    command.error(ErrorKind::ArgumentConflict, message)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Requested {
    Help,
    Version,
}

impl Requested {
    /// The names of the command that help was asked for, and what is neither such a name nor
    /// about how the answer is shown.
    fn split(self, program: &Command, words: &[OsString]) -> (Vec<String>, Vec<String>) {
        let (mut command, mut named, mut rest) = (program, Vec::new(), Vec::new());
        let mut words = words.iter().map(|word| word.to_string_lossy()).peekable();
        while let Some(word) = words.next() {
            match (self, &*word) {
                (Self::Help, "-h" | "--help") | (Self::Version, "-V" | "--version") => {}
                (_, "--color") if words.next_if(|next| is_color(next)).is_some() => {}
                (_, word) if word.strip_prefix("--color=").is_some_and(is_color) => {}
                (_, name) => match command.find_subcommand(name) {
                    Some(found) if self == Self::Help && rest.is_empty() => {
                        command = found;
                        named.push(found.get_name().to_owned());
                    }
                    _ => rest.push(word.into_owned()),
                },
            }
        }
        (named, rest)
    }
}

fn is_color(word: &str) -> bool {
    Color::from_str(word, false).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn kind(line: &str) -> ErrorKind {
        let words = ["cloacina"].into_iter().chain(line.split(' '));
        parse(words.map(Into::into)).map(drop).unwrap_err().kind()
    }

    #[test]
    fn help_is_given_alone() {
        for line in [
            "-h",
            "--help",
            "verify -h",
            "verify --help",
            "package verify --help",
            "package --help verify",
            "help verify",
            "help package verify",
            "--color never verify --help",
            "verify --help --color=never",
        ] {
            assert_eq!(kind(line), ErrorKind::DisplayHelp, "{line}");
        }
        for line in [
            "verify --help evil.so",
            "verify evil.so --help",
            "verify -qh evil.so",
            "verify -h evil.so",
            "--help verify evil.so",
            "verify --help -- evil.so",
            "package install con --to inst --help",
            "package verify --json --help",
            "audit verify --trust-key a.pem --help",
            "keys list -h --org acme",
            "man -h keys",
            "verify --help --color evil.so",
            "verify --help --color=evil.so",
            "verify --help --color never evil.so",
            "verify --help --color",
        ] {
            assert_eq!(kind(line), ErrorKind::ArgumentConflict, "{line}");
        }
        assert_eq!(kind("help verify evil.so"), ErrorKind::InvalidSubcommand);
    }

    #[test]
    fn the_version_is_given_alone() {
        for line in ["-V", "--version", "--version --color=never"] {
            assert_eq!(kind(line), ErrorKind::DisplayVersion, "{line}");
        }
        for line in [
            "--version --json",
            "--version verify evil.so",
            "-V verify",
            "-qV",
            "--version --actor ci",
            "-V --color a",
        ] {
            assert_eq!(kind(line), ErrorKind::ArgumentConflict, "{line}");
        }
    }
}
