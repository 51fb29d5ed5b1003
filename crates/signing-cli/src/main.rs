//! `cloacina`: keys, trust, signing and verification of packages on the command
//! line. Each command is a thin call into one of the signing crates.

#![forbid(unsafe_code)]

mod cli;

mod commands;
mod completion;

mod content_kind;
mod context;
mod files;
mod kek;
mod kek_place;
mod key_files;
mod key_source;
mod passphrase;
mod places;
mod process;
mod select;
mod signed_trust;
mod signer_error;
mod signers;
mod similar;
mod ssh;
mod terminal;
mod time;

mod lines;
mod output;
mod question;
mod renewal;
mod svg;

mod view;

mod advice;
mod error;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod schemas;

use std::process::ExitCode;

use error::CliError;
use output::{Output, Report};
use signing_trust::{DecisionError, usable_clock_time};

fn main() -> ExitCode {
    if let Some(code) = completion::answer() {
        return code;
    }
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return output::usage(error),
    };
    let output = Output::new(&cli.global);
    output::install_log(&cli.global);
    match run(cli) {
        Ok(report) => output.report(report),
        Err(error) => output.error(&error),
    }
}

fn run(cli: cli::Cli) -> Result<Report, CliError> {
    process::protect_memory()?;
    process::survive_file_size_limit()?;
    // Commands compare times, and write them.
    usable_clock_time().map_err(DecisionError::from)?;
    commands::run(cli)
}
