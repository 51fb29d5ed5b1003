//! `cargo xtask docs`: the guides as a book, in `target/book`.
//!
//! What the pages say is checked by `cargo test --package docs-tests`; here they are
//! only put together.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{cargo, line, output, say, stream, workspace_root};
use crate::tool::{Tool, installed};

const MDBOOK: Tool = Tool::new("mdbook", "0.5.4", "mdbook v0.5.");
/// Has the diagrams drawn.
const MERMAID: Tool = Tool::new("mdbook-mermaid", "0.17.1", "mdbook-mermaid 0.17.");
/// Where the latter puts the scripts that draw them, beside the book's configuration.
const DRAWS: &str = "docs/mermaid.min.js";

/// What `cargo xtask docs` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Serve the book, follow changes, and open it in a browser.
    #[arg(long)]
    open: bool,

    /// Only write what the tests of the program make: the reference of the command line, the JSON
    /// Schemas, the texts of errors and the pictures.
    #[arg(long, conflicts_with = "open")]
    write: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.write {
        return write();
    }
    let programs = [MDBOOK.provide()?, MERMAID.provide()?];
    if !workspace_root().join(DRAWS).exists() {
        let mut install = Command::new(&programs[1]);
        output(install.current_dir(workspace_root()).args(["install", "docs"]))?;
    }
    let mut mdbook = Command::new(&programs[0]);
    mdbook.current_dir(workspace_root()).env("PATH", with_tools()?);
    if arguments.open {
        let status = mdbook.args(["serve", "docs", "--open"]).status()?;
        ensure!(status.success(), "`{}` failed ({status})", line(&mdbook));
        return Ok(());
    }
    mdbook.args(["build", "docs"]).stdin(Stdio::null());
    let built = mdbook.output().with_context(|| format!("cannot start `{}`", line(&mdbook)))?;
    let said = String::from_utf8_lossy(&built.stderr);
    ensure!(built.status.success(), "`{}` failed ({}): {said}", line(&mdbook), built.status);
    let warnings = warnings(&said);
    ensure!(warnings.is_empty(), "`{}` warns:\n{}", line(&mdbook), warnings.join("\n"));
    say("docs: the book is target/book/index.html")
}

/// Runs the tests that write what they otherwise compare, one by one: the schemas name the codes that
/// are in the texts of errors.
fn write() -> Result<()> {
    let program = ["test", "--quiet", "--locked", "--package", "signing-cli", "--bin", "cloacina"];
    let mut test = cargo(&[&program[..], &["--", "--test-threads=1"]].concat());
    let status = stream(test.env("CLOACINA_WRITE", "1"), |_| Ok(()))?;
    ensure!(status.success(), "`{}` failed ({status})", line(&test));
    say("docs: wrote what the program's tests make")
}

/// The path, with the tools of our own before all others.
fn with_tools() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = installed();
    env::join_paths([own].into_iter().chain(env::split_paths(&path)))
        .context("target/tools cannot be in a PATH")
}

/// Lines that mdBook's log marks so.
fn warnings(log: &str) -> Vec<&str> {
    let words = ["WARN", "ERROR"];
    log.lines().filter(|line| words.iter().any(|word| line.contains(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_from_news() {
        let log = " INFO Book building has started\n WARN unclosed tag `<id>`\nERROR gone\n";
        assert_eq!(warnings(log), [" WARN unclosed tag `<id>`", "ERROR gone"]);
    }
}
