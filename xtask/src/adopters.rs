//! `cargo xtask adopters`: programs of others, from crates.io. The conformance kit tries one
//! host, and tests show how another uses these crates.
//!
//! Each is a workspace of its own below `tests/adopters/`, so that nothing here depends on it,
//! and the gate does not fetch it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, line, say, stream, workspace_root};

/// Where the verdicts stand, in a table that this task writes.
const PAGE: &str = "docs/content/explanation/comparison.md";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    adopter: Adopter,
}

#[derive(clap::Subcommand)]
enum Adopter {
    /// Try the conformance kit's corpus on fidius-host 0.5.
    Fidius {
        /// Write the verdicts into the comparison, instead of comparing them with what stands there
        #[arg(long)]
        write: bool,
    },
    /// Test the registry that verifies the packages of cloacina 0.11.
    Cloacina,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.adopter {
        Adopter::Fidius { write } => fidius(write),
        Adopter::Cloacina => cloacina(),
    }
}

fn fidius(write: bool) -> Result<()> {
    let (source, target) = directories("fidius");
    let manifest = source.join("Cargo.toml");
    // With optimization: a host that hashes slowly is caught more easily than it need be.
    built(&["--release", "--manifest-path", text(&manifest)?, "--target-dir", text(&target)?])?;
    built(&["--package", "signing-conformance", "--target-dir", text(&target)?])?;
    let (host, report) = (target.join("release/adopter-fidius"), target.join("fidius.json"));
    check(&source, &target, &host, &report)?;
    let report: Value = serde_json::from_str(&fs::read_to_string(&report)?)?;
    let table = table("| case | severity | `fidius-host` 0.5.9 |", &report)?;
    compare(&table, write)
}

fn cloacina() -> Result<()> {
    let (source, target) = directories("cloacina");
    let mut command = cargo(&["test", "--locked"]);
    command.arg("--target-dir").arg(target).arg("--manifest-path").arg(source.join("Cargo.toml"));
    ensure!(stream(&command, say)?.success(), "`{}` failed", line(&command));
    Ok(())
}

/// Where an adopter is, and where all of them are built.
fn directories(adopter: &str) -> (PathBuf, PathBuf) {
    let root = workspace_root();
    (root.join("tests/adopters").join(adopter), root.join("target/adopters"))
}

fn built(arguments: &[&str]) -> Result<()> {
    let mut command = cargo(&["build", "--quiet", "--locked"]);
    command.args(arguments);
    ensure!(stream(&command, say)?.success(), "`{}` failed", line(&command));
    Ok(())
}

/// Runs the kit. Cases that failed are a result, not an error.
fn check(source: &Path, target: &Path, host: &Path, report: &Path) -> Result<()> {
    let (trusted, stranger) = (key(target, "trusted")?, key(target, "stranger")?);
    let host = text(host)?;
    let mut command = std::process::Command::new(target.join("debug/signing-conformance"));
    command.args(["run", "--name", text(source)?.rsplit('/').next().unwrap_or_default()]);
    command.arg("--trusted-key").arg(&trusted).arg("--stranger-key").arg(stranger);
    command.args(["--sign", &format!("{} sign {{key}} {{package}}", quoted(host))]);
    let trusted = quoted(text(&trusted)?);
    command.args(["--load", &format!("{} load {trusted} {{packages}}", quoted(host))]);
    command.arg("--entry-point").arg(source.join("entry_point.c")).arg("--json").arg(report);
    let status = stream(&command, say)?;
    ensure!(matches!(status.code(), Some(0 | 1)), "the kit could not run ({status})");
    Ok(())
}

/// 32 random bytes in a file.
fn key(target: &Path, name: &str) -> Result<PathBuf> {
    let mut key = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let path = target.join(name);
    fs::write(&path, key)?;
    Ok(path)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// One word of a command of the kit.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What the host did not pass, and how much it did.
fn table(header: &str, report: &Value) -> Result<String> {
    let cases = report["cases"].as_array().context("the report has no cases")?;
    let passed = report["summary"]["passed"].as_u64().context("the report has no summary")?;
    let mut table = format!("{header}\n| --- | --- | --- |\n");
    for case in cases {
        let field = |name: &str| case[name].as_str().with_context(|| format!("no {name}"));
        let verdict = field("verdict")?;
        if verdict != "passed" {
            table += &format!("| `{}` | {} | {verdict} |\n", field("id")?, field("severity")?);
        }
    }
    Ok(table + &format!("| the other {passed} | | passed |\n"))
}

/// Compares the table with the one in the page that has the same first line, or replaces it.
fn compare(table: &str, write: bool) -> Result<()> {
    let path = workspace_root().join(PAGE);
    let page = fs::read_to_string(&path)?;
    let header = table.lines().next().unwrap_or_default();
    let start = page.find(header).with_context(|| format!("{PAGE} has no table {header}"))?;
    let rows = page[start..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let end = start + rows.map(str::len).sum::<usize>();
    match (&page[start..end] == table, write) {
        (true, _) => say(&format!("adopters: {PAGE} says the same")),
        (false, true) => {
            fs::write(&path, [&page[..start], table, &page[end..]].concat())?;
            say(&format!("adopters: written to {PAGE}"))
        }
        (false, false) => bail!("{PAGE} says something else: run this again with --write"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_what_did_not_pass() {
        let report = serde_json::json!({"summary": {"passed": 2}, "cases": [
            {"id": "a", "severity": "high", "verdict": "passed"},
            {"id": "b", "severity": "low", "verdict": "failed"},
        ]});
        let expected =
            "| x |\n| --- | --- | --- |\n| `b` | low | failed |\n| the other 2 | | passed |\n";
        assert_eq!(table("| x |", &report).unwrap(), expected);
        assert!(table("| x |", &serde_json::json!({"cases": []})).is_err());
    }

    #[test]
    fn a_quoted_word_stays_one() {
        assert_eq!(quoted("a b\"c\\"), "\"a b\\\"c\\\\\"");
    }
}
