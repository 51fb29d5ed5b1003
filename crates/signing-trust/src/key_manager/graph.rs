use chrono::{DateTime, Utc};
use signing_crypto::OrgId;

use super::KeyManager;
use crate::error::TrustError;
use crate::graph::TrustGraph;
use crate::snapshot::{boot_time, present};

impl KeyManager {
    /// The picture of who accepts whose keys: all that bears on what `org` accepts, so
    /// also those that it granted trust, or with `None` the whole store.
    pub async fn trust_graph(&self, org: Option<OrgId>) -> Result<TrustGraph, TrustError> {
        let asked = boot_time();
        let rows = self.store.trust_rows(org).await?;
        let now = present(rows.as_of, asked);
        let mut graph = TrustGraph::new(rows, now);
        if let Some(org) = org {
            // A grant reaches one level, so whom they granted trust is nothing to it.
            let others = graph.organizations.iter_mut().filter(|other| other.id != org);
            others.for_each(|other| other.grants.clear());
        }
        Ok(graph)
    }

    /// The present, which expiry is measured against: the later of the local and the
    /// store's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>, TrustError> {
        let asked = boot_time();
        Ok(present(self.store.heartbeat().await?.as_of, asked))
    }

    /// # Errors
    ///
    /// [`TrustError::ExpiryPast`] if trust would end before it began.
    pub(super) async fn require_future(
        &self,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), TrustError> {
        let Some(expires_at) = expires_at else { return Ok(()) };
        let now = self.now().await?;
        match now >= expires_at {
            true => Err(TrustError::ExpiryPast { expires_at, now }),
            false => Ok(()),
        }
    }
}
