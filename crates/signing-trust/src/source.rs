use std::sync::Arc;

use signing_crypto::OrgId;
use signing_store::{StoreError, StoreReader};

use crate::candidates::MAX_CANDIDATES;
use crate::decision::{DecisionError, Signers};
use crate::error::TrustError;
use crate::snapshot::{OrganizationTrust, boot_time};

/// The most rows that are read for a signature that names no key.
pub(crate) const MAX_KEY_ROWS: usize = 4096;

/// Reads what bears on whether `org` accepts the signers, in one statement.
pub(crate) async fn read_store(
    store: &StoreReader,
    org: OrgId,
    signers: &Signers,
) -> Result<Arc<OrganizationTrust>, TrustError> {
    if signers.unnamed {
        return match read_all(store, org, MAX_KEY_ROWS).await {
            Err(StoreError::TooManyKeyRows { limit: found }) => {
                Err(DecisionError::TooManyCandidates { found, limit: MAX_CANDIDATES }.into())
            }
            read => Ok(Arc::new(read?)),
        };
    }
    let asked = boot_time();
    let snapshot = store.trust_in_keys(org, &signers.named).await?;
    Ok(Arc::new(OrganizationTrust::from_store(snapshot, asked)))
}

/// Reads what bears on which keys `org` accepts, in no more than `limit` rows.
pub(crate) async fn read_all(
    store: &StoreReader,
    org: OrgId,
    limit: usize,
) -> Result<OrganizationTrust, StoreError> {
    let asked = boot_time();
    Ok(OrganizationTrust::from_store(store.trust_in_all_keys(org, limit).await?, asked))
}
