//! `cargo xtask mutants`: whether a test notices when the deciding code is changed.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{output, say, stream, workspace_root};
use crate::tool::Tool;

const CARGO_MUTANTS: Tool = Tool::new("cargo-mutants", "27.1.0", "cargo-mutants 27.");

/// Which code to change, and which survivors are excused and why.
const CONFIG: &str = "tests/mutants.toml";

/// What `cargo xtask mutants` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change only what differs from this commit.
    #[arg(long, value_name = "COMMIT")]
    since: Option<String>,

    /// More arguments for cargo-mutants, such as --file or --shard.
    #[arg(last = true)]
    more: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = CARGO_MUTANTS.provide()?;
    let mut mutants = Command::new(program);
    let folder = workspace_root().join("target/mutants");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    mutants.current_dir(workspace_root()).arg("mutants").args(["--config", CONFIG]);
    mutants.arg("--output").arg(&folder);
    if let Some(commit) = &arguments.since {
        let diff =
            output(Command::new("git").current_dir(workspace_root()).args(["diff", commit]))?;
        let file = folder.join("since.diff");
        fs::write(&file, diff).with_context(|| format!("cannot write {}", file.display()))?;
        mutants.arg("--in-diff").arg(file);
    }
    mutants.args(&arguments.more);
    let status = stream(&mutants, say)?;
    ensure!(status.success(), "mutants: some survive or time out; see target/mutants/mutants.out");
    Ok(())
}
