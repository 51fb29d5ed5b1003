//! Tells the program what it was built from.
//!
//! The commit is the last one that changed the sources, not the newest of all: another one
//! changes nothing in the program, so it neither rebuilds it nor appears in it. A build of
//! the same sources gives the same program.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What the program is made of, below the workspace's root.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "crates"];
/// Of a crate, what is no test, bench or example.
const PARTS: [&str; 4] = ["src", "migrations", "build.rs", "Cargo.toml"];
/// Where cargo writes the commit that a published crate was made from.
const PUBLISHED: &str = ".cargo_vcs_info.json";
/// Digits of a commit that are shown.
const DIGITS: usize = 12;

fn main() {
    let sources = sources();
    for source in &sources {
        println!("cargo::rerun-if-changed=../../{source}");
    }
    // Cargo would run this each time for a file that is not there.
    if Path::new(PUBLISHED).exists() {
        println!("cargo::rerun-if-changed={PUBLISHED}");
    }
    let commit = published_commit().or_else(|| last_commit(&sources).filter(|it| !it.is_empty()));
    println!("cargo::rustc-env=CLOACINA_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=CLOACINA_DATE={}", last_date(&sources).unwrap_or_default());
    println!("cargo::rustc-env=CLOACINA_TARGET={}", env::var("TARGET").unwrap_or_default());
}

/// The files and directories that are there. A published crate has only its own.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    for source in SOURCES {
        match source {
            "crates" => {
                let entries = fs::read_dir("../../crates").into_iter().flatten().flatten();
                let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
                let mut names: Vec<_> = names.collect();
                names.sort();
                for name in names {
                    found.extend(PARTS.map(|part| format!("crates/{name}/{part}")));
                }
            }
            file => found.push(file.to_owned()),
        }
    }
    found.retain(|source| Path::new("../..").join(source).exists());
    found
}

fn published_commit() -> Option<String> {
    let text = fs::read_to_string(PUBLISHED).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    let is_commit = commit.len() >= DIGITS && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Packaged with `--allow-dirty`.
    let has_changes = rest.split_whitespace().collect::<String>().contains("\"dirty\":true");
    is_commit.then(|| shown(&commit[..DIGITS], has_changes))
}

/// The last commit that changed the sources, and whether they differ from it.
fn last_commit(sources: &[String]) -> Option<String> {
    let abbreviated = format!("--abbrev={DIGITS}");
    let commit = git(&["log", "-1", "--format=%h", &abbreviated], sources)?;
    let changes = git(&["status", "--porcelain"], sources)?;
    Some(shown(&commit, !changes.is_empty()))
}

fn shown(commit: &str, has_changes: bool) -> String {
    if has_changes { format!("{commit} with changes") } else { commit.to_owned() }
}

/// The day of that commit, for the manual pages.
fn last_date(sources: &[String]) -> Option<String> {
    git(&["log", "-1", "--format=%cs"], sources)
}

/// What git says about the sources. Nothing, if this is not the root of a repository: sources
/// that were unpacked within another project's repository have none of its commits.
fn git(arguments: &[&str], sources: &[String]) -> Option<String> {
    if output(Command::new("git").args(["rev-parse", "--show-prefix"]))? != "crates/signing-cli/" {
        return None;
    }
    let paths = sources.iter().map(|source| format!(":(top){source}"));
    output(Command::new("git").args(arguments).arg("--").args(paths))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
