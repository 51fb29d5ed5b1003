use serde::Serialize;
use signing_crypto::{OrgId, PackageDigest, SignatureId};
use signing_trust::store::StoreError;

use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::view::View;

/// Removes signatures from the store, if it has all of them.
pub(super) async fn unstore(context: &Context, ids: &[SignatureId]) -> Result<Report, CliError> {
    let keys = context.keys_to_change().await?;
    for id in ids {
        if keys.store().kept_signature(*id).await?.is_none() {
            return Err(StoreError::SignatureNotFound { id: *id }.into());
        }
    }
    let mut removed = Vec::new();
    for id in ids {
        let record = keys.remove_signature(*id).await?;
        removed.push(RemovedView {
            signature_id: *id,
            org_id: record.org_id,
            package_hash: record.package_digest,
        });
    }
    Ok(Report::done(&removed))
}

#[derive(Serialize)]
struct RemovedView {
    signature_id: SignatureId,
    org_id: OrgId,
    package_hash: PackageDigest,
}

impl View for RemovedView {
    fn text(&self) -> Lines {
        Lines::from(format!("removed {}, about {}", self.signature_id, self.package_hash))
    }
}
