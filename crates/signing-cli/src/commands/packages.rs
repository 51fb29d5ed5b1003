use std::fs;
use std::path::{Path, PathBuf};

use signing_crypto::PackageName;
use signing_loader::{InstallContents, PackagePath, is_in_release, read_signature};

use crate::error::CliError;
use crate::lines::counted;
use crate::output::Report;

/// The packages that a command line names.
pub(super) struct Packages {
    packages: Vec<PackagePath>,
    /// Signatures among the packages, which a shell's `*` matches too.
    left_out: Vec<PathBuf>,
    /// What else is to be said of the command line's paths.
    notes: Vec<String>,
}

impl Packages {
    /// Leaves out signatures that are given together with packages. A name or a signature
    /// file applies to one package.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        name: Option<PackageName>,
        file: Option<&Path>,
    ) -> Result<Self, CliError> {
        let (left_out, paths): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| is_signature(path));
        if let (true, Some(path)) = (paths.is_empty(), left_out.first()) {
            return Err(CliError::IsASignature { path: path.clone() });
        }
        if paths.len() > 1 && (name.is_some() || file.is_some()) {
            return Err(CliError::SeveralPackages { found: paths.len() });
        }
        let package = |path| match &name {
            Some(name) => PackagePath::new(path).expect_name(name.clone()),
            None => PackagePath::new(path),
        };
        let packages = paths.into_iter().map(package).collect();
        Ok(Self { packages, left_out, notes: Vec::new() })
    }

    /// The same, with the packages in directories and below. A directory is a package to
    /// whatever loads all that is in it, so nothing is left out but signatures: no hidden file,
    /// and no file of an unexpected kind, which is then refused. A name or a signature file is one
    /// package's, so with either a directory is not looked into.
    pub(super) fn in_directories(
        paths: Vec<PathBuf>,
        name: Option<PackageName>,
        file: Option<&Path>,
    ) -> Result<Self, CliError> {
        let is_one = name.is_some() || file.is_some();
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for path in paths {
            if is_one || !is_directory(&path) {
                found.push(path);
                continue;
            }
            if InstallContents::read(&path).is_ok_and(|contents| contents.is_some()) {
                notes.push(format!(
                    "{} looks like a directory that packages were installed in: to verify what its \
                     links lead to, add --installed",
                    path.display()
                ));
            }
            found.extend(packages_below(&path, vec![path.clone()])?);
        }
        Ok(Self { notes, ..Self::new(found, name, file)? })
    }

    /// The packages that the links of these directories lead to, and everything else in them that
    /// no installation has put there. Nobody but the caller knows whether a directory is one of
    /// these: its content may say so to have something left out.
    pub(super) fn installed_in(directories: Vec<PathBuf>) -> Result<Self, CliError> {
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for directory in directories {
            let contents = match is_directory(&directory) {
                true => InstallContents::read(&directory)
                    .map_err(|source| CliError::Read { path: directory.clone(), source })?,
                false => None,
            };
            let Some(contents) = contents else {
                return Err(CliError::NothingInstalled { directory });
            };
            if contents.unlinked > 0 {
                let (releases, path) =
                    (counted(contents.unlinked as u64, "release"), directory.display());
                notes.push(format!("left out {releases} in {path}: no link leads there"));
            }
            found.extend(packages_below(&directory, contents.found)?);
        }
        Ok(Self { notes, ..Self::new(found, None, None)? })
    }

    pub(super) fn get(&self) -> &[PackagePath] {
        &self.packages
    }

    /// Notes what was left out.
    pub(super) fn noted(&self, mut report: Report) -> Report {
        for path in &self.left_out {
            report.note(format!("left out {}: it is a signature", path.display()));
        }
        for note in &self.notes {
            report.note(note.clone());
        }
        report
    }
}

/// Refuses to write a signature into an installed release.
pub(super) fn require_outside_releases(signature: &Path) -> Result<(), CliError> {
    match is_in_release(signature) {
        true => Err(CliError::InstalledRelease { path: signature.into() }),
        false => Ok(()),
    }
}

/// Whether a file is a signature by its name and by its content. A package may have that
/// name.
fn is_signature(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sig")
        && matches!(read_signature(path), Ok(Some(_)))
}

fn is_directory(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// The packages among these paths and below them, in the order of their paths. Links to
/// directories are not followed, and are no packages.
fn packages_below(directory: &Path, mut paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, CliError> {
    let mut packages = Vec::new();
    while let Some(path) = paths.pop() {
        // What cannot be looked at is refused when it is verified.
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) && path != directory {
            packages.extend(Some(path).filter(|path| !is_signature(path)));
            continue;
        }
        let cannot_read = |source| CliError::Read { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(cannot_read)? {
            paths.push(entry.map_err(cannot_read)?.path());
        }
    }
    if packages.is_empty() {
        return Err(CliError::NoPackages { directory: directory.into() });
    }
    packages.sort();
    Ok(packages)
}
