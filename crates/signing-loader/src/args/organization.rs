use signing_crypto::{OrgId, OrgName};
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, OrganizationRef, Store};

use super::SecurityArgsError;
use crate::{
    LoadedPackage, PackageError, PackagePath, SignatureSource, VerificationConfig, verify_package,
};

/// The organization whose trust counts, and the store that knows it.
#[derive(Debug)]
pub(super) struct Organization {
    keys: KeyManager,
    id: OrgId,
}

impl Organization {
    pub(super) async fn find(org: &str, url: &DatabaseUrl) -> Result<Self, SecurityArgsError> {
        let org = match org.parse() {
            Ok(id) => OrganizationRef::Id(id),
            Err(_) => OrganizationRef::Name(OrgName::new(org)?),
        };
        let store = Store::open_read_only(url).await?;
        let id = store.organization(org).await?.id;
        Ok(Self { keys: KeyManager::new(store, None), id })
    }

    pub(super) async fn load(
        &self,
        package: PackagePath,
        config: &VerificationConfig,
        source: SignatureSource,
    ) -> Result<LoadedPackage, PackageError> {
        let verified = verify_package(package, self.id, config, &self.keys, source).await?;
        verified.load(&self.keys).await
    }
}
