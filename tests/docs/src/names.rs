use std::collections::{BTreeMap, BTreeSet};

use crate::page::{Fault, Kind, Page};

/// The commands and flags that there are.
pub struct Names {
    /// By command line, such as `cloacina keys list`, the flags that it takes.
    commands: BTreeMap<String, BTreeSet<String>>,
    runner: BTreeSet<String>,
    /// Of the conformance kit.
    kit: BTreeSet<String>,
}

impl Names {
    /// Takes the generated page of the command line, and the help of the example runner and of
    /// the conformance kit.
    pub fn read(reference: &str, runner_help: &str, kit_help: &str) -> Self {
        let mut commands: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in reference.lines() {
            if let Some(name) = line.strip_prefix("## ") {
                current = name.into();
                commands.insert(current.clone(), BTreeSet::new());
            } else if let Some(cell) = line.strip_prefix("| `")
                && let Some(flags) = commands.get_mut(&current)
            {
                flags.extend(flags_in(cell.split('`').next().unwrap_or_default()));
            }
        }
        let (runner, kit) = (flags_in(runner_help).collect(), flags_in(kit_help).collect());
        Self { commands, runner, kit }
    }

    /// The commands, subcommands and flags that a page names and that do not exist.
    pub fn faults(&self, page: &Page) -> Vec<Fault> {
        let mut faults = Vec::new();
        for span in &page.spans {
            let wrong = match span.text.starts_with('-') {
                true => self.unknown_flag(&span.text),
                false => self.wrong(&span.text),
            };
            faults.extend(wrong.map(|what| page.fault(span.line, what)));
        }
        let shell = |language: &str| matches!(language, "console" | "sh" | "yaml");
        for block in page.blocks.iter().filter(|block| shell(&block.language)) {
            let joined = block.text.replace("\\\n> ", "  ").replace("\\\n", " ");
            let is_console = block.language == "console"
                && !matches!(block.kind, Kind::File(_) | Kind::NotRun(_));
            for (number, line) in joined.lines().enumerate() {
                if is_console && !line.starts_with("$ ") && !line.starts_with("> ") {
                    continue;
                }
                faults.extend(self.wrong(line).map(|what| page.fault(block.line + number, what)));
            }
        }
        faults
    }

    /// A flag on its own must be one of some command.
    fn unknown_flag(&self, span: &str) -> Option<String> {
        let known = |flag: &String| {
            // The first two are of the program itself, with no command.
            ["-V", "--version"].contains(&flag.as_str())
                || self.runner.contains(flag)
                || self.kit.contains(flag)
                || self.commands.values().any(|flags| flags.contains(flag))
        };
        let unknown = flags_in(span).find(|flag| !known(flag))?;
        Some(format!("there is no flag {unknown}"))
    }

    fn wrong(&self, line: &str) -> Option<String> {
        // One line may hold several commands, some within others.
        let simple = line.split(['|', ';', '&', '(', ')', '`', '{']);
        simple.filter_map(|command| self.wrong_command(command)).next()
    }

    fn wrong_command(&self, command: &str) -> Option<String> {
        let mut words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',']));
        let is_runner = |word: &str| word == "my_runner" || word.ends_with("/my_runner");
        let program = words.find(|word| !stands_before_a_program(word))?;
        if program == "signing-conformance" {
            let unknown = flags_in(command).find(|flag| !self.kit.contains(flag))?;
            return Some(format!("signing-conformance has no flag {unknown}"));
        }
        if program != "cloacina" && !is_runner(program) {
            return None;
        }
        let words: Vec<_> = words.collect();
        if is_runner(program) {
            let unknown = flags_in(command).find(|flag| !self.runner.contains(flag))?;
            return Some(format!("my_runner has no flag {unknown}"));
        }
        let mut name = "cloacina".to_owned();
        let mut words = words.into_iter().peekable();
        let global = self.commands.get("cloacina");
        while let Some(word) = words.peek() {
            let longer = format!("{name} {word}");
            let below = format!("{longer} ");
            if self.commands.keys().any(|known| *known == longer || known.starts_with(&below)) {
                name = longer;
            } else if !word.starts_with('-') {
                break;
            }
            words.next();
        }
        let is_group = !self.commands.contains_key(&name) || name == "cloacina";
        let is_word = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if is_group && words.peek() == Some(&"help") {
            return None;
        }
        if is_group && let Some(word) = words.peek().filter(|word| !word.is_empty()).filter(is_word)
        {
            return Some(format!("there is no command `{name} {word}`"));
        }
        let own = self.commands.get(&name);
        let known =
            |flag: &String| [own, global].iter().flatten().any(|flags| flags.contains(flag));
        if is_group {
            return None;
        }
        let unknown = flags_in(command).find(|flag| !known(flag))?;
        Some(format!("`{name}` has no flag {unknown}"))
    }
}

/// Assignments, keywords, and what a page puts before a command.
fn stands_before_a_program(word: &str) -> bool {
    word.contains('=') || ["$", ">", "-", "run:", "!", "if", "then", "do"].contains(&word)
}

/// What looks like a flag, without a value.
fn flags_in(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| c.is_whitespace() || "[]|=,\"'".contains(c));
    words.filter_map(|word| {
        let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_long = word.strip_prefix("--").is_some_and(|name| !name.is_empty());
        let is_short = word.strip_prefix('-').is_some_and(|name| name.len() == 1);
        (is_long || is_short).then(|| word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "\
## cloacina\n\n| `-q, --quiet` | x |\n| `--json` | x |\n\
## cloacina keys list\n\n| `--org <ORG>` | by `--nothing` |\n\
## cloacina keys trust\n\n| `--import <FILE>` | x |\n";

    fn faults(text: &str) -> Vec<String> {
        let runner = "  --require-signatures  x\n  --trust-key <PEM>\n";
        let names = Names::read(REFERENCE, runner, "  --load <COMMAND>\n");
        let page = Page::parse("a.md", text, |_| None).unwrap();
        names
            .faults(&page)
            .into_iter()
            .map(|fault| format!("{}: {}", fault.line, fault.what))
            .collect()
    }

    #[test]
    fn what_exists_may_be_named() {
        for text in [
            "`cloacina keys list --org acme` `cloacina --json keys list` `cloacina keys` `cloacina`",
            "`--org` `--import <file>` `-q` `--trust-key`",
            "```console\n$ A=$(cloacina --json keys list --org a | jq -r .x)\n--gone\n```",
            "```console\n$ ./my_runner --require-signatures \\\n>   --trust-key a\n```",
            "`cloacina help` and `cloacina help keys`",
            "```console\n$ A=b cloacina keys list --org a\n$ cargo build --example my_runner --quiet\n```",
            "```console\n$ signing-conformance run --load 'a {package} --b'\n```",
            "`cargo build --release` and `cloacina::audit`",
        ] {
            assert_eq!(faults(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_does_not_exist_is_found() {
        for (text, what) in [
            ("a\n`cloacina keys lst`", "2: there is no command `cloacina keys lst`"),
            ("`cloacina key list`", "1: there is no command `cloacina key`"),
            ("`cloacina keys list --import a`", "1: `cloacina keys list` has no flag --import"),
            ("`--gone`", "1: there is no flag --gone"),
            ("`my_runner --org a`", "1: my_runner has no flag --org"),
            ("`signing-conformance run --org a`", "1: signing-conformance has no flag --org"),
            (
                "```console\n$ ls | cloacina keys list --gone=a\n```",
                "2: `cloacina keys list` has no flag --gone",
            ),
            (
                "```console\n$ cloacina keys list \\\n>   --gone a\n```",
                "2: `cloacina keys list` has no flag --gone",
            ),
        ] {
            assert_eq!(faults(text), [what], "{text}");
        }
    }
}
