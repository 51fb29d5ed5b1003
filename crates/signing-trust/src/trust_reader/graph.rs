use signing_crypto::OrgId;
use signing_store::{OrganizationRecord, OrganizationRef};

use super::TrustReader;
use crate::error::TrustError;
use crate::graph::{GraphGrant, TrustGraph, graph_grant};
use crate::rules::DecisionContext;
use crate::snapshot::{boot_time, present};

impl TrustReader {
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

    /// The grants that were made to `child` and not revoked, by the names of the organizations
    /// that made them.
    pub async fn grants_to(
        &self,
        child: OrgId,
    ) -> Result<Vec<(OrganizationRecord, GraphGrant)>, TrustError> {
        let context = DecisionContext::at(self.now().await?);
        let child = self.store.organization(OrganizationRef::Id(child)).await?;
        let parents = self.store.parents_of(child.id).await?;
        let received = parents.into_iter().map(|(parent, grant)| {
            (parent, graph_grant(&grant, child.name.clone(), child.deleted_at, context))
        });
        Ok(received.collect())
    }
}
