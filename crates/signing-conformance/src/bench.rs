//! Where a case is carried out: packages of one host, and what happens when it loads them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::KitError;
use crate::host::{Host, Signer};
use crate::observed::Observed;
use crate::process::Limits;
use crate::rounds::Rounds;
use crate::workshop::{Library, Workshop};

pub(crate) struct Bench<'a> {
    pub(crate) case: &'static str,
    pub(crate) host: &'a dyn Host,
    pub(crate) workshop: &'a Workshop,
    pub(crate) limits: Limits,
    /// How often a race is run.
    pub(crate) rounds: u32,
    /// Of what is chosen at random.
    pub(crate) seed: u64,
    attempts: Cell<u32>,
}

/// A package in a directory of its own, which is removed with this value.
pub(crate) struct Package {
    pub(crate) directory: PathBuf,
    pub(crate) path: PathBuf,
    /// The files that signing added.
    pub(crate) signatures: Vec<PathBuf>,
}

impl Drop for Package {
    fn drop(&mut self) {
        // What is left is removed with the workshop.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        case: &'static str,
        host: &'a dyn Host,
        workshop: &'a Workshop,
        limits: Limits,
        (rounds, seed): (Rounds, u64),
    ) -> Self {
        let rounds = rounds.get();
        Self { case, host, workshop, limits, rounds, seed, attempts: Cell::new(0) }
    }

    /// A copy of the library in a new directory, not signed.
    pub(crate) fn unsigned(&self, library: &Library) -> Result<Package, KitError> {
        let directory = self.directory()?;
        let path = directory.join(library.file_name());
        copy(&self.workshop.make(library)?, &path)?;
        Ok(Package { directory, path, signatures: Vec::new() })
    }

    /// A copy of the library in a new directory, signed.
    pub(crate) fn signed(&self, library: &Library, by: Signer) -> Result<Package, KitError> {
        let mut package = self.unsigned(library)?;
        let before = files(&package.directory)?;
        self.host.sign(&package.path, by)?;
        let after = files(&package.directory)?;
        package.signatures = after.difference(&before).cloned().collect();
        Ok(package)
    }

    /// A copy of a package and its signatures in a new directory.
    pub(crate) fn twin(&self, package: &Package) -> Result<Package, KitError> {
        let directory = self.directory()?;
        let copied = |file: &PathBuf| {
            let to = directory.join(file.file_name().unwrap_or_default());
            copy(file, &to).map(|()| to)
        };
        let path = copied(&package.path)?;
        let signatures = package.signatures.iter().map(copied).collect::<Result<_, _>>()?;
        Ok(Package { directory, path, signatures })
    }

    /// Has the host load the packages.
    pub(crate) fn load(&self, packages: &[&Path]) -> Result<Observed, KitError> {
        let packages: Vec<_> = packages.iter().map(|path| path.to_path_buf()).collect();
        self.workshop.markers().clear()?;
        let outcome = self.host.load(&packages, &self.limits)?;
        Ok(Observed { outcome, events: self.workshop.markers().read()? })
    }

    fn directory(&self) -> Result<PathBuf, KitError> {
        let number = self.attempts.replace(self.attempts.get() + 1);
        let directory = self.workshop.directory().join(format!("{}-{number}", self.case));
        fs::create_dir(&directory).map_err(KitError::file("make", &directory))?;
        Ok(directory)
    }

    /// Makes sure that a loader that verifies nothing runs code of `label`.
    pub(crate) fn is_live(&self, path: &Path, label: &str) -> Result<(), KitError> {
        let dead = |message| KitError::DeadAttack { case: self.case, message };
        let events = self.workshop.load_unverified(&[path.into()])?.map_err(dead)?;
        match events.iter().any(|event| event.label == label) {
            true => Ok(()),
            false => Err(dead(format!("code of {label} does not run"))),
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), KitError> {
    fs::copy(from, to).map_err(KitError::file("write", to))?;
    Ok(())
}

pub(crate) fn remove(path: &Path) -> Result<(), KitError> {
    fs::remove_file(path).map_err(KitError::file("remove", path))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), KitError> {
    fs::rename(from, to).map_err(KitError::file("rename to", to))
}

fn files(directory: &Path) -> Result<BTreeSet<PathBuf>, KitError> {
    let entries = fs::read_dir(directory).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()
    });
    entries.map_err(KitError::file("list", directory))
}
