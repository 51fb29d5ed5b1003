//! The workspace's own tasks, run as `cargo xtask <task>`.
//!
//! A task either did all that its name says, or it ends non-zero and names what it
//! could not do; none of them passes over something silently.

#![expect(clippy::print_stderr, reason = "a task reports to its terminal")]

mod adopters;
mod attacks;
mod bench;
mod demo;
mod dist;
mod docs;
mod features;
mod fuzz;
mod mutants;
mod public_api;
mod soak;
mod test_db;
mod tidy;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{container, process};

/// The workspace's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sign, verify, load and call a package, and have three refused.
    Demo,
    /// Run the database tests on Postgres, in a container of their own.
    TestDb(test_db::Arguments),
    /// Count the attacks that the tests try, folder by folder.
    Attacks,
    /// Try programs of others, from crates.io: with the conformance kit, or with tests.
    Adopters(adopters::Arguments),
    /// Measure trust decisions beside a bare query, on SQLite and on Postgres in a container.
    Bench(bench::Arguments),
    /// Run what tries at random, or races, for as long as it takes to believe it.
    Soak(soak::Arguments),
    /// Build, sign and verify what a release consists of, or check that crates can be published.
    Dist(dist::Arguments),
    /// Build the guides into target/book, without warnings.
    Docs(docs::Arguments),
    /// Look for inputs that break a parser's promise. Needs a nightly toolchain.
    Fuzz(fuzz::Arguments),
    /// Change the deciding code, and see whether a test notices.
    Mutants(mutants::Arguments),
    /// Write the public items of each library into docs/public-api. Needs a nightly toolchain.
    PublicApi(public_api::Arguments),
    /// Check the house rules that the compiler and clippy do not know.
    Tidy,
    /// Check that every crate compiles with each of its features alone, with none and with all.
    Features,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo => demo::run(),
        Task::TestDb(arguments) => test_db::run(&arguments),
        Task::Attacks => attacks::run(),
        Task::Adopters(arguments) => adopters::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Soak(arguments) => soak::run(arguments),
        Task::Dist(arguments) => dist::run(&arguments),
        Task::Docs(arguments) => docs::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Mutants(arguments) => mutants::run(&arguments),
        Task::PublicApi(arguments) => public_api::run(&arguments),
        Task::Tidy => tidy::run(),
        Task::Features => features::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Without a backtrace: what went wrong is in the tree, not in this program.
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
