use signing_crypto::PackageDigest;
#[cfg(feature = "store")]
use signing_crypto::{OrgId, PackageName};
use signing_trust::{AuditEvent, EventType, PinnedKeys, Signers, TrustDecision};
#[cfg(feature = "store")]
use signing_trust::{TrustError, TrustSource};

use crate::dylib::Library;
use crate::open::open_regular;
use crate::sealed::SealedPackage;
#[cfg(feature = "store")]
use crate::verify::{blocking, verify_package};
use crate::{
    PackageError, PackagePath, SecurityConfig, SignatureSource, VerificationError,
    VerificationReport, VerifiedPackage, verify_package_offline,
};

/// A package that is part of this process.
///
/// It stays so when this value is dropped: code that may have left threads,
/// thread-local destructors or callbacks behind is never unloaded.
#[derive(Debug)]
pub struct LoadedPackage {
    pub(crate) library: Library,
    provenance: Provenance,
}

/// Whether a loaded package was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// It was, as the report says.
    Verified(Box<VerificationReport>),
    /// It was not: signatures were not required.
    Unsigned {
        /// SHA-256 of the bytes that were loaded.
        digest: PackageDigest,
    },
}

impl LoadedPackage {
    /// Whether the package was verified.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// Verifies a package for the organisation `org` and loads it.
///
/// If `config.require_signatures` is off, it is loaded without verification, and
/// its [`provenance`](LoadedPackage::provenance) says so.
///
/// # Errors
///
/// As [`verify_package`](crate::verify_package), and [`PackageError::Load`]. Unless the
/// dynamic linker was reached, none of the package's code has run.
#[cfg(feature = "store")]
pub async fn verify_and_load_package<'a>(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &SecurityConfig,
    trust: impl Into<TrustSource<'a>>,
    source: SignatureSource,
) -> Result<LoadedPackage, PackageError> {
    let package = path.into();
    if config.require_signatures {
        let trust = trust.into();
        return verify_package(package, org, config, trust, source).await?.load(trust).await;
    }
    let config = config.clone();
    blocking(move || load_unsigned(&package, &config)).await
}

/// Verifies a package with pinned keys and loads it: no store, no network, no
/// runtime.
///
/// If `config.require_signatures` is off, it is loaded without verification, and
/// its [`provenance`](LoadedPackage::provenance) says so.
///
/// # Errors
///
/// As [`verify_package_offline`], and [`PackageError::Load`]. Unless the dynamic linker
/// was reached, none of the package's code has run.
pub fn verify_and_load_package_offline(
    path: impl Into<PackagePath>,
    config: &SecurityConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<LoadedPackage, PackageError> {
    let package = path.into();
    if config.require_signatures {
        return verify_package_offline(package, config, pinned, source)?.load_offline(pinned);
    }
    load_unsigned(&package, config)
}

impl VerifiedPackage {
    /// Loads the bytes that were verified, after asking `trust` once more: a
    /// package that was verified before a revocation is not loaded after it.
    ///
    /// # Errors
    ///
    /// [`VerificationError::UntrustedSigner`] if the signer is no longer trusted,
    /// and [`PackageError::Load`].
    #[cfg(feature = "store")]
    pub async fn load<'a>(
        self,
        trust: impl Into<TrustSource<'a>>,
    ) -> Result<LoadedPackage, PackageError> {
        let decided = match (trust.into(), self.report.org) {
            (TrustSource::Pinned(keys), _) => Ok(keys.decide(&self.signer())),
            (trust, Some(org)) => {
                let name: &PackageName = &self.report.name;
                trust.decide(org, &self.signer(), name).await
            }
            (_, None) => Err(TrustError::NoOrganization),
        };
        match decided {
            Ok(decision) => self.load_if_trusted(&decision),
            Err(error) => self.refuse(error.into()),
        }
    }

    /// As [`load`](Self::load), with pinned keys.
    pub fn load_offline(self, pinned: &PinnedKeys) -> Result<LoadedPackage, PackageError> {
        let decision = pinned.decide(&self.signer());
        self.load_if_trusted(&decision)
    }

    fn signer(&self) -> Signers {
        Signers::one(self.report.fingerprint)
    }

    fn load_if_trusted(self, decision: &TrustDecision) -> Result<LoadedPackage, PackageError> {
        match decision.about(&self.report.fingerprint) {
            Ok(_) => load_sealed(self.sealed, Provenance::Verified(Box::new(self.report))),
            Err(reason) => {
                let fingerprint = Some(self.report.fingerprint);
                self.refuse(VerificationError::UntrustedSigner { fingerprint, reason }.into())
            }
        }
    }

    fn refuse(self, error: PackageError) -> Result<LoadedPackage, PackageError> {
        AuditEvent::new(EventType::LoadFailure)
            .org(self.report.org)
            .fingerprint(self.report.fingerprint)
            .package(&self.report.name)
            .digest(self.report.content.digest)
            .failure(&error)
            .emit();
        Err(error)
    }
}

fn load_unsigned(
    package: &PackagePath,
    config: &SecurityConfig,
) -> Result<LoadedPackage, PackageError> {
    let name = package.name()?;
    let (file, size) = open_regular(package.path())?;
    let limit = config.max_package_size;
    let sealed = match size > limit {
        true => return Err(VerificationError::PackageTooLarge { size, limit }.into()),
        false => SealedPackage::copy(file, limit, &name),
    };
    let sealed = sealed.map_err(|source| PackageError::io(package.path(), source))?;
    let content = sealed.content();
    if content.size > limit {
        return Err(VerificationError::PackageTooLarge { size: content.size, limit }.into());
    }
    load_sealed(sealed, Provenance::Unsigned { digest: content.digest })
}

/// The one way to a [`LoadedPackage`].
fn load_sealed(
    sealed: SealedPackage,
    provenance: Provenance,
) -> Result<LoadedPackage, PackageError> {
    if let Provenance::Unsigned { .. } = &provenance {
        // Said before its code runs, which might see to it that nothing is said after;
        // of a verified package the verification has been told already.
        event(EventType::LoadUnsigned, &provenance).emit();
    }
    match Library::load(sealed) {
        Ok(library) => {
            if let Provenance::Verified(_) = &provenance {
                event(EventType::LoadSuccess, &provenance).emit();
            }
            Ok(LoadedPackage { library, provenance })
        }
        Err(error) => {
            event(EventType::LoadFailure, &provenance).failure(&error).emit();
            Err(error.into())
        }
    }
}

fn event(event_type: EventType, provenance: &Provenance) -> AuditEvent {
    let event = AuditEvent::new(event_type);
    match provenance {
        Provenance::Verified(report) => event
            .org(report.org)
            .fingerprint(report.fingerprint)
            .package(&report.name)
            .digest(report.content.digest),
        Provenance::Unsigned { digest } => event.digest(*digest),
    }
}
