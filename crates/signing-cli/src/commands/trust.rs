mod chosen_key;
mod cosign;
mod export;
mod init;
mod publication;
mod publish;
mod revocation;
mod role_keys;
mod rotate_root;
mod show;
mod status;
mod verify;

use crate::cli::{Publish, Resolved, ShowArgs, Trust};
use crate::commands::trust_graph;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::Existing;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;

pub(super) use chosen_key::{ChosenKey, InStore, name_to_publish};
pub(super) use init::publish_first;
pub(super) use publication::require_vacant_root;
pub(super) use revocation::publish_revocation;

#[cfg(test)]
pub(super) fn documents() -> Vec<Document> {
    [
        publication::DOCUMENTS,
        status::DOCUMENTS,
        cosign::DOCUMENTS,
        export::DOCUMENTS,
        show::DOCUMENTS,
        verify::DOCUMENTS,
    ]
    .concat()
}

pub(super) fn run(context: &Context, command: Trust) -> Result<Report, CliError> {
    match command {
        Trust::Graph { org, format } => trust_graph::run(context, org, format),
        Trust::Init(command) => block_on(init::init(context, command)),
        Trust::Status { org, anchor } => block_on(status::status(context, org.as_ref(), &anchor)),
        Trust::Publish(Resolved(Publish::Rows(command))) => {
            block_on(publish::publish_rows(context, *command))
        }
        Trust::Publish(Resolved(Publish::Draft(command))) => {
            block_on(publish::publish_draft(context, &command))
        }
        Trust::Cosign(command) => cosign::cosign(command),
        Trust::RotateRoot(command) => block_on(rotate_root::rotate_root(context, command)),
        Trust::Export { org, anchor, output, force } => {
            let existing = Existing::replace_if(force);
            block_on(export::export(context, org.as_ref(), &anchor, &output, existing))
        }
        Trust::Show(ShowArgs { file: Some(file), .. }) => show::show_file(&file),
        Trust::Show(ShowArgs { org, .. }) => block_on(show::show_stored(context, org.as_ref())),
        Trust::Verify { bundle, trust_root, state_file } => {
            verify::verify(&bundle, &trust_root, state_file.as_deref())
        }
    }
}
