mod audit;
mod db;
mod explain;
mod floor;
mod help;
mod inspect;
mod keys;
mod library;
mod orgs;
mod package;
mod packages;
mod sign;
mod trust;
mod trust_graph;
mod unstore;
mod verify;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;

/// What the commands print with `--json`.
#[cfg(test)]
pub(crate) fn documents() -> Vec<Document> {
    [
        orgs::DOCUMENTS,
        &keys::documents(),
        sign::DOCUMENTS,
        verify::DOCUMENTS,
        inspect::DOCUMENTS,
        floor::DOCUMENTS,
        unstore::DOCUMENTS,
        trust_graph::DOCUMENTS,
        &trust::documents(),
        &audit::documents(),
        db::DOCUMENTS,
        help::DOCUMENTS,
    ]
    .concat()
}

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<Report, CliError> {
    let context = Context::new(&cli.global);
    match cli.command {
        Command::Orgs(command) => orgs::run(&context, command),
        Command::Keys(command) => keys::run(&context, command),
        Command::Package(command) => package::run(&context, command),
        Command::Sign(command) => sign::run(&context, command),
        Command::Verify(command) => verify::run(&context, command),
        Command::Trust(command) => trust::run(&context, command),
        Command::Audit(command) => audit::run(&context, &cli.global, command),
        Command::Db(command) => db::run(&context, command),
        Command::Completions { shell } => help::completions(shell),
        Command::Man { path } => help::manual(&path),
    }
}
