//! Programs that tasks need and that cargo can install.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::{cargo, line, output, say, stream, workspace_root};

/// A program that a task runs, which is not a part of this workspace.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The version that is installed if no compatible one is found.
    pub(crate) version: &'static str,
    /// How a compatible version begins what `--version` prints.
    pub(crate) compatible: &'static str,
    /// The subcommand that has `--version`, if the program itself has not.
    pub(crate) subcommand: Option<&'static str>,
}

impl Tool {
    pub(crate) const fn new(
        name: &'static str,
        version: &'static str,
        compatible: &'static str,
    ) -> Self {
        Self { name, version, compatible, subcommand: None }
    }

    /// Finds a compatible version in the path or in `target/tools`, or installs it there.
    pub(crate) fn provide(&self) -> Result<PathBuf> {
        let own = installed().join(self.name);
        for program in [PathBuf::from(self.name), own.clone()] {
            let version = output(Command::new(&program).args(self.subcommand).arg("--version"))
                .unwrap_or_default();
            if version.starts_with(self.compatible) {
                return Ok(program);
            }
        }
        let Self { name, version, .. } = self;
        say(&format!("installing {name} {version} into target/tools"))?;
        let mut install = cargo(&["install", "--quiet", "--locked", name, "--version", version]);
        // Each runs for seconds, and an optimized build takes minutes longer.
        install.arg("--debug").arg("--root").arg(tools());
        let status = stream(&install, say)?;
        ensure!(status.success(), "`{}` failed ({status})", line(&install));
        Ok(own)
    }
}

/// The directory of the programs that a task has installed.
pub(crate) fn installed() -> PathBuf {
    tools().join("bin")
}

fn tools() -> PathBuf {
    workspace_root().join("target/tools")
}
