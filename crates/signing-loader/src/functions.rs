//! The functions with which a host replaces its `dlopen`: thin forms of [`Verifier`].

#[cfg(feature = "store")]
use {
    crate::{
        blocking::blocking, config::SecurityConfig, load::UnsignedPackage, trust_source::Online,
    },
    signing_crypto::OrgId,
    signing_trust::TrustReader,
};

use signing_trust::PinnedKeys;
use signing_trust::acceptance::VerificationConfig;

use crate::error::PackageError;
use crate::load::LoadedPackage;
use crate::path::PackagePath;
use crate::source::SignatureSource;
use crate::trust_source::Offline;
use crate::verified::VerifiedPackage;
use crate::verifier::Verifier;

/// Loads a package, **without verification unless `config.require_signatures` is on: it is
/// off by default**. If it is on, the package is verified for the organization `org` first.
///
/// To verify whatever a configuration says, use [`verify_package`](crate::verify_package)
/// and [`VerifiedPackage::load`]. Whether the package was verified, its
/// [`provenance`](LoadedPackage::provenance) says.
///
/// # Errors
///
/// As [`verify_package`](crate::verify_package), and [`PackageError::Load`]. Unless the
/// dynamic linker was reached, none of the package's code has run.
#[cfg(feature = "store")]
pub async fn verify_and_load_package(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &SecurityConfig,
    trust: &TrustReader,
    source: SignatureSource,
) -> Result<LoadedPackage, PackageError> {
    let package = path.into();
    if config.require_signatures {
        let verified = verify_package(package, org, &config.verification, trust, source).await?;
        let allowed = config.allowed_dependencies.iter().cloned();
        return allowed.fold(verified, VerifiedPackage::allow_dependency).load().await;
    }
    let limit = config.verification.max_package_size;
    blocking(move || UnsignedPackage::read(&package, limit)?.load()).await
}

/// Verifies a package with pinned keys and loads it: no store, no network, no
/// runtime. To allow it a dependency, call [`verify_package_offline`],
/// [`VerifiedPackage::allow_dependency`] and [`VerifiedPackage::load`].
///
/// # Errors
///
/// As [`verify_package_offline`], and [`PackageError::Load`]. Unless the dynamic linker
/// was reached, none of the package's code has run.
pub fn verify_and_load_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<LoadedPackage, PackageError> {
    verify_package_offline(path, config, pinned, source)?.load()
}

/// Verifies a package for the organization `org`: [`Verifier::verify`].
///
/// # Errors
///
/// As [`Verifier::verify`].
#[cfg(feature = "store")]
pub async fn verify_package(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    trust: &TrustReader,
    source: SignatureSource,
) -> Result<VerifiedPackage<Online>, PackageError> {
    let verifier = Verifier::organization_by_id(trust, org);
    verifier.config(config.clone()).signature(source).verify(path.into()).await
}

/// Verifies a package with pinned keys: [`Verifier::verify`].
///
/// # Errors
///
/// As [`Verifier::verify`].
pub fn verify_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerifiedPackage<Offline>, PackageError> {
    let verifier = Verifier::pinned(pinned.clone());
    verifier.config(config.clone()).signature(source).verify(path.into())
}
