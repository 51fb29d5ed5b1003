mod dylib;
mod shared;
mod sonames;
#[cfg(test)]
mod test_library;

use std::fs::File;

use signing_crypto::PackageDigest;
use signing_trust::acceptance::{VerificationConfig, VerificationError};
use signing_trust::{AuditEvent, EventType};

use self::dylib::Library;
#[cfg(all(feature = "store", target_os = "linux"))]
pub(crate) use self::dylib::wiped_on_fork;
pub(crate) use self::sonames::{
    Candidate, Candidates, Provider, TrustedProviders, candidates, soname,
};
use crate::elf::{AllowedDependencies, SharedLibrary};
use crate::error::{LoadError, PackageError};
use crate::open::open_regular;
use crate::path::PackagePath;
use crate::report::VerificationReport;
use crate::sealed::SealedPackage;

/// A package that is part of this process.
///
/// It stays so when this value is dropped: code that may have left threads,
/// thread-local destructors or callbacks behind is never unloaded.
///
/// Packages with equal bytes are one library, whose constructors run once and whose variables
/// all of them share, whether they were verified or not.
#[derive(Debug)]
pub struct LoadedPackage {
    library: &'static Library,
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

/// Loads an unverified package, which gives its author the rights of this process.
/// At most 4 GiB are read.
///
/// What the package links against is not checked either: the dynamic linker loads it as usual.
/// If the package's SONAME is the name of a library that is not loaded yet, the linker uses
/// the package in its place from then on. Verified packages that need that name are refused.
///
/// Its [`provenance`](LoadedPackage::provenance) says that it is unsigned, and a warning in
/// the audit log does.
///
/// # Errors
///
/// [`VerificationError::PackageTooLarge`], [`VerificationError::NotARegularFile`], an I/O
/// error, or [`PackageError::Load`].
pub fn danger_load_unsigned(path: impl Into<PackagePath>) -> Result<LoadedPackage, PackageError> {
    UnsignedPackage::read(&path.into(), VerificationConfig::default().max_package_size)?.load()
}

/// A copy of an unverified package.
pub(crate) struct UnsignedPackage(SealedPackage);

impl UnsignedPackage {
    pub(crate) fn read(package: &PackagePath, limit: u64) -> Result<Self, PackageError> {
        let name = package.name()?;
        let (file, size) = open_regular(package.path())?;
        let sealed = match size > limit {
            true => return Err(VerificationError::PackageTooLarge { size, limit }.into()),
            false => SealedPackage::copy(file, limit, &name),
        };
        let sealed = sealed.map_err(|source| PackageError::io(package.path(), source))?;
        match sealed.content().size {
            size if size > limit => Err(VerificationError::PackageTooLarge { size, limit }.into()),
            _ => Ok(Self(sealed)),
        }
    }

    pub(crate) fn digest(&self) -> PackageDigest {
        self.0.content().digest
    }

    pub(crate) fn load(self) -> Result<LoadedPackage, PackageError> {
        let provenance = Provenance::Unsigned { digest: self.digest() };
        load_sealed(self.0, provenance, shared::load)
    }
}

/// What the dynamic linker will read in a package. `None` where it reads no ELF files: then
/// nothing of this is checked.
pub(crate) fn read_library(file: &File) -> Result<Option<SharedLibrary>, LoadError> {
    match cfg!(target_vendor = "apple") {
        true => Ok(None),
        false => Ok(Some(SharedLibrary::read(file)?)),
    }
}

/// Loads a verified package, of which `library` was read.
pub(crate) fn load_verified(
    sealed: SealedPackage,
    library: Option<&SharedLibrary>,
    report: VerificationReport,
    allowed: &AllowedDependencies,
    trusted: &TrustedProviders,
) -> Result<LoadedPackage, PackageError> {
    let provenance = Provenance::Verified(Box::new(report.clone()));
    load_sealed(sealed, provenance, |sealed| match library {
        Some(library) => sonames::load(sealed, library, &report, allowed, trusted),
        None => shared::load(sealed),
    })
}

/// The one way to a [`LoadedPackage`].
fn load_sealed(
    sealed: SealedPackage,
    provenance: Provenance,
    load: impl FnOnce(SealedPackage) -> Result<&'static Library, LoadError>,
) -> Result<LoadedPackage, PackageError> {
    if let Provenance::Unsigned { .. } = &provenance {
        // Logged before the constructors run: they could suppress later events. The
        // verification of a verified package was logged already.
        event(EventType::LoadUnsigned, &provenance).emit();
    }
    match load(sealed) {
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
    match provenance {
        Provenance::Verified(report) => report.event(event_type),
        Provenance::Unsigned { digest } => AuditEvent::new(event_type).digest(*digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn an_unsigned_copy_that_grew_beyond_the_limit_does_not_load() {
        // A file that says it is empty, as one does that grows after it was looked at.
        let growing = PackagePath::new("/proc/self/maps");
        assert_eq!(std::fs::metadata(growing.path()).unwrap().len(), 0);

        let loaded = UnsignedPackage::read(&growing, 10).and_then(UnsignedPackage::load);
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
        let loaded = UnsignedPackage::read(&growing, 1 << 30).and_then(UnsignedPackage::load);
        assert!(matches!(loaded, Err(PackageError::Load(LoadError::Linker(_)))), "{loaded:?}");
    }
}
