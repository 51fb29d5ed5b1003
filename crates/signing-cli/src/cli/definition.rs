//! The definition of the command line: what the arguments' types state, and what follows from
//! rules for all of them.

use std::any::TypeId;
use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::{StyledStr, Styles};
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Parser as _, ValueHint};

use super::Cli;
use super::examples::examples_of;
use super::help_alone::require_alone;
use super::suggestion::with_tip;
use super::values::RootSource;
use crate::key_source::{KEY_ACCESS, KeySource};

/// The heading of the options that every command takes.
const GLOBAL: &str = "Global options";
/// What stands below a command's short help, which has its own options only.
const MORE: &str = "See --help for all options, such as --json, and for examples.";

/// Reads a command line.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let words: Vec<_> = words.into_iter().collect();
    // Help texts are built only when help or an error is shown: building them takes longer than
    // verifying a package.
    match Cli::try_parse_from(&words) {
        Ok(cli) => return Ok(cli),
        Err(version) if matches!(&words[..], [_, word] if word == "--version") => {
            return Err(version);
        }
        Err(_) => {}
    }
    let mut program = command();
    let matches = program.try_get_matches_from_mut(&words);
    let mut matches = matches.map_err(|error| {
        let error = require_alone(error, &mut program, &words);
        with_tip(error, &program, &words)
    })?;
    let path = path_of(&matches);
    Cli::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(command_at(&mut program, &path)))
}

/// The names of the command that was given, from the program on.
fn path_of(matches: &ArgMatches) -> Vec<String> {
    let mut path = Vec::new();
    let mut below = matches.subcommand();
    while let Some((name, matches)) = below {
        path.push(name.to_owned());
        below = matches.subcommand();
    }
    path
}

/// The command that these names lead to.
pub(super) fn command_at<'a>(program: &'a mut Command, path: &[String]) -> &'a mut Command {
    path.iter().fold(program, |command, name| {
        command.find_subcommand_mut(name).expect("it was found before")
    })
}

/// The program with all its commands.
pub(crate) fn command() -> Command {
    let mut program = finished(Cli::command(), "");
    // Names the subcommands in full, and gives them the global options.
    program.build();
    let names: Vec<_> = names(&program);
    names.into_iter().fold(program, |program, name| program.mut_subcommand(name, own_short_help))
}

/// The short help of a command fits on a screen without the options that all commands take, and
/// those for access to a key.
fn own_short_help(command: Command) -> Command {
    let names = names(&command);
    let command = command.mut_args(|arg| {
        let is_common = arg.is_global_set() || KEY_ACCESS.contains(&arg.get_id().as_str());
        arg.hide_short_help(is_common)
    });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, own_short_help))
}

fn names(command: &Command) -> Vec<String> {
    command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect()
}

fn finished(mut command: Command, path: &str) -> Command {
    command = command.mut_args(finished_arg);
    if let Some(about) = command.get_about() {
        let short = gist(&about.to_string()).to_owned();
        let whole = command.get_long_about().unwrap_or(about).clone();
        command = command.about(short).long_about(whole);
    }
    if !command.has_subcommands() {
        let examples = styled_examples(path);
        command = command.after_help(MORE).after_long_help(examples);
    }
    for name in names(&command) {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(name, |sub| finished(sub, path.trim_start()));
    }
    command
}

fn finished_arg(mut arg: Arg) -> Arg {
    if arg.is_global_set() {
        arg = arg.help_heading(GLOBAL);
    }
    if let Some(help) = arg.get_help() {
        let short = gist(&help.to_string()).to_owned();
        let whole = arg.get_long_help().unwrap_or(help).clone();
        arg = arg.help(short).long_help(whole);
    }
    let is_file = [TypeId::of::<RootSource>(), TypeId::of::<KeySource>()];
    if is_file.iter().any(|file| arg.get_value_parser().type_id() == *file) {
        arg = arg.value_hint(ValueHint::FilePath);
    }
    arg
}

/// Short help says what an argument is for: the first sentence, as far as it needs no example.
fn gist(text: &str) -> &str {
    let starts_another = |end: &usize| text[end + 2..].starts_with(char::is_uppercase);
    let sentence = text.match_indices(". ").map(|(end, _)| end).find(starts_another);
    let details = [": ", " ["].into_iter().filter_map(|start| text.find(start));
    let end = sentence.into_iter().chain(details).min();
    end.map_or(text, |end| &text[..end])
}

fn styled_examples(path: &str) -> StyledStr {
    let header = Styles::default();
    let header = header.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (what, line) in examples_of(path) {
        let _ = write!(text, "\n  {what}:\n    {line}");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn short_help_leaves_out_what_explains() {
        for (text, first) in [
            ("The key. It signs", "The key"),
            ("Files such as a. b", "Files such as a. b"),
            ("The store: postgres://… or a file", "The store"),
            ("The organization (name or id) [env: CLOACINA_ORG]", "The organization (name or id)"),
        ] {
            assert_eq!(gist(text), first);
        }
    }
}
