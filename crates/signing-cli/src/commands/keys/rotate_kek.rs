use serde::Serialize;
use signing_crypto::KekId;

use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::kek;
use crate::lines::{Lines, counted};
use crate::output::Report;
use crate::view::{View, json_documents};

/// Re-wraps every private key of the store.
pub(super) async fn rotate_kek(
    context: &Context,
    command: cli::RotateKek,
) -> Result<Report, CliError> {
    let new = kek::read_new(&command.new_kek_file)?;
    let keys = context.open_to_change_with_kek().await?;
    let change = keys.rotate_kek(&new).await?;
    let (rotated, changed) = change.into_parts();
    Ok(Report::done(&RotatedView {
        changed,
        kek_id: rotated.new,
        old_kek_id: rotated.old.filter(|_| changed),
        keys: rotated.keys.values().sum(),
        organizations: rotated.keys.len(),
    }))
}

json_documents! { "keys rotate-kek": RotatedView }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RotatedView {
    changed: bool,
    kek_id: KekId,
    old_kek_id: Option<KekId>,
    keys: u64,
    organizations: usize,
}

impl View for RotatedView {
    fn text(&self) -> Lines {
        let mut text = Lines::from(match self.changed {
            true => format!(
                "re-wrapped {} of {} with the key encryption key whose id is {}",
                counted(self.keys, "private key"),
                counted(self.organizations as u64, "organization"),
                self.kek_id,
            ),
            false => format!(
                "the private keys are already wrapped with the key encryption key whose id is {}",
                self.kek_id
            ),
        });
        text.push("replace the old key by the new one on every machine that signs");
        text.push("keep the old key as long as you keep older backups of the store");
        text
    }
}
