use std::path::{Path, PathBuf};

use signing_crypto::PackageName;
use signing_loader::{PackagePath, read_signature};

use crate::error::CliError;
use crate::output::Report;

/// The packages that a command line names.
pub(super) struct Packages {
    packages: Vec<PackagePath>,
    /// Signatures among the packages, which a shell's `*` matches too.
    left_out: Vec<PathBuf>,
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
        Ok(Self { packages: paths.into_iter().map(package).collect(), left_out })
    }

    pub(super) fn get(&self) -> &[PackagePath] {
        &self.packages
    }

    /// Notes what was left out.
    pub(super) fn noted(&self, mut report: Report) -> Report {
        for path in &self.left_out {
            report.note(format!("left out {}: it is a signature", path.display()));
        }
        report
    }
}

/// Whether a file is a signature by its name and by its content. A package may have that
/// name.
fn is_signature(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sig")
        && matches!(read_signature(path), Ok(Some(_)))
}
