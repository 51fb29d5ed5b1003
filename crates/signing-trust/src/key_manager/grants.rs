use signing_crypto::{OrgId, TrustLimits};
use signing_store::{Change, TrustGrantRecord};

use super::KeyManager;
use crate::audit::EventType;
use crate::error::TrustError;

impl KeyManager {
    /// Lets `parent` accept the keys that `child` trusts directly. It reaches no
    /// further: what `child` accepts through grants of its own, `parent` does not.
    ///
    /// A grant with other limits is replaced: limits are not added up.
    ///
    /// # Errors
    ///
    /// [`TrustError::SelfGrant`], and [`TrustError::ExpiryPast`].
    pub async fn grant_trust(
        &self,
        parent: OrgId,
        child: OrgId,
        limits: TrustLimits,
    ) -> Result<Change<TrustGrantRecord>, TrustError> {
        self.require_grantable(parent, child, limits.expires_at).await?;
        let event = self
            .event(EventType::GrantCreated)
            .org(parent)
            .child_org(child)
            .packages(limits.packages.as_ref())
            .expires_at(limits.expires_at);
        self.change(event, |store, entry| store.grant_trust(parent, child, limits, entry)).await
    }

    /// Revokes a grant. `Unchanged(None)` if there was no grant.
    pub async fn revoke_trust(
        &self,
        parent: OrgId,
        child: OrgId,
    ) -> Result<Change<Option<TrustGrantRecord>>, TrustError> {
        let event = self.event(EventType::GrantRevoked).org(parent).child_org(child);
        self.change(event, |store, entry| store.revoke_grant(parent, child, entry)).await
    }
}
