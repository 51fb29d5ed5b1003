use std::borrow::Cow;
use std::fs::File;
use std::path::PathBuf;

use signing_crypto::PackageName;
use signing_trust::acceptance::VerificationError;

use crate::error::PackageError;
use crate::open::FileAt;
use crate::path::{PackagePath, SIGNATURE_SUFFIX};

/// A package that is to be verified: a file, or bytes in memory.
///
/// Everything that makes a [`PackagePath`] makes one, and so do [`PackageBytes`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Package {
    /// A file.
    File(PackagePath),
    /// Bytes in memory.
    Bytes(PackageBytes),
}

/// A package's bytes, for a host that holds packages in memory rather than in files.
#[derive(Clone)]
pub struct PackageBytes {
    name: PackageName,
    bytes: Cow<'static, [u8]>,
}

impl PackageBytes {
    /// Bytes that must be signed under `name`.
    pub fn new(name: PackageName, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { name, bytes: bytes.into() }
    }

    /// The name that the signature must bind.
    pub fn name(&self) -> &PackageName {
        &self.name
    }
}

impl std::fmt::Debug for PackageBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackageBytes")
            .field("name", &self.name)
            .field("size", &self.bytes.len())
            .finish()
    }
}

/// A package whose name and size are known, and whose bytes were not read yet.
pub(crate) struct OpenedPackage {
    pub(crate) name: PackageName,
    pub(crate) size: u64,
    pub(crate) bytes: UnreadBytes,
    /// What an I/O error is about: the file, or the name of what is in memory.
    pub(crate) place: PathBuf,
    /// Where its signature is looked for; bytes in memory have nothing beside them.
    pub(crate) signature: Option<FileAt>,
}

/// Where the bytes are.
pub(crate) enum UnreadBytes {
    File(File),
    Memory(Cow<'static, [u8]>),
}

impl Package {
    pub(crate) fn name(&self) -> Result<PackageName, VerificationError> {
        match self {
            Self::File(path) => path.name(),
            Self::Bytes(bytes) => Ok(bytes.name.clone()),
        }
    }

    /// What an I/O error is about.
    pub(crate) fn place(&self) -> PathBuf {
        match self {
            Self::File(path) => path.path().into(),
            Self::Bytes(bytes) => bytes.name.as_str().into(),
        }
    }

    /// Opens the file, which must be a regular one of `limit` bytes at most.
    pub(crate) fn open(self, limit: u64) -> Result<OpenedPackage, PackageError> {
        let (name, place) = (self.name()?, self.place());
        let (bytes, size, signature) = match self {
            Self::File(path) => {
                let package = FileAt::new(path.path());
                let (file, size) = package.open_regular()?;
                (UnreadBytes::File(file), size, Some(package.with_suffix(SIGNATURE_SUFFIX)))
            }
            Self::Bytes(PackageBytes { bytes, .. }) => {
                let size = bytes.len() as u64;
                (UnreadBytes::Memory(bytes), size, None)
            }
        };
        match size > limit {
            true => Err(VerificationError::PackageTooLarge { size, limit }.into()),
            false => Ok(OpenedPackage { name, size, bytes, place, signature }),
        }
    }
}

impl<P: Into<PackagePath>> From<P> for Package {
    fn from(path: P) -> Self {
        Self::File(path.into())
    }
}

impl From<PackageBytes> for Package {
    fn from(bytes: PackageBytes) -> Self {
        Self::Bytes(bytes)
    }
}
