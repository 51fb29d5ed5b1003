//! `cargo xtask bench --instructions`: how many instructions small verifications take, beside
//! the counts that are kept in the repository.
//!
//! A count does not depend on what else the machine does, so it shows a change of a hundredth
//! that a time would hide. It does depend on the compiler and the C library: after a new one
//! the counts are written again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::programs::{build, library};
use crate::process::{line, output, say, workspace_root};

const COUNTS: &str = "tests/instructions.json";
/// What differs by less has not changed: hash maps have random seeds, and the C library's
/// search for its files depends on the environment.
const TOLERANCE: f64 = 0.02;

/// Counts, and compares or writes.
pub(super) fn run(write: bool) -> Result<()> {
    let programs = build()?;
    let scratch = tempfile::tempdir()?;
    let counts = count_all(&programs, scratch.path())?;
    let path = workspace_root().join(COUNTS);
    if write {
        fs::write(&path, serde_json::to_string_pretty(&counts)? + "\n")?;
        return say(&format!("bench: wrote {COUNTS}"));
    }
    let kept = fs::read_to_string(&path).with_context(|| format!("cannot read {COUNTS}"))?;
    compare(&counts, &serde_json::from_str(&kept)?)
}

fn count_all(programs: &Path, directory: &Path) -> Result<BTreeMap<String, u64>> {
    let cloacina = programs.join("cloacina");
    let key = directory.join("key.pem");
    output(
        Command::new(&cloacina).args(["keys", "generate", "--name", "bench", "--output"]).arg(&key),
    )?;
    let public_key = directory.join("key.pub.pem");
    let mut packages = Vec::new();
    for size in [1, 2] {
        let package = directory.join(format!("lib{size}.so"));
        library(programs, &package, size << 20)?;
        output(
            Command::new(&cloacina).args(["package", "sign"]).arg(&package).arg("--key").arg(&key),
        )?;
        packages.push(package);
    }
    let verify = |packages: &[PathBuf]| {
        let mut command = Command::new(&cloacina);
        command.args(["package", "verify", "--trust-key"]).arg(&public_key).args(packages);
        count(&command)
    };
    let start = count(Command::new(&cloacina).arg("--version"))?;
    let [one, larger] = [verify(&packages[..1])?, verify(&packages[1..])?];
    Ok(BTreeMap::from([
        ("start the program".to_owned(), start),
        ("verify 1 MiB, without the start".to_owned(), one.saturating_sub(start)),
        ("one MiB more".to_owned(), larger.saturating_sub(one)),
    ]))
}

/// How many instructions a process executes, by valgrind's callgrind.
fn count(command: &Command) -> Result<u64> {
    let mut counted = Command::new("valgrind");
    counted.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    counted.arg(command.get_program()).args(command.get_args());
    let ended = counted.output().context("cannot start valgrind: install it")?;
    let text = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "`{}` failed: {}", line(&counted), text.trim());
    let found = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = found.context("valgrind tells no count")?;
    Ok(number.trim().parse()?)
}

fn compare(counts: &BTreeMap<String, u64>, kept: &BTreeMap<String, u64>) -> Result<()> {
    say("| what | instructions | kept | ratio |\n|---|---:|---:|---:|")?;
    let mut changed = Vec::new();
    for (what, &count) in counts {
        let kept = *kept.get(what).with_context(|| format!("{COUNTS} does not have {what:?}"))?;
        let ratio = count as f64 / kept as f64;
        say(&format!("| {what} | {count} | {kept} | {ratio:.3} |"))?;
        if (ratio - 1.0).abs() > TOLERANCE {
            changed.push(what.as_str());
        }
    }
    if !changed.is_empty() {
        bail!(
            "changed: {}; if this is meant, `cargo xtask bench --instructions --write` keeps the \
             new counts",
            changed.join("; ")
        );
    }
    say("bench: all counts are as they were kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_differs_by_more_than_chance_is_a_change() {
        let counts = |count| BTreeMap::from([("start the program".to_owned(), count)]);
        compare(&counts(1015), &counts(1000)).unwrap();
        for changed in [1030, 970] {
            let error = compare(&counts(changed), &counts(1000)).unwrap_err().to_string();
            assert!(error.starts_with("changed: start the program;"), "{error}");
        }
        assert!(compare(&counts(1000), &BTreeMap::new()).is_err());
    }
}
