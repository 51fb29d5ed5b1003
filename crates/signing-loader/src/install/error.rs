use std::io;
use std::path::{Path, PathBuf};

use signing_crypto::{PackageName, PackageVersion, shell_word};
use thiserror::Error;

use crate::directory::{DirectoryError, DirectoryFault};
use crate::error::PackageError;

/// A package was not installed, and what was installed before stays; or
/// [`OldRelease`](Self::OldRelease).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The package is not verified any more.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Others could replace what is installed.
    #[error("packages cannot be installed in {}", path.display())]
    UnsafeDirectory {
        /// The directory, or one above it.
        path: PathBuf,
        /// Why.
        source: DirectoryFault,
    },
    /// A file or a directory could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory has a use of its own for the package's name.
    #[error(
        "a package called {:?} cannot be installed: the directory keeps something else there",
        name.as_str()
    )]
    ReservedName {
        /// The name.
        name: PackageName,
    },
    /// Something else is where the package's link would be.
    #[error("{} is not a link to a release", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// An older version than is installed.
    #[error(
        "version {installed} is installed, and the package {}",
        version(installed, found.as_ref())
    )]
    Downgrade {
        /// The version that is installed.
        installed: PackageVersion,
        /// The package's, if it states one.
        found: Option<PackageVersion>,
    },
    /// The installed version cannot be compared with the package's.
    #[error("the version that is installed cannot be read")]
    InstalledUnreadable {
        /// Why.
        source: Box<PackageError>,
    },
    /// The package is installed, but a release from before could not be removed.
    #[error("the package is installed, but {} could not be removed", path.display())]
    OldRelease {
        /// The old release's directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The release is there, and has another content.
    #[error("{} was changed after it was installed", path.display())]
    Changed {
        /// The release's directory.
        path: PathBuf,
    },
}

impl From<DirectoryError> for InstallError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Unsafe { path, source } => Self::UnsafeDirectory { path, source },
            DirectoryError::Unusable { path, source } => Self::Write { path, source },
        }
    }
}

impl InstallError {
    pub(super) fn write(path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Write { path: path.as_ref().into(), source: source.into() }
    }

    /// What mends it, with a command that can be pasted into a shell, if it is about a path.
    pub fn remedy(&self) -> Option<String> {
        let (path, remedy): (_, fn(&str) -> String) = match self {
            Self::UnsafeDirectory { path, source } => return source.remedy(path),
            Self::Occupied { path } => (path, |path| {
                format!(
                    "find out what it is; then move it away, and install again: \
                     mv -nT {path} {path}.before"
                )
            }),
            _ => return None,
        };
        Some(remedy(&shell_word(path)))
    }

    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::UnsafeDirectory { source, .. } => source.code(),
            Self::Write { .. } => "UnwritableFile",
            Self::ReservedName { .. } => "ReservedPackageName",
            Self::Occupied { .. } => "InstallPlaceOccupied",
            Self::Downgrade { .. } => "VersionDowngrade",
            Self::InstalledUnreadable { .. } => "InstalledUnreadable",
            Self::OldRelease { .. } => "OldReleaseNotRemoved",
            Self::Changed { .. } => "InstalledChanged",
        }
    }
}

fn version(installed: &PackageVersion, found: Option<&PackageVersion>) -> String {
    match found {
        Some(found) if found == installed => "has the same version and other bytes".into(),
        Some(version) => format!("has version {version}"),
        None => "states no version".into(),
    }
}
