use signing_crypto::{OrgId, PackageName, PackageVersion};
use signing_store::{Change, VersionFloorRecord};

use super::{KeyManager, entry};
use crate::{AuditEvent, EventType, TrustError};

impl KeyManager {
    /// Sets the lowest version of a package that `org` accepts, or takes it away with
    /// `None`. Runners compare with it and never raise it, so that whoever signs a
    /// high version cannot have all others refused. Returns the floor before.
    pub async fn set_version_floor(
        &self,
        org: OrgId,
        package: &PackageName,
        floor: Option<PackageVersion>,
    ) -> Result<Change<Option<PackageVersion>>, TrustError> {
        let mut entry = entry(EventType::FloorSet).with("package_name", package);
        if let Some(floor) = &floor {
            entry = entry.with("floor", floor);
        }
        let change = self.store.set_version_floor(org, package.clone(), floor.clone(), entry);
        let change = self.change(change).await?;
        if let Change::Made(_) = &change {
            AuditEvent::new(EventType::FloorSet).org(org).package(package).floor(floor).emit();
        }
        Ok(change)
    }

    /// The floors that `org` has set, by package name.
    pub async fn list_version_floors(
        &self,
        org: OrgId,
    ) -> Result<Vec<VersionFloorRecord>, TrustError> {
        Ok(self.store.version_floors(org).await?)
    }
}
