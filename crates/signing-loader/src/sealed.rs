mod probe;

use std::fs::File;
use std::io::{self, Read, Seek};

use rustix::fs::{MemfdFlags, SealFlags};
use signing_crypto::{HashedContent, PackageDigest, PackageName};

pub use probe::Sealing;

/// A private copy of a package that can no longer be changed, and the digest of
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
    pub(crate) fn copy(source: impl Read, limit: u64, name: &PackageName) -> io::Result<Self> {
        let mut file = private_file(name)?;
        io::copy(&mut source.take(limit.saturating_add(1)), &mut file)?;
        let mut sealed = Sealed::new(file)?;
        let content = sealed.hash()?;
        Ok(Self { file: sealed.0, content })
    }

    pub(crate) fn content(&self) -> HashedContent {
        self.content
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
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

/// A file that no longer changes. Nothing else is hashed: other processes of the same
/// user reach the copy through `/proc` while it is made.
struct Sealed(File);

impl Sealed {
    fn new(file: File) -> io::Result<Self> {
        seal(&file)?;
        Ok(Self(file))
    }

    fn hash(&mut self) -> io::Result<HashedContent> {
        self.0.rewind()?;
        PackageDigest::of_reader(&self.0)
    }
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
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::{FileExt, PermissionsExt};
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;

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

    /// A process of the same user finds the copy in `/proc` and writes to it.
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_written_to_a_copy_while_it_is_made_is_in_its_digest() {
        const SIZE: usize = 16 << 20;
        for round in 0..3 {
            let name = format!("written-to-{round}.so");
            let (source, mut feeder) = io::pipe().unwrap();
            let (writing, is_writing) = mpsc::sync_channel(1);
            let done = AtomicBool::new(false);
            let sealed = thread::scope(|scope| {
                scope.spawn(|| {
                    let file = until_some(|| open_for_writing(&name));
                    for byte in (0..=u8::MAX).cycle() {
                        // The copy refuses this from when it is sealed.
                        let _ = file.write_at(&[byte], 0);
                        let _ = writing.try_send(());
                        if done.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
                scope.spawn(move || {
                    is_writing.recv().unwrap();
                    feeder.write_all(&vec![7; SIZE]).unwrap();
                });
                let source = File::from(OwnedFd::from(source));
                let sealed = SealedPackage::copy(source, SIZE as u64, &name.parse().unwrap());
                done.store(true, Ordering::Relaxed);
                sealed.unwrap()
            });
            let content = sealed.content();
            let mut file = sealed.file;
            file.rewind().unwrap();
            assert_eq!(PackageDigest::of_reader(&file).unwrap(), content, "round {round}");
        }
    }

    fn until_some<T>(find: impl Fn() -> Option<T>) -> T {
        loop {
            if let Some(found) = find() {
                return found;
            }
            thread::yield_now();
        }
    }

    /// The memory file that `/proc` shows by `name`, if it is there.
    fn open_for_writing(name: &str) -> Option<File> {
        let shown = format!("/memfd:{name} (deleted)");
        let descriptors = fs::read_dir("/proc/self/fd").ok()?.flatten().map(|entry| entry.path());
        descriptors
            .filter(|path| fs::read_link(path).is_ok_and(|target| target == Path::new(&shown)))
            .find_map(|path| File::options().write(true).open(path).ok())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_other_program_inherits_a_copy_or_can_execute_it() {
        let file = sealed(b"package", 7).file;
        let flags = rustix::io::fcntl_getfd(&file).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC), "{flags:?}");

        // Kernels before 6.3 do not know the flag.
        let probe = rustix::fs::memfd_create("probe", MemfdFlags::NOEXEC_SEAL);
        let is_known = !matches!(probe, Err(rustix::io::Errno::INVAL));
        let mode = file.metadata().unwrap().permissions().mode() & 0o111;
        assert_eq!(mode == 0, is_known, "{mode:o}");
        let given_back = file.set_permissions(Permissions::from_mode(0o700));
        assert_eq!(given_back.is_err(), is_known, "{given_back:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_sealed_copy_can_neither_be_written_nor_resized() {
        let mut file = sealed(b"package", 7).file;
        file.rewind().unwrap();
        assert!(file.write_all(b"P").is_err());
        assert!(file.set_len(3).is_err());
        assert!(file.set_len(9).is_err());
        assert!(rustix::fs::fcntl_add_seals(&file, SealFlags::FUTURE_WRITE).is_err());
    }
}
