//! `cargo xtask attacks`: how many attacks the tests try, folder by folder.
//!
//! An attack is a test in a module below `attacks::`; the module after it is the folder.
//! `cargo test` runs those that need no server, `cargo xtask test-db` the others.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::process::{cargo, line, say, stream};

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
    ensure!(!attacks.0.is_empty(), "no test is in a module below `attacks::`");
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

fn list(options: &[&str], mut on_test: impl FnMut(&str) -> Option<()> + Send) -> Result<()> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--", "--list"]);
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
