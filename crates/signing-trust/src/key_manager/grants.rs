use signing_crypto::{OrgId, TrustLimits};
use signing_store::{Change, TrustGrantRecord};

use super::KeyManager;
use crate::audit::EventType;
use crate::error::TrustError;

impl KeyManager {
    /// Lets `parent` accept the keys that `child` trusts directly. It reaches no
    /// further: what `child` accepts through grants of its own, `parent` does not.
    ///
    /// # Errors
    ///
    /// [`TrustError::SelfGrant`].
    pub async fn grant_trust(
        &self,
        parent: OrgId,
        child: OrgId,
    ) -> Result<Change<TrustGrantRecord>, TrustError> {
        self.grant_limited_trust(parent, child, TrustLimits::default()).await
    }

    /// Grants trust for some packages or until some time only. A grant that reaches
    /// otherwise is replaced: limits are not added up.
    ///
    /// # Errors
    ///
    /// As [`grant_trust`](Self::grant_trust), and [`TrustError::ExpiryPast`].
    pub async fn grant_limited_trust(
        &self,
        parent: OrgId,
        child: OrgId,
        scope: TrustLimits,
    ) -> Result<Change<TrustGrantRecord>, TrustError> {
        if parent == child {
            return Err(TrustError::SelfGrant { org: parent });
        }
        self.require_future(scope.expires_at).await?;
        let event = self
            .event(EventType::GrantCreated)
            .org(parent)
            .child_org(child)
            .packages(scope.packages.as_ref())
            .expires_at(scope.expires_at);
        let grant = |entry| self.store.grant_trust(parent, child, scope, entry);
        Ok(self.change(event, grant).await?)
    }

    /// The grant that `grant` took the place of, if it did.
    pub async fn replaced_grant(
        &self,
        grant: &TrustGrantRecord,
    ) -> Result<Option<TrustGrantRecord>, TrustError> {
        Ok(self.store.replaced_grant(grant.clone()).await?)
    }

    /// Revokes a grant. `Unchanged(None)` if there was no grant.
    pub async fn revoke_trust(
        &self,
        parent: OrgId,
        child: OrgId,
    ) -> Result<Change<Option<TrustGrantRecord>>, TrustError> {
        let event = self.event(EventType::GrantRevoked).org(parent).child_org(child);
        Ok(self.change(event, |entry| self.store.revoke_grant(parent, child, entry)).await?)
    }

    /// The grants that `parent` has made and not revoked, oldest first.
    pub async fn list_grants(&self, parent: OrgId) -> Result<Vec<TrustGrantRecord>, TrustError> {
        Ok(self.store.grants_from(parent).await?)
    }
}
