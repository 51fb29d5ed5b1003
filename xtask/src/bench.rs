//! `cargo xtask bench`: what a trust decision costs, beside a bare query.
//!
//! The benchmark prints one table, as Markdown, and asserts nothing about time; how to
//! read it says `docs/content/reference/benchmarks.md`. It runs on both backends, or on
//! SQLite alone where it is told to: never on less than it was asked for.

mod instructions;
mod picture;
mod programs;

use std::process::Command;

use anyhow::{Result, ensure};

use crate::container::ServerArguments;
use crate::process::{cargo, line, say, stream};

/// Where the benchmark finds its server.
const URL_VARIABLE: &str = "CLOACINA_BENCH_POSTGRES_URL";
/// The benchmarks, in the release profile: of decisions, and of the gates of loaded packages.
const BENCHMARKS: [[&str; 6]; 2] = [
    ["bench", "--locked", "--package", "signing-trust", "--bench", "decisions"],
    ["bench", "--locked", "--package", "signing-tests", "--bench", "gate"],
];

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Measure SQLite alone, which needs neither an engine nor a server.
    #[arg(long, conflicts_with_all = ["image", "engine", "database_url"])]
    sqlite_only: bool,

    /// Measure the programs instead: verifying packages beside what users use today.
    #[arg(long, conflicts_with_all = ["sqlite_only", "image", "engine", "database_url"])]
    programs: bool,

    /// Count the instructions of small verifications instead, and compare them with the counts
    /// that are kept. Needs valgrind.
    #[arg(long, conflicts_with_all = ["programs", "sqlite_only", "image", "engine", "database_url"])]
    instructions: bool,

    /// Keep the new counts.
    #[arg(long, requires = "instructions")]
    write: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.programs {
        return programs::run();
    }
    if arguments.instructions {
        return instructions::run(arguments.write);
    }
    if arguments.sqlite_only {
        for benchmark in &BENCHMARKS {
            let mut command = cargo(benchmark);
            command.args(["--", "--sqlite-only"]);
            measure(&command)?;
        }
        return say("bench: SQLite alone was measured, as asked for");
    }
    let server = arguments.server.find()?;
    // Before the server is started, because compiling takes longer than measuring.
    for benchmark in &BENCHMARKS {
        measure(cargo(benchmark).arg("--no-run"))?;
    }
    server.serve(false, |url| {
        BENCHMARKS.iter().try_for_each(|benchmark| measure(cargo(benchmark).env(URL_VARIABLE, url)))
    })
}

fn measure(command: &Command) -> Result<()> {
    let status = stream(command, say)?;
    ensure!(status.success(), "`{}` failed ({status})", line(command));
    Ok(())
}
