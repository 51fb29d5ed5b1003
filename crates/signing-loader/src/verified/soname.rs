//! The name that a package takes in the process besides its own. The SONAME is part of the package,
//! so the signer chooses it. The dynamic linker gives the package to every library that needs this
//! name, also to a library of the system, whose needs are not checked. A package is therefore
//! loaded only if it is accepted under its SONAME as well.

use signing_crypto::PackageName;
use signing_trust::acceptance::VerificationError;

use super::VerifiedPackage;
use crate::elf::{DependencyName, SharedLibrary};
use crate::error::{LoadError, PackageError};
use crate::load::soname;
use crate::trust_source::TrustSource;

/// A SONAME, and the same as the name of a package.
struct TakenName {
    soname: DependencyName,
    package: PackageName,
}

#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> VerifiedPackage<T> {
    pub(super) async fn require_soname(&self, library: &SharedLibrary) -> Result<(), PackageError> {
        let Some(taken) = self.taken_name(library)? else { return Ok(()) };
        let signers = self.report.claims();
        let decision = self.trust.decide(&signers, &taken.package, &self.config).await;
        match self.report.accepted_again(decision, &self.config) {
            Ok(_) => Ok(()),
            Err(error) => Err(refused_as(taken.soname, error)),
        }
    }

    /// `None` if the package takes no other name than its own.
    fn taken_name(&self, library: &SharedLibrary) -> Result<Option<TakenName>, PackageError> {
        let Some(soname) = soname(library) else { return Ok(None) };
        match PackageName::new(soname.as_str()) {
            Ok(package) if package == *self.report.name() => Ok(None),
            Ok(package) => Ok(Some(TakenName { soname, package })),
            Err(error) => Err(refused_as(soname, VerificationError::InvalidName(error).into())),
        }
    }
}

fn refused_as(name: DependencyName, error: PackageError) -> PackageError {
    LoadError::Soname { name, source: Box::new(error) }.into()
}
