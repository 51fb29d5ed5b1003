//! `cargo xtask docs`: the guides as a book, in `target/book`.
//!
//! What the pages say is checked by `cargo test --package docs-tests`; here they are
//! only put together.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{cargo, line, output, say, stream, workspace_root};

/// The version that is installed where there is none of its kind.
const MDBOOK: &str = "0.5.4";
/// Versions that begin so read the same configuration.
const COMPATIBLE: &str = "mdbook v0.5.";
/// Set for the test of the command line's page, it writes the page.
const WRITE_VARIABLE: &str = "CLOACINA_WRITE_CLI_REFERENCE";
const CLI_TEST: [&str; 9] = [
    "test",
    "--quiet",
    "--locked",
    "--package",
    "signing-cli",
    "--bin",
    "cloacina",
    "--",
    "the_page_of_the_command_line_is_current",
];

/// What `cargo xtask docs` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Serve the book, follow changes, and open it in a browser.
    #[arg(long)]
    open: bool,

    /// First write docs/content/reference/cli.md from the program's definition.
    #[arg(long)]
    write_cli: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.write_cli {
        let mut test = cargo(&CLI_TEST);
        let status = stream(test.env(WRITE_VARIABLE, "1"), |_| Ok(()))?;
        ensure!(status.success(), "`{}` failed ({status})", line(&test));
    }
    let mut mdbook = Command::new(provide()?);
    mdbook.current_dir(workspace_root());
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

/// Gives an mdBook: the one in the path if it is compatible, or else one of our own in
/// `target`, where it is in nobody's way.
fn provide() -> Result<PathBuf> {
    let root = workspace_root().join("target/tools");
    let own = root.join("bin/mdbook");
    for program in [PathBuf::from("mdbook"), own.clone()] {
        let version = output(Command::new(&program).arg("--version")).unwrap_or_default();
        if version.starts_with(COMPATIBLE) {
            return Ok(program);
        }
    }
    say(&format!("docs: installing mdbook {MDBOOK} into target/tools"))?;
    let mut install = cargo(&["install", "--quiet", "--locked", "mdbook", "--version", MDBOOK]);
    let status = stream(install.arg("--root").arg(&root), say)?;
    ensure!(status.success(), "`{}` failed ({status})", line(&install));
    Ok(own)
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
