use signing_crypto::{OrgId, PackageName, PackageVersion};
use signing_store::Change;

use super::KeyManager;
use crate::audit::EventType;
use crate::error::TrustError;

impl KeyManager {
    /// Sets the lowest version of a package that `org` accepts, or takes it away with
    /// `None`. Runners compare with it and never raise it: a signer of a high
    /// version cannot have all others refused. Returns the floor before.
    pub async fn set_version_floor(
        &self,
        org: OrgId,
        package: &PackageName,
        floor: Option<PackageVersion>,
    ) -> Result<Change<Option<PackageVersion>>, TrustError> {
        let event = self.event(EventType::FloorSet).org(org).package(package);
        let event = event.floor(floor.as_ref());
        let package = package.clone();
        self.change(event, |store, entry| store.set_version_floor(org, package, floor, entry)).await
    }
}
