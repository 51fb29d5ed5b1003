//! The SONAMEs of the verified packages that this process has loaded.
//!
//! A library that needs a name gets the first loaded library with that SONAME, before the
//! dynamic linker looks at any file. A loaded package is never unloaded, so what it provides
//! stays.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signing_crypto::PackageDigest;

use super::dylib::Library;
use super::shared;
use crate::elf::{AllowedDependencies, DependencyName, LibraryError, SharedLibrary, SonameUse};
use crate::error::LoadError;
use crate::sealed::SealedPackage;

static SONAMES: Mutex<Sonames> = Mutex::new(Sonames(BTreeMap::new()));

/// Checks what a verified package asks of the dynamic linker, and loads it.
///
/// The check and the entry of the package's own SONAME are made under one lock. The lock is not
/// held while the linker runs the package's constructors, which may load further packages: what
/// the check found cannot cease to be true in the meantime, because names are only added, and
/// the linker takes the first.
///
/// Bytes that are loaded already are checked as well: they may have been loaded without
/// verification, or by a verifier that allows more. What this verifier does not allow is
/// refused, also if it is part of the process.
pub(super) fn load(
    sealed: SealedPackage,
    allowed: &AllowedDependencies,
) -> Result<&'static Library, LoadError> {
    // Only ELF's dynamic linkers read what is checked here.
    if cfg!(target_vendor = "apple") {
        return shared::load(sealed);
    }
    let admission = Admission::of(&sealed, allowed)?;
    match shared::load(sealed) {
        Ok(library) => {
            admission.loaded();
            Ok(library)
        }
        Err(error @ LoadError::Linker(_)) => {
            admission.withdraw();
            Err(error)
        }
        // It may be mapped nonetheless, so its name stays taken.
        Err(error) => Err(error),
    }
}

#[derive(Default)]
struct Sonames(BTreeMap<DependencyName, Vec<Holder>>);

/// A package that has a SONAME.
struct Holder {
    digest: PackageDigest,
    /// How many loads of it have not ended yet.
    loading: usize,
    is_loaded: bool,
}

impl Sonames {
    fn lock() -> MutexGuard<'static, Self> {
        SONAMES.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self, name: &DependencyName) -> SonameUse {
        match self.0.get(name).map_or(&[][..], Vec::as_slice) {
            // Other linkers match the names of files, not SONAMEs.
            _ if !cfg!(target_env = "gnu") => SonameUse::Unused,
            [holder] if holder.is_loaded => SonameUse::OnePackage,
            [] | [_] => SonameUse::Unused,
            _ => SonameUse::SeveralPackages,
        }
    }

    fn holder(&mut self, name: &DependencyName, digest: PackageDigest) -> &mut Holder {
        let holders = self.0.entry(name.clone()).or_default();
        let index = holders.iter().position(|holder| holder.digest == digest);
        let index = index.unwrap_or_else(|| {
            holders.push(Holder { digest, loading: 0, is_loaded: false });
            holders.len() - 1
        });
        &mut holders[index]
    }
}

/// A package that may be loaded, whose SONAME is taken.
struct Admission {
    soname: Option<DependencyName>,
    digest: PackageDigest,
}

impl Admission {
    fn of(sealed: &SealedPackage, allowed: &AllowedDependencies) -> Result<Self, LibraryError> {
        let library = SharedLibrary::read(sealed.file())?;
        let mut sonames = Sonames::lock();
        if let Some(fault) = library.faults(allowed, |name| sonames.used(name)).into_iter().next() {
            return Err(fault);
        }
        let digest = sealed.content().digest;
        let soname = library.soname().and_then(|name| DependencyName::new(name).ok());
        if let Some(name) = &soname {
            sonames.holder(name, digest).loading += 1;
        }
        Ok(Self { soname, digest })
    }

    fn loaded(self) {
        self.ended(|holder| holder.is_loaded = true);
    }

    fn withdraw(self) {
        self.ended(|_| {});
    }

    fn ended(self, change: impl FnOnce(&mut Holder)) {
        let Some(name) = &self.soname else { return };
        let mut sonames = Sonames::lock();
        let holder = sonames.holder(name, self.digest);
        holder.loading -= 1;
        change(holder);
        if let Some(holders) = sonames.0.get_mut(name) {
            holders.retain(|holder| holder.is_loaded || holder.loading > 0);
        }
    }
}

#[cfg(test)]
mod tests;
