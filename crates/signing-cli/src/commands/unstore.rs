use serde_json::{Value, json};
use signing_crypto::SignatureId;
use signing_trust::store::StoreError;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Lines, Report};

/// Removes signatures from the store, if it has all of them.
pub(super) async fn unstore(context: &Context, ids: &[SignatureId]) -> Result<Report, CliError> {
    let keys = context.keys_to_change().await?;
    for id in ids {
        if keys.store().kept_signature(*id).await?.is_none() {
            return Err(StoreError::SignatureNotFound { id: *id }.into());
        }
    }
    let mut text = Lines::new();
    let mut documents = Vec::new();
    for id in ids {
        let removed = keys.remove_signature(*id).await?;
        text.push(format!("removed {id}, about {}", removed.package_digest));
        documents.push(json!({
            "signature_id": id.to_string(),
            "org_id": removed.org_id.to_string(),
            "package_hash": removed.package_digest.to_string(),
        }));
    }
    Ok(Report::told(text, Value::Array(documents)))
}
