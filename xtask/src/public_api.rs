//! `cargo xtask public-api`: the public items of each library, as text that a review can read.
//!
//! cargo-public-api reads them from rustdoc's JSON, which only a nightly toolchain writes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{output, say, workspace_root};
use crate::tool::Tool;

const LIBRARIES: [&str; 5] =
    ["signing-crypto", "signing-store", "signing-trust", "signing-loader", "signing-conformance"];
const FOLDER: &str = "docs/public-api";
/// Another version may write the same items in another way.
const PUBLIC_API: Tool = Tool::new("cargo-public-api", "0.52.0", "cargo-public-api 0.52.");

/// What `cargo xtask public-api` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare the files with the sources, and write nothing.
    #[arg(long)]
    check: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = PUBLIC_API.provide()?;
    let mut differing = String::new();
    for library in LIBRARIES {
        let path = format!("{FOLDER}/{library}.txt");
        let file = workspace_root().join(&path);
        let mut list = Command::new(&program);
        list.current_dir(workspace_root()).env("RUSTUP_TOOLCHAIN", "nightly");
        // Auto traits are left out: the crates assert those that matter.
        list.args(["--package", library, "--all-features", "--color", "never"])
            .args(["--omit", "blanket-impls,auto-trait-impls"]);
        let found = output(&mut list)?;
        if arguments.check {
            let written =
                fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
            let lines = differences(&written, &found);
            if written != found {
                differing.push_str(&format!("{path}:\n{}\n", lines.join("\n")));
            }
        } else {
            fs::create_dir_all(workspace_root().join(FOLDER))?;
            fs::write(&file, found).with_context(|| format!("cannot write {path}"))?;
            say(&format!("public-api: wrote {path}"))?;
        }
    }
    if !differing.is_empty() {
        bail!("public-api: run `cargo xtask public-api` and review the changes\n{differing}");
    }
    Ok(())
}

/// The lines that only one of the texts has, removed ones first.
fn differences(written: &str, found: &str) -> Vec<String> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (written.lines().collect(), found.lines().collect());
    let removed = old.difference(&new).map(|line| format!("- {line}"));
    removed.chain(new.difference(&old).map(|line| format!("+ {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_came_and_what_went() {
        assert_eq!(differences("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert!(differences("a\nb\n", "a\nb\n").is_empty());
    }
}
