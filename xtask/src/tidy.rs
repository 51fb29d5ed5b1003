//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy knows.
//!
//! Every rule is a function from what it looks at to the violations that it finds, so
//! that all of them are listed, not only the first.

mod circles;
mod code;
mod files;
mod imports;
mod layers;
mod links;
mod source;
mod unsafety;
mod verify_only;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, output, say, workspace_root};

/// Where a rule is broken, and how.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs the task.
pub(crate) fn run() -> Result<()> {
    let files = repository_files()?;
    let paths: BTreeSet<String> = files.iter().map(|(path, _)| path.clone()).collect();
    let mut found = files::large(&files);
    found.extend(files::migrations(&paths));
    found.extend(unsafety::forbidden_in_every_crate(&paths, read)?);
    let mut sources = BTreeMap::new();
    for path in &paths {
        if path.ends_with(".rs") {
            let text = read(path)?;
            let code = source::blank(&text);
            found.extend(files::long(path, &text));
            found.extend(code::check(path, &text, &code));
            found.extend(unsafety::check(path, &code));
            sources.insert(path.clone(), code);
        } else if path.ends_with(".md") {
            found.extend(links::check(path, &read(path)?, &paths));
        } else if path.ends_with("Cargo.toml") {
            found.extend(unsafety::manifest(path, &read(path)?));
        }
    }
    found.extend(circles::check(&sources));
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    found.extend(layers::check(&layers::packages(&metadata, read)?));
    let tree = output(&mut cargo(&verify_only::TREE))?;
    found.extend(verify_only::check(&tree, &read(verify_only::PAGE)?));

    found.sort();
    if !found.is_empty() {
        let list: Vec<_> = found.iter().map(ToString::to_string).collect();
        bail!("tidy: {} violations:\n{}", found.len(), list.join("\n"));
    }
    say(&format!("tidy: {} files keep the rules", files.len()))
}

/// What is tracked or would be, with sizes; not what is ignored, nor deleted already.
fn repository_files() -> Result<Vec<(String, u64)>> {
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = output(git.current_dir(workspace_root()))?;
    let paths: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    let mut files = Vec::new();
    for path in paths {
        match fs::symlink_metadata(workspace_root().join(path)) {
            Ok(metadata) => files.push((path.to_owned(), metadata.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot look at {path}")),
        }
    }
    Ok(files)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(workspace_root().join(path)).with_context(|| format!("cannot read {path}"))
}
