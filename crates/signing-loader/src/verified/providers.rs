//! The loaded packages that a package needs. They were verified when they were loaded, perhaps
//! by another verifier, so that of the package that needs them decides about each of them.

use signing_trust::TrustDecision;
use signing_trust::acceptance::VerificationConfig;

use super::VerifiedPackage;
use crate::elf::LibraryError;
use crate::error::{LoadError, PackageError};
use crate::load::{self, Provider, TrustedProviders};
use crate::report::VerificationReport;
use crate::trust_source::Offline;
#[cfg(feature = "store")]
use crate::trust_source::Online;

impl VerifiedPackage<Offline> {
    pub(super) fn trusted_providers(&self) -> Result<TrustedProviders, PackageError> {
        let mut trusted = TrustedProviders::none();
        for provider in self.providers() {
            let mut decisions = Vec::new();
            for report in &provider.reports {
                let decision = self.trust.decide_again(report, &self.config);
                decisions.push(decision.map_err(PackageError::from));
            }
            self.require_provider(&provider, decisions, &mut trusted)?;
        }
        Ok(trusted)
    }
}

#[cfg(feature = "store")]
impl VerifiedPackage<Online> {
    pub(super) async fn trusted_providers(
        &self,
        providers: &[Provider],
    ) -> Result<TrustedProviders, PackageError> {
        let mut trusted = TrustedProviders::none();
        for provider in providers {
            let mut decisions = Vec::new();
            for report in &provider.reports {
                let decision = self.trust.decide_again(report, &self.config).await;
                decisions.push(decision.map_err(PackageError::from));
            }
            self.require_provider(provider, decisions, &mut trusted)?;
        }
        Ok(trusted)
    }
}

impl<T> VerifiedPackage<T> {
    pub(super) fn providers(&self) -> Vec<Provider> {
        load::providers(&self.sealed, &self.allowed_dependencies)
    }

    /// What was decided about each report of a provider. One that is accepted suffices; of the
    /// refusals the latest is returned.
    fn require_provider(
        &self,
        provider: &Provider,
        decisions: Vec<Result<TrustDecision, PackageError>>,
        trusted: &mut TrustedProviders,
    ) -> Result<(), PackageError> {
        let decided = provider.reports.iter().zip(decisions);
        require_provider(provider, decided, &self.config)
            .inspect_err(|error| self.tell_refusal(error))?;
        trusted.add(provider);
        Ok(())
    }
}

/// Refuses a provider of which no report is accepted, by what was decided about each. One
/// without reports was not verified, and is refused too.
pub(crate) fn require_provider<'a>(
    provider: &Provider,
    decided: impl IntoIterator<Item = (&'a VerificationReport, Result<TrustDecision, PackageError>)>,
    config: &VerificationConfig,
) -> Result<(), PackageError> {
    let mut refusal = None;
    for (report, decision) in decided {
        match report.accepted_again(decision, config) {
            Ok(_) => return Ok(()),
            Err(error) => refusal = Some((report.name.clone(), Box::new(error))),
        }
    }
    let name = provider.name.clone();
    Err(match refusal {
        Some((provider, source)) => LoadError::Dependency { name, provider, source },
        None => LoadError::Library(LibraryError::DependencyNotAllowed { name }),
    }
    .into())
}
