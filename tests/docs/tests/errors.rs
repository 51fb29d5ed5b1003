//! The page of errors has every code and every reason, and no other.
//!
//! Both are found in the golden files of `signing-cli`, which a test there keeps
//! complete: an entry is a variant, its exit code and its code, and what is printed.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use docs_tests::repository;

const PAGE: &str = "docs/content/reference/errors.md";
const GOLDEN: &str = "crates/signing-cli/src/error/golden";

/// Enums that are but words within a message, and the program's own, whose codes say all.
const SAID_IN_PASSING: [&str; 6] =
    ["ActualContent", "AuditValue", "CliError", "ForeignFormat", "KdfCost", "SignatureLocation"];

#[test]
fn the_page_has_every_error_code_and_no_other() {
    let codes: BTreeMap<_, _> =
        entries().into_iter().filter_map(|entry| Some((entry.code?, entry.exit))).collect();
    assert!(codes.len() > 80, "codes are looked for in the wrong place: {codes:?}");
    let mut documented = BTreeMap::new();
    for table in tables().iter().filter(|table| table.head.starts_with(&["code".into()])) {
        for row in &table.rows {
            for code in names(&row[0]) {
                let previous = documented.insert(code.clone(), row[1].clone());
                assert_eq!(previous, None, "two rows for {code}");
            }
        }
    }
    assert_same(&codes.keys().cloned().collect(), &documented.keys().cloned().collect());
    for (code, exit) in codes {
        assert_eq!(documented[&code], exit, "exit code of {code}");
    }
}

#[test]
fn the_page_has_every_reason_and_no_other() {
    let mut variants: BTreeMap<String, BTreeSet<(String, Option<String>)>> = BTreeMap::new();
    for entry in entries() {
        variants.entry(entry.of).or_default().insert((entry.variant, entry.code));
    }
    let tables = tables();
    for (of, variants) in &variants {
        if SAID_IN_PASSING.contains(&&**of) {
            continue;
        }
        let head = format!("`{of}`");
        let mut found = tables.iter().filter(|table| table.head[0] == head);
        let table = found.next().unwrap_or_else(|| panic!("{PAGE} has no table of {of}"));
        assert_eq!(found.count(), 0, "two tables of {of}");
        let exist = variants.iter().cloned();
        match table.head[1] == "code" {
            true => assert_codes(of, exist.collect(), table),
            false => {
                let exist = exist.map(|(variant, _)| format!("{of}::{variant}")).collect();
                let documented = table.rows.iter().flat_map(|row| names(&row[0]));
                assert_same(&exist, &documented.map(|name| format!("{of}::{name}")).collect());
            }
        }
    }
    let enums = tables.iter().flat_map(|table| names(&table.head[0]));
    let gone: Vec<_> = enums.filter(|of| !variants.contains_key(of)).collect();
    assert!(gone.is_empty(), "{PAGE} has tables of {gone:?} in vain");
}

/// A table of those variants that are called otherwise than their codes.
fn assert_codes(of: &str, variants: BTreeSet<(String, Option<String>)>, table: &Table) {
    let mut differing: BTreeSet<_> = variants
        .into_iter()
        .filter_map(|(variant, code)| {
            code.filter(|code| *code != variant).map(|code| (variant, code))
        })
        .collect();
    for row in &table.rows {
        for variant in names(&row[0]) {
            let before = differing.len();
            match &names(&row[1])[..] {
                // What it holds has codes of its own.
                [] => differing.retain(|(found, _)| *found != variant),
                codes => {
                    differing.retain(|(found, code)| *found != variant || !codes.contains(code));
                }
            }
            assert!(differing.len() < before, "{PAGE}: {of}::{variant} has no such code");
        }
    }
    assert!(differing.is_empty(), "{PAGE} lacks, of {of}: {differing:?}");
}

/// What is shown of one sample of a variant.
struct Entry {
    of: String,
    variant: String,
    exit: String,
    code: Option<String>,
}

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for file in fs::read_dir(repository().join(GOLDEN)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        for entry in fs::read_to_string(&path).unwrap().split("\n\n") {
            let mut lines = entry.lines();
            let (of, variant) = lines.next().and_then(|line| line.split_once("::")).unwrap();
            let outcome = lines.next().and_then(|line| line.strip_prefix("exit ")).unwrap();
            let (exit, code) = match outcome.split_once(", ") {
                Some((exit, code)) => (exit, Some(code.to_owned())),
                None => (outcome, None),
            };
            let (of, variant, exit) = (of.into(), variant.into(), exit.into());
            entries.push(Entry { of, variant, exit, code });
        }
    }
    entries
}

/// A table of the page.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn tables() -> Vec<Table> {
    let page = fs::read_to_string(repository().join(PAGE)).unwrap();
    let mut tables: Vec<Table> = Vec::new();
    let mut within = false;
    for line in page.lines() {
        let cells =
            || line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        match tables.last_mut() {
            Some(_) if line.starts_with("| ---") => {}
            Some(table) if within && line.starts_with('|') => table.rows.push(cells()),
            _ if line.starts_with('|') => tables.push(Table { head: cells(), rows: Vec::new() }),
            _ => {}
        }
        within = line.starts_with('|');
    }
    tables
}

/// The names that a cell consists of, which are code; none if it is prose.
fn names(cell: &str) -> Vec<String> {
    let names: Option<Vec<_>> = cell
        .split(", ")
        .map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect();
    names.unwrap_or_default()
}

#[track_caller]
fn assert_same(exist: &BTreeSet<String>, documented: &BTreeSet<String>) {
    let lacking: Vec<_> = exist.difference(documented).collect();
    assert!(lacking.is_empty(), "{PAGE} lacks {lacking:?}");
    let invented: Vec<_> = documented.difference(exist).collect();
    assert!(invented.is_empty(), "{PAGE} has {invented:?} in vain");
}
