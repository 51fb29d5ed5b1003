use std::fs::File;
use std::io::{self, Read, Seek};

use rustix::fs::{MemfdFlags, SealFlags};
use signing_crypto::{HashedContent, PackageDigest, PackageName};

/// A private copy of a package that nobody can change any more, and the digest of
/// just these bytes.
///
/// On Linux the copy is an anonymous memory file, sealed against writing, growing
/// and shrinking before it is hashed.
pub(crate) struct SealedPackage {
    file: File,
    content: HashedContent,
}

impl SealedPackage {
    /// Copies what `source` holds. A copy that comes out longer than `limit` is
    /// cut after one byte more, so that it cannot be taken for what was expected.
    pub(crate) fn copy(source: File, limit: u64, name: &PackageName) -> io::Result<Self> {
        let mut file = private_file(name)?;
        io::copy(&mut source.take(limit.saturating_add(1)), &mut file)?;
        seal(&file)?;
        file.rewind()?;
        let content = PackageDigest::of_reader(&file)?;
        Ok(Self { file, content })
    }

    pub(crate) fn content(&self) -> HashedContent {
        self.content
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

impl std::fmt::Debug for SealedPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedPackage").field("content", &self.content).finish_non_exhaustive()
    }
}

/// The name is what debuggers and `/proc/self/maps` show.
#[cfg(target_os = "linux")]
fn private_file(name: &PackageName) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let name: String = name.as_str().chars().take(60).collect();
    // Kernels before 6.3 do not know the flag; later ones may insist on it.
    let fd = match rustix::fs::memfd_create(&name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(&name, flags)?,
        other => other?,
    };
    Ok(fd.into())
}

#[cfg(target_os = "linux")]
fn seal(file: &File) -> io::Result<()> {
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(file, seals)?;
    Ok(())
}

/// Elsewhere: a file without a name, which other users cannot reach.
#[cfg(not(target_os = "linux"))]
fn private_file(_: &PackageName) -> io::Result<File> {
    tempfile::tempfile()
}

#[cfg(not(target_os = "linux"))]
fn seal(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn sealed(bytes: &[u8], limit: u64) -> SealedPackage {
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(bytes).unwrap();
        source.rewind().unwrap();
        SealedPackage::copy(source, limit, &"libworkflow.so".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_sealed_copy_has_the_digest_of_its_source() {
        let content = PackageDigest::of_reader(&b"package"[..]).unwrap();
        assert_eq!(sealed(b"package", 7).content(), content);
    }

    #[test]
    fn a_copy_stops_one_byte_after_its_limit() {
        assert_eq!(sealed(b"package and more", 7).content().size, 8);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_sealed_copy_can_neither_be_written_nor_resized() {
        let mut file = sealed(b"package", 7).into_file();
        file.rewind().unwrap();
        assert!(file.write_all(b"P").is_err());
        assert!(file.set_len(3).is_err());
        assert!(file.set_len(9).is_err());
        assert!(rustix::fs::fcntl_add_seals(&file, SealFlags::FUTURE_WRITE).is_err());
    }
}
