use signing_crypto::{OrgId, OrgName};
use signing_store::{NewOrganization, OrganizationRecord};

use super::KeyManager;
use crate::audit::EventType;
use crate::error::TrustError;

impl KeyManager {
    /// Creates an organization.
    ///
    /// # Errors
    ///
    /// [`StoreError::NameTaken`](signing_store::StoreError::NameTaken) if another
    /// one has the name, and
    /// [`StoreError::OrganizationNameRetired`](signing_store::StoreError::OrganizationNameRetired)
    /// if a deleted one had it.
    pub async fn create_organization(
        &self,
        name: OrgName,
    ) -> Result<OrganizationRecord, TrustError> {
        let id = OrgId::random();
        let event = self.event(EventType::OrganizationCreated).org(id).name(Some(&name));
        let new = NewOrganization { id, name };
        self.change(event, |store, entry| store.create_organization(new, entry)).await
    }

    /// Deletes an organization. It stays as a tombstone that trusts nothing and
    /// passes no trust on. No other organization gets its name: programs that know it by
    /// name would follow that one.
    pub async fn delete_organization(&self, id: OrgId) -> Result<(), TrustError> {
        let event = self.event(EventType::OrganizationDeleted).org(id);
        self.change(event, |store, entry| store.delete_organization(id, entry)).await
    }
}
