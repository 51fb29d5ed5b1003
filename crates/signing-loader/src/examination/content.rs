use std::io::{self, Read};

use signing_crypto::{HashedContent, PackageDigest, PackageName};
use signing_trust::acceptance::{Accepted, ActualContent};

use crate::error::PackageError;
use crate::package::{OpenedPackage, UnreadBytes};
use crate::sealed::SealedPackage;

/// What signatures are compared with.
pub(crate) trait Content {
    /// What was read, if that was done already.
    fn hashed(&self) -> Option<&HashedContent>;
}

/// An envelope is looked at without the package that it is about.
impl Content for () {
    fn hashed(&self) -> Option<&HashedContent> {
        None
    }
}

/// A package, and what is kept of its bytes when it was read.
pub(crate) enum PackageContent<T> {
    Unread(OpenedPackage, ReadPackage<T>),
    Read(HashedContent, T),
}

impl<T> Content for PackageContent<T> {
    fn hashed(&self) -> Option<&HashedContent> {
        match self {
            Self::Unread(..) => None,
            Self::Read(content, _) => Some(content),
        }
    }
}

impl<T> PackageContent<T> {
    /// Reads the package if that was not done before, at most as far as was signed.
    pub(super) fn read(self, accepted: &Accepted) -> Result<(HashedContent, T), PackageError> {
        match self {
            Self::Read(content, kept) => Ok((content, kept)),
            Self::Unread(opened, read) => {
                let expected = accepted.statement().size();
                if opened.size != expected {
                    return Err(accepted.tampered(ActualContent::Size(opened.size)).into());
                }
                opened.read_with(read, expected)
            }
        }
    }
}

/// How a package's bytes are read: sealed, to be used, or just hashed. At most one byte
/// more than the limit is looked at.
pub(crate) type ReadPackage<T> =
    fn(UnreadBytes, u64, &PackageName) -> io::Result<(HashedContent, T)>;

pub(crate) fn seal(
    bytes: UnreadBytes,
    limit: u64,
    name: &PackageName,
) -> io::Result<(HashedContent, SealedPackage)> {
    let sealed = match bytes {
        UnreadBytes::File(file) => SealedPackage::copy(file, limit, name)?,
        UnreadBytes::Memory(bytes) => SealedPackage::copy(&*bytes, limit, name)?,
    };
    Ok((sealed.content(), sealed))
}

pub(crate) fn hash(
    bytes: UnreadBytes,
    limit: u64,
    _: &PackageName,
) -> io::Result<(HashedContent, ())> {
    let limit = limit.saturating_add(1);
    let content = match bytes {
        UnreadBytes::File(file) => PackageDigest::of_reader(file.take(limit))?,
        UnreadBytes::Memory(bytes) => PackageDigest::of_reader(bytes.take(limit))?,
    };
    Ok((content, ()))
}

impl OpenedPackage {
    pub(super) fn read_with<T>(
        self,
        read: ReadPackage<T>,
        limit: u64,
    ) -> Result<(HashedContent, T), PackageError> {
        read(self.bytes, limit, &self.name).map_err(|source| PackageError::io(&self.place, source))
    }
}
