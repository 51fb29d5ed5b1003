use std::fs::File;
use std::io::{self, Write};

use signing_crypto::PackageDigest;

use super::SealedPackage;

/// Whether the copies that this system makes of packages are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sealing {
    /// They are memory files that nobody can change, and code in them may run.
    Sealed,
    /// This system has no such files: another process of the same user can change a copy.
    Unsealed,
}

impl Sealing {
    /// Makes a copy as for a package, and tries to change it. Nothing is loaded.
    ///
    /// # Errors
    ///
    /// No memory file can be made, sealed and opened by its descriptor, one that is sealed can
    /// be written, or the system runs no code from it.
    pub fn try_here() -> io::Result<Self> {
        const CONTENT: &[u8] = b"not a package";
        let name = "trial".parse().map_err(io::Error::other)?;
        let copy = SealedPackage::copy(CONTENT, CONTENT.len() as u64, &name)?;
        if copy.content() != PackageDigest::of_reader(CONTENT)? {
            return Err(io::Error::other("a copy has another digest than its source"));
        }
        try_to_change(copy.file())
    }
}

#[cfg(target_os = "linux")]
fn try_to_change(mut file: &File) -> io::Result<Sealing> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{StatVfsMountFlags, fstatvfs};

    if file.write_all(b"x").is_ok() || file.set_len(0).is_ok() {
        return Err(io::Error::other("a sealed memory file can be changed"));
    }
    if fstatvfs(file)?.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err(io::Error::other("memory files are mounted noexec: no code can be loaded"));
    }
    // The dynamic linker opens the copy by its descriptor.
    let (own, opened) =
        (file.metadata()?, std::fs::metadata(format!("/proc/self/fd/{}", file.as_raw_fd()))?);
    match (own.dev(), own.ino()) == (opened.dev(), opened.ino()) {
        true => Ok(Sealing::Sealed),
        false => Err(io::Error::other("/proc/self/fd leads to another file")),
    }
}

#[cfg(not(target_os = "linux"))]
fn try_to_change(_: &File) -> io::Result<Sealing> {
    Ok(Sealing::Unsealed)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_copy_withstands_the_trial() {
        assert_eq!(Sealing::try_here().unwrap(), Sealing::Sealed);
    }

    #[test]
    fn a_copy_that_is_not_sealed_fails_the_trial() {
        let file = super::super::private_file(&"trial".parse().unwrap()).unwrap();
        let failed = try_to_change(&file).unwrap_err();
        assert!(failed.to_string().contains("can be changed"), "{failed}");
    }
}
