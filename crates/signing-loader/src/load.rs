use signing_crypto::PackageDigest;
#[cfg(feature = "store")]
use signing_crypto::{OrgId, PackageName};
use signing_trust::acceptance::accept_again;
use signing_trust::{
    AuditEvent, EventType, PinnedKeys, Signers, TrustDecision, TrustError, TrustSource,
    TrustSourceKind,
};

use crate::dylib::Library;
use crate::open::open_regular;
use crate::sealed::SealedPackage;
use crate::{
    PackageError, PackagePath, SignatureSource, VerificationConfig, VerificationError,
    VerificationReport, VerifiedPackage, verify_package_offline,
};
#[cfg(feature = "store")]
use crate::{
    SecurityConfig,
    verify::{blocking, verify_package},
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
pub async fn verify_and_load_package<'a>(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &SecurityConfig,
    trust: impl Into<TrustSource<'a>>,
    source: SignatureSource,
) -> Result<LoadedPackage, PackageError> {
    let package = path.into();
    if config.require_signatures {
        let (config, trust) = (&config.verification, trust.into());
        return verify_package(package, org, config, trust, source).await?.load(trust).await;
    }
    let limit = config.verification.max_package_size;
    blocking(move || load_unsigned(&package, limit)).await
}

/// Verifies a package with pinned keys and loads it: no store, no network, no
/// runtime.
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
    verify_package_offline(path, config, pinned, source)?.load_offline(pinned)
}

/// Loads a package that nobody has verified, which gives its author the rights of this
/// process. At most 4 GiB are read.
///
/// Its [`provenance`](LoadedPackage::provenance) says that it is unsigned, and a warning in
/// the audit log does.
///
/// # Errors
///
/// [`VerificationError::PackageTooLarge`], [`VerificationError::NotARegularFile`], an I/O
/// error, or [`PackageError::Load`].
pub fn danger_load_unsigned(path: impl Into<PackagePath>) -> Result<LoadedPackage, PackageError> {
    load_unsigned(&path.into(), VerificationConfig::default().max_package_size)
}

impl VerifiedPackage {
    /// Loads the bytes that were verified, after asking `trust` once more: a
    /// package that was verified before a revocation, before its signature expired or
    /// before a higher version was asked for is not loaded after it.
    ///
    /// # Errors
    ///
    /// What keeps a package from being verified also keeps it from being loaded:
    /// [`VerificationError::UntrustedSigner`] if no signer is trusted any more,
    /// [`VerificationError::NotEnoughSigners`] if too few are,
    /// [`VerificationError::Expired`], [`VerificationError::VersionBelowFloor`]. Then
    /// [`PackageError::Load`].
    ///
    /// [`TrustError::OtherSource`] and [`TrustError::NoOrganization`] if `trust` is not of
    /// the kind that it was verified by.
    #[cfg(feature = "store")]
    pub async fn load<'a>(
        self,
        trust: impl Into<TrustSource<'a>>,
    ) -> Result<LoadedPackage, PackageError> {
        let trust = trust.into();
        let decided = match (trust, self.report.org) {
            (TrustSource::Store(_), None) => Err(TrustError::NoOrganization),
            _ if trust.kind() != self.verified_by => Err(self.other_source(trust.kind())),
            (TrustSource::Pinned(keys), _) => Ok(keys.decide(&self.claims())),
            (trust, Some(org)) => {
                let name: &PackageName = &self.report.name;
                let allowance = self.config.clock_skew_allowance.as_duration();
                trust.decide(org, &self.claims(), name, allowance).await
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
        let asked = TrustSource::Pinned(pinned).kind();
        if asked != self.verified_by {
            let error = self.other_source(asked);
            return self.refuse(error.into());
        }
        let decision = pinned.decide(&self.claims());
        self.load_if_trusted(&decision)
    }

    fn other_source(&self, asked: TrustSourceKind) -> TrustError {
        TrustError::OtherSource { verified: self.verified_by, asked }
    }

    fn claims(&self) -> Signers {
        let named = self.report.signers.iter().map(|signer| signer.key.fingerprint()).collect();
        Signers { named, anonymous: false }
    }

    fn load_if_trusted(mut self, decision: &TrustDecision) -> Result<LoadedPackage, PackageError> {
        let VerificationReport { signers, expires_at, version, .. } = &self.report;
        match accept_again(signers, *expires_at, version.as_ref(), decision, &self.config) {
            Ok(signers) => {
                self.report.fingerprint = signers[0].key.fingerprint();
                self.report.signers = signers;
                load_sealed(self.sealed, Provenance::Verified(Box::new(self.report)))
            }
            Err(error) => self.refuse(error.into()),
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

pub(crate) fn load_unsigned(
    package: &PackagePath,
    limit: u64,
) -> Result<LoadedPackage, PackageError> {
    let name = package.name()?;
    let (file, size) = open_regular(package.path())?;
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use signing_crypto::{SignatureEnvelope, SigningKey, StatementTime};

    use super::*;
    use crate::{LoadError, package_statement};

    /// A package that is no library, so that only the dynamic linker refuses it.
    fn verified(directory: &Path, key: &SigningKey) -> VerifiedPackage {
        let path = directory.join("libworkflow.so");
        std::fs::write(&path, "not a library").unwrap();
        let expiry: StatementTime = "9999-12-31T23:59:59Z".parse().unwrap();
        let statement = package_statement(&path).unwrap().with_expiry(expiry);
        let source = SignatureSource::Memory(SignatureEnvelope::sign(&statement, key));
        let pinned = PinnedKeys::from(key.verifying_key());
        verify_package_offline(&path, &VerificationConfig::default(), &pinned, source).unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_unsigned_copy_that_grew_beyond_the_limit_does_not_load() {
        // A file that says it is empty, as one does that grows after it was looked at.
        let growing = PackagePath::new("/proc/self/maps");
        assert_eq!(std::fs::metadata(growing.path()).unwrap().len(), 0);

        let loaded = load_unsigned(&growing, 10);
        assert!(
            matches!(
                loaded,
                Err(PackageError::Verification(VerificationError::PackageTooLarge {
                    size: 11,
                    limit: 10
                }))
            ),
            "{loaded:?}"
        );
        // It is read whole, and is no library.
        let loaded = load_unsigned(&growing, 1 << 30);
        assert!(matches!(loaded, Err(PackageError::Load(LoadError::Linker(_)))), "{loaded:?}");
    }

    #[test]
    fn a_signature_that_expired_after_verification_does_not_load() {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let pinned = PinnedKeys::from(key.verifying_key());

        let loaded = verified(directory.path(), &key).load_offline(&pinned);
        assert!(matches!(loaded, Err(PackageError::Load(LoadError::Linker(_)))), "{loaded:?}");

        let mut package = verified(directory.path(), &key);
        let expiry = chrono::Utc::now();
        package.report.expires_at = Some(expiry);
        let loaded = package.load_offline(&pinned);
        assert!(
            matches!(
                loaded,
                Err(PackageError::Verification(VerificationError::Expired { expired_at, .. }))
                    if expired_at == expiry
            ),
            "{loaded:?}"
        );
    }
}
