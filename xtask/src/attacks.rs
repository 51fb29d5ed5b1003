//! `cargo xtask attacks`: how many attacks the tests try, folder by folder.
//!
//! An attack is a test in a module below `attacks::`; the module after it is the folder
//! below `tests/attacks`. `cargo test` runs those that need no server, `cargo xtask test-db`
//! the others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::process::{cargo, line, say, stream, workspace_root};

const FOLDERS: &str = "tests/attacks";

/// What the lines of a folder's `README.md` say.
const LINES: [&str; 3] = ["Who: ", "How: ", "What must happen: "];

/// How many attacks a folder has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    without_a_server: usize,
    on_postgres: usize,
}

/// The folders by their names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attacks(BTreeMap<String, Count>);

/// Runs the task.
pub(crate) fn run() -> Result<()> {
    let mut attacks = Attacks::default();
    list(&[], |name| attacks.count(name).map(|count| count.without_a_server += 1))?;
    // Without `--ignored`, libtest lists ignored tests too.
    list(&["--ignored"], |name| {
        attacks.count(name).map(|count| {
            count.without_a_server -= 1;
            count.on_postgres += 1;
        })
    })?;
    require_descriptions(&attacks)?;
    say("| folder | cargo test | cargo xtask test-db |\n| --- | --- | --- |")?;
    let mut all = Count::default();
    for (folder, count) in &attacks.0 {
        say(&format!("| {folder} | {} | {} |", count.without_a_server, count.on_postgres))?;
        all.without_a_server += count.without_a_server;
        all.on_postgres += count.on_postgres;
    }
    let total = all.without_a_server + all.on_postgres;
    say(&format!("| all {total} | {} | {} |", all.without_a_server, all.on_postgres))
}

/// Every folder has attacks and says in three lines what they are.
fn require_descriptions(attacks: &Attacks) -> Result<()> {
    let root = workspace_root().join(FOLDERS);
    let folders = folders(&root).with_context(|| format!("cannot read {}", root.display()))?;
    let counted: Vec<_> = attacks.0.keys().cloned().collect();
    ensure!(
        folders == counted,
        "the folders of {FOLDERS} are {folders:?}, and tests are in {counted:?}"
    );
    for folder in folders {
        let path = root.join(folder).join("README.md");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            is_description(&text),
            "{} must have three lines, that begin with {LINES:?}",
            path.display()
        );
    }
    Ok(())
}

/// The names of the folders, in order.
fn folders(root: &Path) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    folders.sort();
    Ok(folders)
}

fn is_description(text: &str) -> bool {
    text.lines().count() == LINES.len()
        && text.lines().zip(LINES).all(|(line, begins)| line.starts_with(begins))
}

fn list(options: &[&str], mut on_test: impl FnMut(&str) -> Option<()> + Send) -> Result<()> {
    let mut command =
        cargo(&["test", "--workspace", "--exclude", "xtask", "--locked", "--", "--list"]);
    command.args(options);
    let status = stream(&command, |line| {
        if let Some(name) = line.strip_suffix(": test") {
            on_test(name);
        }
        Ok(())
    })?;
    ensure!(status.success(), "`{}` failed ({status})", line(&command));
    Ok(())
}

impl Attacks {
    /// The count that the test is part of, if it is an attack.
    fn count(&mut self, test: &str) -> Option<&mut Count> {
        let (before, after) = test.split_once("attacks::")?;
        let folder = after.split("::").next().unwrap_or(after);
        (before.is_empty() || before.ends_with("::"))
            .then(|| self.0.entry(folder.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_says_who_how_and_what_must_happen() {
        assert!(is_description("Who: a role.\nHow: it asks.\nWhat must happen: nothing.\n"));
        assert!(!is_description("Who: a role.\nHow: it asks.\n"));
        assert!(!is_description("How: it asks.\nWho: a role.\nWhat must happen: nothing.\n"));
    }

    #[test]
    fn attacks_are_counted_by_folder_and_other_tests_are_not() {
        let mut attacks = Attacks::default();
        for test in ["attacks::rows::a", "attacks::rows::deep::b", "cmd::attacks::files::c"] {
            attacks.count(test).unwrap().without_a_server += 1;
        }
        assert_eq!(attacks.count("rows::a"), None);
        assert_eq!(attacks.count("counterattacks::rows::a"), None);
        let count = |without_a_server| Count { without_a_server, on_postgres: 0 };
        assert_eq!(
            attacks.0.into_iter().collect::<Vec<_>>(),
            [("files".to_owned(), count(1)), ("rows".to_owned(), count(2))]
        );
    }
}
