mod checkpoint;
mod list;
mod replaced;
mod verify;

use crate::advice::LIST_LOGS;
use crate::cli::{Audit, Global};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::output::{Form, Report};
#[cfg(test)]
use crate::schemas::Document;

#[cfg(test)]
pub(super) fn documents() -> Vec<Document> {
    [list::DOCUMENTS, verify::DOCUMENTS, checkpoint::DOCUMENTS].concat()
}

pub(super) fn run(context: &Context, global: &Global, command: Audit) -> Result<Report, CliError> {
    let report = match command {
        Audit::List(list) => {
            let form = Form::new(global, list.jsonl);
            block_on(list::list(context, list, form))
        }
        Audit::Verify(verify) => block_on(async {
            let checkpoints = verify::read_checkpoints(context, &verify).await?;
            verify::verify(context, verify.org.as_ref(), checkpoints).await
        }),
        Audit::Checkpoint(checkpoint) => block_on(checkpoint::checkpoint(context, checkpoint)),
    };
    report.map_err(|error| match error {
        CliError::NoSuchOrganization { similar: None, .. } => error.advised(LIST_LOGS.to_owned()),
        error => error,
    })
}
