//! A program that loads packages, with a pool of its own.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use signing_crypto::OrgId;
use signing_loader::{
    FollowError, FollowedPackage, GateError, LoadedPackages, MaxStaleness, Online, PackageError,
    StoreReader, UntrustedReason, VerificationError, Verifier,
};
use signing_trust::store::{OrganizationRef, SigningKeyRecord};

use crate::support::{Vendor, World};

/// Long enough for a busy machine, and short enough to be waited for. On SQLite a change is
/// found within a third of it.
pub(super) const STALENESS: Duration = Duration::from_secs(3);

pub(super) static LIMIT: LazyLock<MaxStaleness> =
    LazyLock::new(|| MaxStaleness::new(STALENESS).unwrap());

pub(super) struct Host {
    pub(super) vendor: Vendor,
    pub(super) loaded: LoadedPackages,
}

impl Host {
    /// Calls of it are gated by what `acme` trusts, which is one key.
    pub(super) async fn gate(world: &World) -> Self {
        let vendor = world.vendor("acme").await;
        let loaded = LoadedPackages::gate(&verifier(world, vendor.org).await, *LIMIT).unwrap();
        Self { vendor, loaded }
    }

    /// Loads a package of this name that the vendor has signed.
    pub(super) async fn load(&self, world: &World, name: &str) -> FollowedPackage {
        self.load_signed_by(world, name, &self.vendor.key).await
    }

    pub(super) async fn load_signed_by(
        &self,
        world: &World,
        name: &str,
        key: &SigningKeyRecord,
    ) -> FollowedPackage {
        self.loaded.load(sign_beside(world, name, key).await).await.unwrap()
    }
}

pub(super) async fn verifier(world: &World, org: OrgId) -> Verifier<Online> {
    let store = StoreReader::open(&world.database.url()).await.unwrap();
    let verifier = Verifier::organization(&store, OrganizationRef::Id(org)).await.unwrap();
    verifier.config(world.config.clone())
}

/// A package of this name, with its signature beside it.
pub(super) async fn sign_beside(world: &World, name: &str, key: &SigningKeyRecord) -> PathBuf {
    let path = world.package(name);
    let signature = world.sign(&path, key).await;
    std::fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
    path
}

pub(super) fn is_open(package: &FollowedPackage) -> bool {
    package.enter().is_ok()
}

/// Why a call is refused.
pub(super) fn refusal(package: &FollowedPackage) -> GateError {
    package.enter().map(drop).unwrap_err()
}

/// Asserts that a package is not loaded, because its signer is not trusted.
pub(super) fn refuses_to_load(loaded: Result<FollowedPackage, FollowError>) {
    let error = loaded.map(drop).unwrap_err();
    assert_eq!(error.code(), "UntrustedSigner", "{error:?}");
}

/// Why the signer of a package is not trusted any more.
pub(super) fn untrusted_reason(package: &FollowedPackage) -> UntrustedReason {
    let GateError::NoLongerTrusted { source } = refusal(package) else {
        panic!("{:?}", refusal(package))
    };
    match &*source {
        PackageError::Verification(VerificationError::UntrustedSigner { reason, .. }) => {
            reason.clone()
        }
        other => panic!("{other:?}"),
    }
}
