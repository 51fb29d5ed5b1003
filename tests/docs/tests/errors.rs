//! The page of errors has every code and every reason, and no other.
//!
//! Both are found in the source: a code is a literal there, and whoever adds one learns
//! from this test that the page lacks it.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use docs_tests::repository;
use regex::Regex;

#[test]
fn the_page_has_every_error_code_and_no_other() {
    let mut codes = literals(&source("crates/signing-cli/src/error.rs"));
    // What clap refuses has no variant.
    codes.insert("Usage".into());
    assert!(codes.len() > 60, "codes are looked for in the wrong place: {codes:?}");
    let documented: BTreeSet<_> = rows(4).into_keys().collect();
    assert_same(&codes, &documented);
}

#[test]
fn the_page_has_every_reason_why_a_signer_is_not_trusted_and_no_other() {
    let source = source("crates/signing-trust/src/decision.rs");
    let body = between(&source, "pub enum UntrustedReason {", "\n}");
    let variant = Regex::new("(?m)^    ([A-Z][A-Za-z]+)").unwrap();
    let reasons = variant.captures_iter(body).map(|found| found[1].to_owned()).collect();
    assert_same(&reasons, &rows(3).into_keys().collect());
}

#[test]
fn the_page_gives_every_refusal_exit_code_1() {
    let source = source("crates/signing-cli/src/error.rs");
    let refusals = literals(between(&source, "fn verification_code(", "\n}"));
    let documented = rows(4);
    for code in refusals {
        assert_eq!(documented[&code], "1", "{code}");
    }
    for code in literals(between(&source, "fn store_code(", "\n}")) {
        // What a store refuses by its rules, rather than for want of an answer.
        let refused = ["KeyCompromised", "PreviouslyRevoked"].contains(&code.as_str());
        assert_eq!(documented[&code], if refused { "1" } else { "2" }, "{code}");
    }
}

/// First cells, which are code, with the second, of the tables with so many columns.
fn rows(columns: usize) -> BTreeMap<String, String> {
    let page = source("docs/content/reference/errors.md");
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        for code in cells[0].split(", ").filter(|_| cells.len() == columns) {
            let previous = rows.insert(code.trim_matches('`').to_owned(), cells[1].to_owned());
            assert_eq!(previous, None, "two rows for {code}");
        }
    }
    rows
}

/// Literals that are one word in capitals and small letters, which codes alone are.
fn literals(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let literal = Regex::new("\"([A-Z][A-Za-z]+)\"").unwrap();
    literal.captures_iter(source).map(|found| found[1].to_owned()).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    rest.split_once(end).unwrap().0
}

fn source(path: &str) -> String {
    fs::read_to_string(repository().join(Path::new(path))).unwrap()
}

#[track_caller]
fn assert_same(exist: &BTreeSet<String>, documented: &BTreeSet<String>) {
    let lacking: Vec<_> = exist.difference(documented).collect();
    assert!(lacking.is_empty(), "docs/content/reference/errors.md lacks {lacking:?}");
    let invented: Vec<_> = documented.difference(exist).collect();
    assert!(invented.is_empty(), "docs/content/reference/errors.md has {invented:?} in vain");
}
