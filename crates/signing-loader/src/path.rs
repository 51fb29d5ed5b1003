use std::ffi::OsString;
use std::path::{Path, PathBuf};

use signing_crypto::PackageName;

use signing_trust::acceptance::VerificationError;

/// What the name of a detached signature ends with, after the package's.
pub(crate) const SIGNATURE_SUFFIX: &str = ".sig";

/// Where a package is, and which name its signature must bind.
///
/// The name is the last component of the path as it is given (of a symbolic link:
/// the link's own name), unless the caller expects another one. So a package that
/// is signed under one name is refused under any other.
#[derive(Clone, Debug)]
pub struct PackagePath {
    path: PathBuf,
    expected_name: Option<PackageName>,
}

impl PackagePath {
    /// The package at `path`, expected to be signed under its file name.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), expected_name: None }
    }

    /// Expects the package to be signed under `name`, whatever its file is called.
    #[must_use]
    pub fn expect_name(mut self, name: PackageName) -> Self {
        self.expected_name = Some(name);
        self
    }

    /// The path, as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the signature must bind.
    ///
    /// # Errors
    ///
    /// [`VerificationError::InvalidName`] if the path's last component is not a
    /// [`PackageName`], [`VerificationError::NameNotUnicode`] if that is not UTF-8,
    /// [`VerificationError::Unnamed`] if it has none.
    pub fn name(&self) -> Result<PackageName, VerificationError> {
        if let Some(name) = &self.expected_name {
            return Ok(name.clone());
        }
        let file_name = self.path.file_name().ok_or(VerificationError::Unnamed)?;
        let file_name = file_name.to_str().ok_or(VerificationError::NameNotUnicode)?;
        PackageName::new(file_name).map_err(VerificationError::InvalidName)
    }

    /// Where the detached signature is looked for: `<file name>.sig`, beside the
    /// package.
    pub fn signature_path(&self) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(SIGNATURE_SUFFIX);
        path.into()
    }
}

impl From<&PackagePath> for PackagePath {
    fn from(path: &PackagePath) -> Self {
        path.clone()
    }
}

macro_rules! from_path {
    ($($type:ty),*) => {$(
        impl From<$type> for PackagePath {
            fn from(path: $type) -> Self {
                Self::new(path)
            }
        }
    )*};
}

from_path!(&Path, PathBuf, &PathBuf, &str, String);

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn the_name_is_the_last_component_unless_one_is_expected() {
        let path = PackagePath::new("/opt/plugins/libworkflow.so");
        assert_eq!(path.name().unwrap().as_str(), "libworkflow.so");
        let expected = path.expect_name("other.so".parse().unwrap());
        assert_eq!(expected.name().unwrap().as_str(), "other.so");
    }

    #[test]
    fn paths_without_a_usable_name_are_refused() {
        assert!(matches!(PackagePath::new("/").name(), Err(VerificationError::Unnamed)));
        assert!(matches!(PackagePath::new("a/..").name(), Err(VerificationError::Unnamed)));
        let latin = PackagePath::new(Path::new(OsStr::from_bytes(b"a/caf\xe9.so")));
        assert!(matches!(latin.name(), Err(VerificationError::NameNotUnicode)));
        let named = latin.expect_name("cafe.so".parse().unwrap());
        assert_eq!(named.name().unwrap().as_str(), "cafe.so");
        let bidi = PackagePath::new("a/\u{202E}os.bil");
        assert!(matches!(bidi.name(), Err(VerificationError::InvalidName(_))));
    }

    #[test]
    fn the_signature_is_beside_a_package_with_or_without_extension() {
        let sidecar = |path: &str| PackagePath::new(path).signature_path();
        assert_eq!(sidecar("p/libworkflow.so"), Path::new("p/libworkflow.so.sig"));
        assert_eq!(sidecar("plugin"), Path::new("plugin.sig"));
    }
}
