mod audit;
mod cosign;
mod db;
mod doctor;
mod explain;
mod floor;
mod help;
mod impact;
mod init;
mod inspect;
mod install;
mod keys;
mod library;
mod orgs;
mod package;
mod packages;
mod publication_notes;
mod role_denied;
mod sign;
mod stored_signatures;
mod trust;
mod trust_graph;
mod trusted_by;
mod unstore;
mod verify;

use crate::advice::OTHER_KEK;
use crate::cli::{Cli, Command};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;

/// What the commands print with `--json`.
#[cfg(test)]
pub(crate) fn documents() -> Vec<Document> {
    [
        init::DOCUMENTS,
        doctor::DOCUMENTS,
        &orgs::documents(),
        &keys::documents(),
        sign::DOCUMENTS,
        cosign::DOCUMENTS,
        verify::DOCUMENTS,
        install::DOCUMENTS,
        inspect::DOCUMENTS,
        floor::DOCUMENTS,
        stored_signatures::DOCUMENTS,
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
    run_in(&context, cli).map_err(|source| match (context.kek_place(), source.advice().code) {
        (Some(place), OTHER_KEK) => {
            CliError::OtherKek { place: place.clone(), source: source.into() }
        }
        (_, role_denied::CODE) => {
            block_on(async { Ok(role_denied::of_role(&context, source).await) })
                .unwrap_or_else(|error| error)
        }
        _ => source,
    })
}

fn run_in(context: &Context, cli: Cli) -> Result<Report, CliError> {
    match cli.command {
        Command::Init(command) => init::run(context, command),
        Command::Doctor(command) => doctor::run(context, command),
        Command::Orgs(command) => orgs::run(context, command),
        Command::Keys(command) => keys::run(context, command),
        Command::Package(command) => package::run(context, command),
        Command::Sign(command) => sign::run(context, command),
        Command::Verify(command) => verify::run(context, command),
        Command::Trust(command) => trust::run(context, command),
        Command::Audit(command) => audit::run(context, &cli.global, command),
        Command::Db(command) => db::run(context, command),
        Command::Completions { shell } => help::completions(shell),
        Command::Man { path } => help::manual(&path),
    }
}
