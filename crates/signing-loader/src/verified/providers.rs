//! The loaded packages that a package needs. They were verified when they were loaded, perhaps
//! by another verifier. The verifier of the package that needs them decides about each again.
//!
//! The SONAME is in the package, so its signer chooses it, and could choose the name of a package
//! that this signer may not sign. A package therefore provides a SONAME only if it is accepted
//! under that name as well as under the name by which it was signed.

use std::iter;

use signing_crypto::PackageName;
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{Signers, TrustDecision};

use super::VerifiedPackage;
use crate::elf::{LibraryError, SharedLibrary};
use crate::error::{LoadError, PackageError};
use crate::load::{Candidate, Candidates, Provider, TrustedProviders, candidates};
use crate::report::VerificationReport;
use crate::trust_source::TrustSource;

type Decisions = Vec<Result<TrustDecision, PackageError>>;

#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> VerifiedPackage<T> {
    pub(super) async fn trusted_providers(
        &self,
        library: &SharedLibrary,
    ) -> Result<TrustedProviders, PackageError> {
        let mut trusted = TrustedProviders::none();
        for Candidates(candidates) in candidates(library, &self.allowed_dependencies) {
            let mut decided = Vec::new();
            for candidate in candidates {
                let mut decisions = Vec::new();
                for (signers, name) in questions(&candidate) {
                    decisions.push(self.trust.decide(&signers, &name, &self.config).await);
                }
                decided.push((candidate, decisions));
            }
            require_candidate(decided, &self.config, &mut trusted)?;
        }
        Ok(trusted)
    }
}

/// Of the packages that have one SONAME, those that are trusted count, and there must be one.
/// Of the refusals the latest is returned.
fn require_candidate(
    decided: Vec<(Candidate, Decisions)>,
    config: &VerificationConfig,
    trusted: &mut TrustedProviders,
) -> Result<(), PackageError> {
    let (mut is_provided, mut refusal) = (false, None);
    for (candidate, decisions) in decided {
        match require_providers(&candidate, &mut decisions.into_iter(), config) {
            Ok(()) => {
                trusted.add(candidate);
                is_provided = true;
            }
            Err(error) => refusal = Some(error),
        }
    }
    match refusal {
        Some(error) if !is_provided => Err(error),
        _ => Ok(()),
    }
}

/// What must be decided about these packages, for [`require_providers`].
pub(crate) fn questions(providers: &[Provider]) -> Vec<(Signers, PackageName)> {
    let reports = |provider: &Provider| {
        let questions = provider.reports.iter().flat_map(|report| {
            names(provider, report).into_iter().map(|name| (report.claims(), name))
        });
        questions.collect::<Vec<_>>()
    };
    providers.iter().flat_map(reports).collect()
}

/// Refuses providers of which one is not trusted, by the decisions about their [`questions`]. As
/// many decisions are taken as there are questions.
pub(crate) fn require_providers(
    providers: &[Provider],
    decisions: &mut impl Iterator<Item = Result<TrustDecision, PackageError>>,
    config: &VerificationConfig,
) -> Result<(), PackageError> {
    let mut verdict = Ok(());
    for provider in providers {
        verdict = verdict.and(require_provider(provider, decisions, config));
    }
    verdict
}

/// Refuses a provider of which no report is accepted under each of its names. One without reports
/// was not verified, and is refused too.
fn require_provider(
    provider: &Provider,
    decisions: &mut impl Iterator<Item = Result<TrustDecision, PackageError>>,
    config: &VerificationConfig,
) -> Result<(), PackageError> {
    let name = provider.name.clone();
    let (mut is_accepted, mut refusal) = (false, None);
    for report in &provider.reports {
        let mut verdict = Ok(());
        for _ in names(provider, report) {
            let Some(decision) = decisions.next() else {
                return Err(LoadError::Library(LibraryError::DependencyNotAllowed { name }).into());
            };
            verdict = verdict.and(report.accepted_again(decision, config).map(drop));
        }
        match verdict {
            Ok(()) => is_accepted = true,
            Err(error) => refusal = Some((report.name.clone(), Box::new(error))),
        }
    }
    let error = match refusal {
        _ if is_accepted => return Ok(()),
        Some((provider, source)) => LoadError::Dependency { name, provider, source },
        None => LoadError::Library(LibraryError::DependencyNotAllowed { name }),
    };
    Err(error.into())
}

/// The names under which a provider has to be accepted: that by which it was signed, and its
/// SONAME.
fn names(provider: &Provider, report: &VerificationReport) -> Vec<PackageName> {
    let soname = Some(&provider.package).filter(|soname| **soname != report.name);
    iter::once(&report.name).chain(soname).cloned().collect()
}
