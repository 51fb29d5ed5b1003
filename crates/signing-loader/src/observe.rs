//! Loads packages that would be refused until a date, and reports them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use signing_crypto::OrgId;
use signing_trust::{AuditEvent, EventType, usable_clock_time};

use crate::error::{LoadError, PackageError};
use crate::load::{LoadedPackage, UnsignedPackage};
use crate::path::PackagePath;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::trust_source::{Offline, TrustSource, at_once};
use crate::verifier::Verifier;

/// Loads packages that a [`Verifier`] would refuse, until a date: for finding out what requiring
/// signatures would break, before they are required. Until then nothing is protected.
///
/// Each package is verified as always. If it is refused, or nothing can be decided, the audit
/// log gets what the verifier says and the warning `package.load.would_refuse`, and the package
/// is loaded as [`danger_load_unsigned`](crate::danger_load_unsigned) does it. When the last
/// clone is dropped, the event `enforcement.observed` sums up.
///
/// From the date on, by this machine's clock, it refuses what its verifier refuses.
///
/// ```no_run
/// use chrono::{Days, Utc};
/// use signing_loader::{SigningKey, Verifier, error_with_sources};
///
/// # let key = SigningKey::generate()?.verifying_key();
/// let observer = Verifier::pinned(key).danger_observe_until(Utc::now() + Days::new(30));
/// let observed = observer.load("plugins/libworkflow.so")?;
/// if let Some(refusal) = &observed.would_refuse {
///     eprintln!("will be refused soon: {}", error_with_sources(refusal));
/// }
/// println!("{}", observer.summary());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Observer<T> {
    verifier: Verifier<T>,
    observation: Arc<Observation>,
}

/// A package that an [`Observer`] has loaded.
#[derive(Debug)]
#[non_exhaustive]
pub struct Observed {
    /// The package.
    pub package: LoadedPackage,
    /// Why it would be refused. `None` if it was verified.
    pub would_refuse: Option<PackageError>,
}

/// What an [`Observer`] has loaded before its date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservationSummary {
    /// How many packages were verified.
    pub accepted: u64,
    /// How many would be refused, by the error's [`code`](PackageError::code).
    pub would_refuse: BTreeMap<&'static str, u64>,
}

impl<T> Verifier<T> {
    /// Loads packages that this verifier would refuse, until a date: see [`Observer`].
    #[must_use]
    pub fn danger_observe_until(self, end: DateTime<Utc>) -> Observer<T> {
        let observation = Observation { end, summary: Mutex::default() };
        Observer { verifier: self, observation: Arc::new(observation) }
    }
}

impl<T> Observer<T> {
    /// What was loaded before the date, by all clones together.
    pub fn summary(&self) -> ObservationSummary {
        self.observation.summary().clone()
    }
}

#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> Observer<T> {
    async fn loaded(&self, path: PackagePath) -> Result<Observed, PackageError> {
        let observation = self.observation.clone();
        let loaded = match self.verifier.verified(path.clone().into()).await {
            Ok(package) => package.load_for(move |package, _, _| observation.accept(package)).await,
            Err(error) => Err(error),
        };
        match loaded {
            Ok(observed) => Ok(observed),
            Err(error) => {
                let refusal = self.observation.may_pass(error)?;
                let limit = self.verifier.max_package_size();
                let (org, observation) = (self.verifier.trust().org(), self.observation.clone());
                T::work(move || observation.let_through(&path, limit, org, refusal)).await
            }
        }
    }
}

impl Observer<Offline> {
    /// Verifies a package, and loads it even if it is refused, until the date.
    ///
    /// # Errors
    ///
    /// Before the date, what keeps [`danger_load_unsigned`](crate::danger_load_unsigned) from
    /// loading; from then on, as [`VerifiedPackage::load`](crate::VerifiedPackage::load).
    pub fn load(&self, path: impl Into<PackagePath>) -> Result<Observed, PackageError> {
        at_once(self.loaded(path.into()))
    }
}

#[cfg(feature = "store")]
impl Observer<Online> {
    /// Verifies a package, and loads it even if it is refused, until the date.
    ///
    /// # Errors
    ///
    /// Before the date, what keeps [`danger_load_unsigned`](crate::danger_load_unsigned) from
    /// loading; from then on, as [`VerifiedPackage::load`](crate::VerifiedPackage::load).
    pub async fn load(&self, path: impl Into<PackagePath>) -> Result<Observed, PackageError> {
        self.loaded(path.into()).await
    }
}

impl fmt::Display for ObservationSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.would_refuse.values().sum();
        write!(f, "{} accepted, {refused} would be refused", self.accepted)?;
        for (index, (code, count)) in self.would_refuse.iter().enumerate() {
            write!(f, "{} {count} {code}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Observation {
    end: DateTime<Utc>,
    summary: Mutex<ObservationSummary>,
}

impl Observation {
    fn accept(&self, package: LoadedPackage) -> Observed {
        if self.goes_on() {
            self.summary().accepted += 1;
        }
        Observed { package, would_refuse: None }
    }

    /// Gives a refusal back as an error once the date has come. Any other failure is an error at
    /// any time: the dynamic linker has had the package, and must not get it again.
    fn may_pass(&self, error: PackageError) -> Result<PackageError, PackageError> {
        let is_refusal = match &error {
            PackageError::Load(error) => {
                use LoadError::{Dependency, Library, Soname};
                matches!(error, Library(_) | Dependency { .. } | Soname { .. })
            }
            _ => true,
        };
        match is_refusal && self.goes_on() {
            true => Ok(error),
            false => Err(error),
        }
    }

    fn let_through(
        &self,
        path: &PackagePath,
        limit: u64,
        org: Option<OrgId>,
        refusal: PackageError,
    ) -> Result<Observed, PackageError> {
        let unsigned = UnsignedPackage::read(path, limit)?;
        AuditEvent::new(EventType::WouldRefuse)
            .org(org)
            .fingerprint(refusal.signer())
            .package(&path.name()?)
            .digest(unsigned.digest())
            .failure(&refusal)
            .emit();
        *self.summary().would_refuse.entry(refusal.code()).or_default() += 1;
        Ok(Observed { package: unsigned.load()?, would_refuse: Some(refusal) })
    }

    fn goes_on(&self) -> bool {
        usable_clock_time().is_ok_and(|now| now < self.end)
    }

    fn summary(&self) -> MutexGuard<'_, ObservationSummary> {
        // Each change of it is one addition.
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let summary = self.summary().clone();
        if summary != ObservationSummary::default() {
            AuditEvent::new(EventType::EnforcementObserved)
                .expires_at(Some(self.end))
                .summary(summary)
                .emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::elf::LibraryError;

    #[test]
    fn only_a_refusal_passes_and_only_before_the_date() {
        let error = |error| PackageError::Load(error);
        let now = Utc::now();
        for (end, passes) in [(now + TimeDelta::hours(1), true), (now, false)] {
            let observation = Observation { end, summary: Mutex::default() };
            let refusal = error(LoadError::Library(LibraryError::NotElf));
            assert_eq!(observation.may_pass(refusal).is_ok(), passes);
            // The linker may have mapped it.
            assert!(observation.may_pass(error(LoadError::AnotherLibrary)).is_err());
        }
    }
}
