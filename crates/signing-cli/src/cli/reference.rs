//! The page `docs/content/reference/cli.md`, made from the command line's definition.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{command, examples_of};
use crate::generated::assert_current;

const HEAD: &str = "\
# The command line

What every command of `cloacina` takes. The page is made from the program's own
definition: `cargo xtask docs --write` writes it, and a test compares it.

Exit codes: 0 done or verified, 1 refused, 2 not decided (usage, files, database), 130 interrupted
with Ctrl-C. A test runs the examples.

`-h` shows a command's own options in short, `--help` all options and examples, and `cloacina man`
a manual page. `-V` shows the version, and `--version` also the commit that the program was built
from. Beside any other argument than `--color` they are errors, because they would take the place of
what the command is for. A file of such a name is given as `./--help`.

With `--json` there is one document on standard output, on failure too; what its
`error.code` can be is in [Errors](errors.md), and the schemas are in [Output for
programs](json.md).
";

#[test]
fn the_page_of_the_command_line_is_current() {
    let program = command();
    let mut page = HEAD.to_owned();
    section(&mut page, &program);
    commands(&mut page, &program);
    assert_current("../../docs/content/reference/cli.md", &page);
}

fn commands(page: &mut String, command: &Command) {
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        if !command.has_subcommands() {
            section(page, command);
        }
        commands(page, command);
    }
}

fn section(page: &mut String, command: &Command) {
    let name = command.get_bin_name().unwrap_or("cloacina");
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let about = about.trim_end_matches('.');
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let _ = write!(page, "\n## {name}\n\n{about}.\n\n```text\n{usage}\n```\n");
    let is_program = command.get_name() == "cloacina";
    let shown = |arg: &&Arg| {
        let own = is_program || !arg.is_global_set();
        own && !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
    };
    let args: Vec<_> = command.get_arguments().filter(shown).collect();
    if !args.is_empty() {
        let title = if is_program { "every command takes" } else { "it takes" };
        let _ = write!(page, "\n| {title} | |\n| --- | --- |\n");
    }
    for arg in args {
        let _ = writeln!(page, "| `{}` | {} |", spelling(arg), meaning(arg));
    }
    for (what, line) in examples_of(name.trim_start_matches("cloacina ")) {
        let _ = write!(page, "\n{what}:\n\n```text\n{line}\n```\n");
    }
}

/// An argument as it is typed.
fn spelling(arg: &Arg) -> String {
    let mut text = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => String::new(),
    };
    if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        let value = names.first().map_or(arg.get_id().as_str(), |name| name.as_str());
        let _ = write!(text, "{}<{value}>", if text.is_empty() { "" } else { " " });
        if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
            text.push('…');
        }
    }
    text
}

fn meaning(arg: &Arg) -> String {
    let mut text =
        arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = match arg.get_action().takes_values() {
        true => arg.get_possible_values(),
        false => Vec::new(),
    };
    if !values.is_empty() {
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let _ = write!(text, ": {}", values.join(", "));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.display()).collect();
    if let [default] = &defaults[..]
        && arg.get_action().takes_values()
    {
        let _ = write!(text, " (`{default}` unless given)");
    }
    // What stands in angle brackets is no HTML, and a bar would end the cell.
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
