//! The SONAMEs of the verified packages that this process has loaded, and what the dynamic
//! linker would take for the names that a package needs.
//!
//! A library that needs a name gets the first loaded library with that name or SONAME, before
//! the dynamic linker looks at any file. That may be one that the host has loaded, or an
//! unverified package. So the linker itself is asked which one it is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signing_crypto::{PackageDigest, PackageName};

use super::dylib::{self, Library, LibraryId};
use super::shared;
use crate::elf::{
    AllowedDependencies, Dependencies, DependencyName, LibraryError, Process, SharedLibrary,
    SonameUse,
};
use crate::error::LoadError;
use crate::report::VerificationReport;
use crate::sealed::SealedPackage;

static SONAMES: Mutex<Sonames> = Mutex::new(Sonames::new());

/// A loaded package that another one needs, directly or because a package needs it that is
/// needed.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// The SONAME that is needed.
    pub(crate) name: DependencyName,
    /// The same as the name of a package.
    pub(crate) package: PackageName,
    digest: PackageDigest,
    /// What its verifications have found, the latest last. At least one.
    pub(crate) reports: Vec<VerificationReport>,
}

#[cfg(feature = "store")]
impl Provider {
    /// The same with what its verifications have found by now: it may have been loaded again, by
    /// another signature.
    pub(crate) fn by_now(&self) -> Self {
        let sonames = Sonames::lock();
        let mut holders = sonames.holders(&self.name).iter();
        let holder = holders.find(|holder| holder.digest == self.digest);
        let reports = holder.map_or(&self.reports, |holder| &holder.reports).clone();
        Self { reports, ..self.clone() }
    }
}

/// The loaded packages that have a SONAME which a package needs. At least one.
#[derive(Debug)]
pub(crate) struct Candidates(pub(crate) Vec<Candidate>);

/// A loaded package, and after it the packages that it needs in turn: all of them run if the
/// linker takes this one.
pub(crate) type Candidate = Vec<Provider>;

/// The providers that the verifier of a package that needs them trusts now.
pub(crate) struct TrustedProviders(Vec<Provider>);

impl TrustedProviders {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, candidate: Candidate) {
        for provider in candidate {
            if !self.contains(&provider.digest) {
                self.0.push(provider);
            }
        }
    }

    /// If a package was loaded by means of these, they are what it was linked to.
    pub(crate) fn into_providers(self) -> Vec<Provider> {
        self.0
    }

    fn contains(&self, digest: &PackageDigest) -> bool {
        self.0.iter().any(|provider| provider.digest == *digest)
    }

    fn provide(&self, name: &DependencyName) -> bool {
        self.0.iter().any(|provider| provider.name == *name)
    }
}

/// The loaded packages that have the names which a package needs, for each name: its verifier has
/// to decide about them.
pub(crate) fn candidates(
    library: &SharedLibrary,
    allowed: &AllowedDependencies,
) -> Vec<Candidates> {
    let sonames = Sonames::lock();
    let names = library.dependencies(allowed).packages.into_iter();
    names.map(|name| sonames.candidates(&name)).filter(|found| !found.0.is_empty()).collect()
}

/// The name that a package takes in this process by its SONAME. One whose SONAME is no plain name
/// is refused by [`load`].
pub(crate) fn soname(library: &SharedLibrary) -> Option<DependencyName> {
    library.soname().and_then(|name| DependencyName::new(name).ok())
}

/// Checks what a verified package asks of the dynamic linker, and loads it.
///
/// No lock is held while the linker works. It has a lock of its own, which a thread keeps while
/// it runs constructors, and those may load packages and wait for ours. So the linker is asked
/// first, and what it said is then compared with the table, under one lock with the entry of
/// what the package provides and needs. It still holds when the linker loads the package:
///
/// - What the linker has found stays, as nothing here closes a handle, and comes before what is
///   loaded later.
/// - For a name of which it has found nothing, a library of the system is meant. A package
///   with that SONAME is refused until the load has ended, and the package is refused if one is
///   being loaded already.
///
/// A package of which the verifier has not said that it trusts it now provides nothing, and is in
/// the way of no other that has its SONAME.
///
/// Bytes that are loaded already are checked as well: they may have been loaded without
/// verification, or by a verifier that allows more. What this verifier does not allow is
/// refused, also if it is part of the process.
pub(super) fn load(
    sealed: SealedPackage,
    library: &SharedLibrary,
    report: &VerificationReport,
    allowed: &AllowedDependencies,
    trusted: &TrustedProviders,
) -> Result<&'static Library, LoadError> {
    let admission = Admission::of(library, sealed.content().digest, allowed, trusted)?;
    match shared::load(sealed) {
        Ok(library) => {
            admission.loaded(library.id(), report);
            Ok(library)
        }
        Err(error @ LoadError::Linker(_)) => {
            admission.withdraw();
            Err(error)
        }
        Err(error) => {
            admission.keep();
            Err(error)
        }
    }
}

struct Sonames {
    holders: BTreeMap<DependencyName, Vec<Holder>>,
    /// How many loads that have not ended yet need these libraries of the system.
    awaited: BTreeMap<DependencyName, usize>,
}

/// A package that has a SONAME.
struct Holder {
    digest: PackageDigest,
    /// How many loads of it have not ended yet.
    loading: usize,
    loaded: Option<LibraryId>,
    /// The packages that the linker has given it.
    needs: Vec<(DependencyName, PackageDigest)>,
    /// What its verifications have found: one for each name and each set of signers.
    reports: Vec<VerificationReport>,
}

impl Holder {
    fn verified(&mut self, report: &VerificationReport) {
        let is_same = |other: &VerificationReport| {
            other.name() == report.name() && other.claims() == report.claims()
        };
        self.reports.retain(|other| !is_same(other));
        self.reports.push(report.clone());
    }
}

impl Sonames {
    const fn new() -> Self {
        Self { holders: BTreeMap::new(), awaited: BTreeMap::new() }
    }

    fn lock() -> MutexGuard<'static, Self> {
        SONAMES.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holders(&self, name: &DependencyName) -> &[Holder] {
        self.holders.get(name).map_or(&[], Vec::as_slice)
    }

    fn candidates(&self, name: &DependencyName) -> Candidates {
        let loaded = self.holders(name).iter().filter(|holder| holder.loaded.is_some());
        Candidates(loaded.map(|holder| self.candidate(name.clone(), holder.digest)).collect())
    }

    fn candidate(&self, name: DependencyName, digest: PackageDigest) -> Candidate {
        let mut candidate = Candidate::new();
        let mut needed = vec![(name, digest)];
        while let Some((name, digest)) = needed.pop() {
            let holder = self.holders(&name).iter().find(|holder| holder.digest == digest);
            let is_new = candidate.iter().all(|provider| provider.digest != digest);
            // A SONAME that no package could be named provides nothing.
            if let Some(holder) = holder.filter(|_| is_new)
                && let Ok(package) = PackageName::new(name.as_str())
            {
                needed.extend(holder.needs.iter().cloned());
                candidate.push(Provider { name, package, digest, reports: holder.reports.clone() });
            }
        }
        candidate
    }

    /// What the linker gives a package that was found to have no faults.
    fn given(
        &self,
        names: Vec<DependencyName>,
        trusted: &TrustedProviders,
    ) -> Vec<(DependencyName, PackageDigest)> {
        let given = |name: DependencyName| {
            let mut digests = self.holders(&name).iter().map(|holder| holder.digest);
            let digest = digests.find(|digest| trusted.contains(digest))?;
            Some((name, digest))
        };
        names.into_iter().filter_map(given).collect()
    }

    fn holder(&mut self, name: &DependencyName, digest: PackageDigest) -> &mut Holder {
        let holders = self.holders.entry(name.clone()).or_default();
        let index = holders.iter().position(|holder| holder.digest == digest);
        let index = index.unwrap_or_else(|| {
            let (needs, reports) = (Vec::new(), Vec::new());
            holders.push(Holder { digest, loading: 0, loaded: None, needs, reports });
            holders.len() - 1
        });
        &mut holders[index]
    }
}

/// What the linker would take for the names that a package needs, and which libraries are
/// packages.
///
/// It is asked about no other names than those that are allowed or provided. It opens what its
/// search path has for a name that is not loaded, and waits if that is a pipe. All others are refused
/// whatever it says.
struct Found {
    names: BTreeMap<DependencyName, LibraryId>,
    packages: Vec<LibraryId>,
}

impl Found {
    fn of(
        library: &SharedLibrary,
        allowed: &AllowedDependencies,
        trusted: &TrustedProviders,
    ) -> Self {
        let Dependencies { system, packages } = library.dependencies(allowed);
        let provided = packages.into_iter().filter(|name| trusted.provide(name));
        let names = system.into_iter().chain(provided);
        let found = names.filter_map(|name| Some((name.clone(), dylib::find(name.as_str())?)));
        // In this order: what was found is among the packages by now, if it is one.
        Self { names: found.collect(), packages: shared::packages() }
    }
}

/// What the linker said, the table, and what is trusted.
struct Compared<'a> {
    found: &'a Found,
    sonames: &'a Sonames,
    trusted: &'a TrustedProviders,
}

impl Process for Compared<'_> {
    fn soname_use(&self, name: &DependencyName) -> SonameUse {
        if !cfg!(target_env = "gnu") {
            // Other linkers match the names of files, not SONAMEs.
            return SonameUse::Unused;
        }
        // Of one that is being loaded nothing has been decided: it counts as if it were trusted.
        let counts =
            |holder: &&Holder| holder.loaded.is_none() || self.trusted.contains(&holder.digest);
        let mut holders = self.sonames.holders(name).iter().filter(counts);
        match (holders.next(), holders.next()) {
            (Some(_), Some(_)) => SonameUse::SeveralPackages,
            (Some(Holder { loaded: Some(library), .. }), None) => {
                match self.found.names.get(name) == Some(library) {
                    true => SonameUse::OnePackage,
                    false => SonameUse::Shadowed,
                }
            }
            _ => SonameUse::Unused,
        }
    }

    fn is_package(&self, name: &DependencyName) -> bool {
        let holders = self.sonames.holders(name);
        match self.found.names.get(name) {
            _ if !cfg!(target_env = "gnu") => false,
            Some(library) => {
                // One that is being loaded may be this one.
                let is_certain = holders.iter().all(|holder| holder.loaded.is_some());
                !is_certain || self.found.packages.contains(library)
            }
            None => !holders.is_empty(),
        }
    }
}

/// A package that may be loaded, whose SONAME is taken.
struct Admission {
    soname: Option<DependencyName>,
    awaited: Vec<DependencyName>,
    digest: PackageDigest,
}

impl Admission {
    fn of(
        library: &SharedLibrary,
        digest: PackageDigest,
        allowed: &AllowedDependencies,
        trusted: &TrustedProviders,
    ) -> Result<Self, LibraryError> {
        let found = Found::of(library, allowed, trusted);
        let mut sonames = Sonames::lock();
        let process = Compared { found: &found, sonames: &sonames, trusted };
        if let Some(fault) = library.faults(allowed, &process).into_iter().next() {
            return Err(fault);
        }
        let soname = soname(library);
        if let Some(name) = soname.clone().filter(|name| sonames.awaited.contains_key(name)) {
            return Err(LibraryError::ReservedSoname { name });
        }
        let Dependencies { system: awaited, packages } = library.dependencies(allowed);
        if let Some(name) = &soname {
            let needs = sonames.given(packages, trusted);
            let holder = sonames.holder(name, digest);
            holder.loading += 1;
            holder.needs = needs;
        }
        for name in &awaited {
            *sonames.awaited.entry(name.clone()).or_default() += 1;
        }
        Ok(Self { soname, awaited, digest })
    }

    fn loaded(self, library: LibraryId, report: &VerificationReport) {
        self.ended(|holder| {
            holder.verified(report);
            holder.loading -= 1;
            holder.loaded = Some(library);
        });
    }

    fn withdraw(self) {
        self.ended(|holder| holder.loading -= 1);
    }

    /// It may be mapped nonetheless, so its name stays taken.
    fn keep(self) {
        self.ended(|_| {});
    }

    fn ended(self, change: impl FnOnce(&mut Holder)) {
        let mut sonames = Sonames::lock();
        for name in &self.awaited {
            if let Some(loads) = sonames.awaited.get_mut(name) {
                *loads -= 1;
            }
        }
        sonames.awaited.retain(|_, loads| *loads > 0);
        let Some(name) = &self.soname else { return };
        change(sonames.holder(name, self.digest));
        if let Some(holders) = sonames.holders.get_mut(name) {
            holders.retain(|holder| holder.loaded.is_some() || holder.loading > 0);
        }
    }
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests;
