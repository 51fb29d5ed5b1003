//! The name that a package takes in the process besides its own. The SONAME is part of the package,
//! so the signer chooses it. The dynamic linker gives the package to every library that needs this
//! name, also to a library of the system, whose needs are not checked. A package is therefore
//! loaded only if it is accepted under its SONAME as well.

use signing_crypto::PackageName;
use signing_trust::TrustDecision;
use signing_trust::acceptance::VerificationError;

use super::VerifiedPackage;
use crate::elf::DependencyName;
use crate::error::{LoadError, PackageError};
use crate::load::soname;
use crate::trust_source::Offline;
#[cfg(feature = "store")]
use crate::trust_source::Online;

impl VerifiedPackage<Offline> {
    pub(super) fn require_soname(&self) -> Result<(), PackageError> {
        let Some(taken) = self.taken_name()? else { return Ok(()) };
        let decision = self.trust.decide(&self.report.claims(), &taken.package, &self.config);
        self.require_accepted_as(taken, decision.map_err(PackageError::from))
    }
}

#[cfg(feature = "store")]
impl VerifiedPackage<Online> {
    pub(super) async fn require_soname(&self) -> Result<(), PackageError> {
        let Some(taken) = self.taken_name()? else { return Ok(()) };
        let decision = self.trust.decide(&self.report.claims(), &taken.package, &self.config).await;
        self.require_accepted_as(taken, decision.map_err(PackageError::from))
    }
}

/// A SONAME, and the same as the name of a package.
struct TakenName {
    soname: DependencyName,
    package: PackageName,
}

impl<T> VerifiedPackage<T> {
    /// `None` if the package takes no other name than its own.
    fn taken_name(&self) -> Result<Option<TakenName>, PackageError> {
        let Some(soname) = soname(&self.sealed) else { return Ok(None) };
        match PackageName::new(soname.as_str()) {
            Ok(package) if package == *self.report.name() => Ok(None),
            Ok(package) => Ok(Some(TakenName { soname, package })),
            Err(error) => {
                Err(self.refused_as(soname, VerificationError::InvalidName(error).into()))
            }
        }
    }

    fn require_accepted_as(
        &self,
        taken: TakenName,
        decision: Result<TrustDecision, PackageError>,
    ) -> Result<(), PackageError> {
        match self.report.accepted_again(decision, &self.config) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused_as(taken.soname, error)),
        }
    }

    fn refused_as(&self, name: DependencyName, error: PackageError) -> PackageError {
        let error = PackageError::from(LoadError::Soname { name, source: Box::new(error) });
        self.tell_refusal(&error);
        error
    }
}
