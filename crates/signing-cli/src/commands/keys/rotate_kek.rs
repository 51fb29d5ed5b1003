use serde_json::json;
use signing_trust::store::Change;

use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Lines, Report, counted};

/// Wraps every private key of the store anew.
pub(super) async fn rotate_kek(
    context: &Context,
    command: cli::RotateKek,
) -> Result<Report, CliError> {
    let new = context.new_kek(command.new_kek_file.as_deref())?;
    let keys = context.keys_to_change_with_kek().await?;
    let change = keys.rotate_kek(&new).await?;
    let changed = matches!(change, Change::Made(_));
    let rotated = change.into_inner();
    let count: u64 = rotated.keys.values().sum();
    let mut text = Lines::from(match changed {
        true => format!(
            "wrapped {} of {} again, under the key encryption key {}",
            counted(count, "private key"),
            counted(rotated.keys.len() as u64, "organization"),
            rotated.new,
        ),
        false => {
            format!("the private keys are under the key encryption key {} already", rotated.new)
        }
    });
    text.push("set CLOACINA_KEY_ENCRYPTION_KEY to the new key wherever something signs");
    text.push("keep the old key as long as you keep backups of the store from before");
    let json = json!({
        "changed": changed,
        "kek_id": rotated.new.to_string(),
        "old_kek_id": rotated.old.filter(|_| changed).map(|old| old.to_string()),
        "keys": count,
        "organizations": rotated.keys.len(),
    });
    Ok(Report::told(text, json))
}
