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
    /// Directories with installed packages, and how many of their releases no link leads to.
    unlinked: Vec<(PathBuf, usize)>,
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
        Ok(Self { packages, left_out, unlinked: Vec::new() })
    }

    /// The same, with the packages in directories and below. A directory is a package to
    /// whatever loads all that is in it, so nothing is left out but signatures: no hidden file,
    /// and no file of an unexpected kind, which is then refused. Where packages were installed,
    /// the releases that links lead to are what is loaded. A name or a signature file is one
    /// package's, so with either a directory is not looked into.
    pub(super) fn in_directories(
        paths: Vec<PathBuf>,
        name: Option<PackageName>,
        file: Option<&Path>,
    ) -> Result<Self, CliError> {
        let is_one = name.is_some() || file.is_some();
        let (mut found, mut unlinked) = (Vec::new(), Vec::new());
        for path in paths {
            match !is_one && is_directory(&path) {
                true => found.extend(packages_below(&path, &mut unlinked)?),
                false => found.push(path),
            }
        }
        Ok(Self { unlinked, ..Self::new(found, name, file)? })
    }

    pub(super) fn get(&self) -> &[PackagePath] {
        &self.packages
    }

    /// Notes what was left out.
    pub(super) fn noted(&self, mut report: Report) -> Report {
        for path in &self.left_out {
            report.note(format!("left out {}: it is a signature", path.display()));
        }
        for (directory, count) in &self.unlinked {
            let (releases, directory) = (counted(*count as u64, "release"), directory.display());
            report.note(format!("left out {releases} in {directory}: no link leads there"));
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

/// In the order of their paths. Links to directories are not followed, and are no packages, except
/// those of an installation.
fn packages_below(
    directory: &Path,
    unlinked: &mut Vec<(PathBuf, usize)>,
) -> Result<Vec<PathBuf>, CliError> {
    let mut packages = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let cannot_read = |source| CliError::Read { path: directory.clone(), source };
        let found = match InstallContents::read(&directory).map_err(cannot_read)? {
            Some(contents) => {
                unlinked.extend((contents.unlinked > 0).then_some((directory, contents.unlinked)));
                contents.found
            }
            None => {
                let entries = fs::read_dir(&directory).map_err(cannot_read)?;
                let paths: Result<_, _> = entries.map(|entry| Ok(entry?.path())).collect();
                paths.map_err(cannot_read)?
            }
        };
        for path in found {
            // What cannot be looked at is refused when it is verified.
            match path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                true => directories.push(path),
                false if !is_signature(&path) => packages.push(path),
                false => {}
            }
        }
    }
    if packages.is_empty() {
        return Err(CliError::NoPackages { directory: directory.into() });
    }
    packages.sort();
    Ok(packages)
}
