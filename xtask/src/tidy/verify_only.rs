//! A build that only verifies compiles what `CONTRIBUTING.md` gives a reason for.

use std::collections::BTreeSet;

use super::Violation;

/// Where the table of reasons is.
pub(super) const PAGE: &str = "CONTRIBUTING.md";

const HEADING: &str = "## What a runner compiles that only verifies";

/// What `cargo` is asked for the crates of that build.
pub(super) const TREE: [&str; 10] = [
    "tree",
    "--package=signing-loader",
    "--no-default-features",
    "--edges=normal",
    "--target=x86_64-unknown-linux-gnu",
    "--prefix=none",
    "--format={p}",
    "--locked",
    "--quiet",
    "--charset=ascii",
];

/// Compares what `cargo tree` printed with the page.
pub(super) fn check(tree: &str, page: &str) -> Vec<Violation> {
    let compiled: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && !name.starts_with("signing-"))
        .collect();
    let Some((before, section)) = page.split_once(HEADING) else {
        return vec![Violation::new(PAGE, 1, format!("there is no section {HEADING:?}"))];
    };
    let line = before.lines().count() + 1;
    let rows = section.lines().take_while(|line| !line.starts_with("## "));
    let listed: BTreeSet<&str> = rows
        .filter_map(|row| row.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.split('`'))
        .filter(|name| !name.trim().is_empty())
        .collect();
    let without_reason = compiled.difference(&listed).map(|name| {
        Violation::new(PAGE, line, format!("a verify-only build compiles {name}, for no reason"))
    });
    let in_vain = listed
        .difference(&compiled)
        .map(|name| Violation::new(PAGE, line, format!("a verify-only build has no crate {name}")));
    without_reason.chain(in_vain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &str) -> String {
        format!(
            "# x\n\n{HEADING}\n\n| crates | reason |\n| --- | --- |\n| {names} | why |\n\n## y\n| `z` | no |\n"
        )
    }

    #[test]
    fn listed_crates_are_those_that_are_compiled() {
        let tree = "signing-loader v0.1.0 (/w)\nsha2 v0.11.1\nsyn v2.0.1\nsyn v3.0.1 (*)\n";
        assert_eq!(check(tree, &page("`sha2` `syn`")), []);
        let found = check(tree, &page("`sha2`"));
        assert!(found[0].message.contains("compiles syn"), "{found:?}");
        let found = check(tree, &page("`aes` `sha2` `syn`"));
        assert!(found[0].message.contains("no crate aes"), "{found:?}");
        assert_eq!(check(tree, "# x").len(), 1);
    }
}
