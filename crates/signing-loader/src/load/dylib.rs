//! The only place that loads code, and the only one with `unsafe`.
#![expect(unsafe_code, reason = "loading a library runs its code, which Rust cannot vouch for")]

use std::env;
use std::ffi::{CStr, c_int, c_void};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(all(feature = "store", target_os = "linux"))]
use std::sync::atomic::AtomicU64;

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use signing_crypto::PackageDigest;

use super::LoadedPackage;
use crate::directory::require_irreplaceable;
use crate::error::LoadError;
use crate::sealed::SealedPackage;

/// Finds a library that is loaded, and loads none (dlopen(3)). On the processors of which
/// libraries are loaded at all, glibc has the same number for it.
const RTLD_NOLOAD: c_int = 4;

/// A library that is mapped into this process, for good.
#[derive(Debug)]
pub(super) struct Library {
    handle: ManuallyDrop<Handle>,
    id: LibraryId,
}

/// Which of this process' libraries one is. With glibc, that is the address of what the linker
/// knows of the library, which does not depend on who asks, or by which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LibraryId(usize);

/// The library of this process that glibc would take for the name `name`. `None` if it would
/// look for a file.
///
/// The linker's own lock is taken, which another thread may hold while constructors run, and
/// these may wait for a lock of this crate. So the caller holds none.
pub(super) fn find(name: &str) -> Option<LibraryId> {
    cfg!(target_env = "gnu").then(|| open(Path::new(name), RTLD_NOW | RTLD_NOLOAD).ok())?.map(id)
}

impl Library {
    /// Which of this process' libraries it is.
    pub(super) fn id(&self) -> LibraryId {
        self.id
    }

    /// The library that was mapped from this copy, if its load has got so far. The caller holds
    /// no lock, as for [`find`].
    pub(super) fn mapped_from(sealed: &SealedPackage) -> Option<LibraryId> {
        find(&descriptor_path(sealed.file()))
    }

    /// Loads the sealed bytes and runs their constructors, unless the linker has loaded the
    /// same copy before.
    pub(super) fn load(sealed: impl Into<Arc<SealedPackage>>) -> Result<Self, LoadError> {
        let sealed = sealed.into();
        let link = PathBuf::from(format!("/proc/self/fd/{}", sealed.file().as_raw_fd()));
        if is_link_to(&link, sealed.file()) {
            Self::load_descriptor(sealed)
        } else {
            let directory = env::temp_dir();
            Self::load_private_copy(sealed.file(), sealed.content().digest, &directory)
        }
    }

    /// Loads through the descriptor, so that there is no path to swap.
    ///
    /// The dynamic linker knows a library by the spelling of its path: had the
    /// descriptor been closed, the next package could get the same number and,
    /// silently, the old library. Hence it stays open until the process ends, and
    /// after the load the file must really be mapped.
    fn load_descriptor(sealed: Arc<SealedPackage>) -> Result<Self, LoadError> {
        let path = descriptor_path(sealed.file());
        let library = Self::open(Path::new(&path))?;
        // Its code has run from here on: whatever fails, neither is given back.
        let sealed = ManuallyDrop::new(sealed);
        match is_mapped(sealed.file()).map_err(LoadError::Io)? {
            true => Ok(library),
            false => Err(LoadError::AnotherLibrary),
        }
    }

    /// Loads from a copy in a directory below `temporary` that only this user can enter: where
    /// there is no `/proc`, the linker has to be given a path. Nobody else may be able to rename
    /// that directory, or one above. Weaker, as another process of the same user could change
    /// the copy.
    fn load_private_copy(
        file: &File,
        digest: PackageDigest,
        temporary: &Path,
    ) -> Result<Self, LoadError> {
        require_irreplaceable(temporary).map_err(LoadError::TemporaryDirectory)?;
        let prepare = || -> io::Result<(tempfile::TempDir, PathBuf, PackageDigest)> {
            // From the start: in between, somebody else could enter it.
            let only_this_user = Permissions::from_mode(0o700);
            let directory =
                tempfile::Builder::new().permissions(only_this_user).tempdir_in(temporary)?;
            let path = directory.path().join("package.so");
            let mut copy = File::create_new(&path)?;
            copy_from_start(file, &mut copy)?;
            copy.flush()?;
            let copied = PackageDigest::of_reader(File::open(&path)?)?.digest;
            Ok((directory, path, copied))
        };
        let (_removed_at_the_end, path, copied) = prepare().map_err(LoadError::Io)?;
        if copied != digest {
            return Err(LoadError::AnotherLibrary);
        }
        Self::open(&path)
    }

    fn open(path: &Path) -> Result<Self, LoadError> {
        let id = id(open(path, RTLD_NOW | RTLD_LOCAL)?);
        // SAFETY: It is the handle that `open` gave, which nothing closes.
        let handle = unsafe { Handle::from_raw(id.0 as *mut c_void) };
        Ok(Self { handle: ManuallyDrop::new(handle), id })
    }
}

impl LoadedPackage {
    /// The address of the symbol `name`, as a `T`: a function pointer or another
    /// type of the size of a pointer.
    ///
    /// # Errors
    ///
    /// [`LoadError::Symbol`] if the package has no such symbol, or if `T` has another size.
    ///
    /// # Safety
    ///
    /// The symbol must be what `T` says. The package's signature does not say
    /// so: it tells who made the package, not what is in it.
    pub unsafe fn symbol<T: Copy>(&self, name: &CStr) -> Result<T, LoadError> {
        let failed = |source| LoadError::Symbol { name: name.into(), source: Box::new(source) };
        // SAFETY: The caller vouches for the type, and the library is never
        // unloaded, so that a copy of the address stays valid.
        let symbol = unsafe { self.library.handle.get::<T>(name.to_bytes_with_nul()) };
        let address = symbol.map_err(failed)?;
        let copy = *address;
        if address.as_raw_ptr().is_null() {
            return Err(LoadError::NullSymbol { name: name.into() });
        }
        Ok(copy)
    }
}

fn open(path: &Path, flags: c_int) -> Result<Handle, LoadError> {
    // SAFETY: This runs the library's constructors, which nothing can make safe.
    // Whose code may run is what this crate decides, and the one caller of this
    // module has either verified the package or was called by a function with `danger` in its
    // name. With `RTLD_NOLOAD` only what is in this process already is found.
    let handle = unsafe { Handle::open(Some(path), flags) };
    handle.map_err(|source| LoadError::Linker(Box::new(source)))
}

/// The handle is never closed: what was found once stays, and is found again.
fn id(handle: Handle) -> LibraryId {
    LibraryId(handle.into_raw() as usize)
}

/// Not the spelling that anybody else would choose.
fn descriptor_path(file: &File) -> String {
    format!("/proc/self/fd/./{}", file.as_raw_fd())
}

/// Without the file's own position, which loads at the same time share.
fn copy_from_start(file: &File, copy: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    let mut position = 0;
    loop {
        match file.read_at(&mut buffer, position)? {
            0 => return Ok(()),
            read => {
                copy.write_all(&buffer[..read])?;
                position += read as u64;
            }
        }
    }
}

fn is_link_to(link: &Path, file: &File) -> bool {
    match (fs::metadata(link), file.metadata()) {
        (Ok(link), Ok(file)) => (link.dev(), link.ino()) == (file.dev(), file.ino()),
        _ => false,
    }
}

/// Whether `file` is mapped into this process to be executed (proc_pid_maps(5)). A host may
/// map a package's descriptor to read it; only the dynamic linker maps it to execute it.
fn is_mapped(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let device = format!("{major:02x}:{minor:02x}");
    let inode = metadata.ino().to_string();
    // Not as text: the paths in it need not be UTF-8.
    let maps = fs::read("/proc/self/maps")?;
    Ok(maps.split(|&byte| byte == b'\n').any(|line| {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut fields = words.skip(1);
        fields.next().is_some_and(|rights| rights.contains(&b'x'))
            && fields.nth(1) == Some(device.as_bytes())
            && fields.next() == Some(inode.as_bytes())
    }))
}

/// A word that is zero, and becomes zero in each child that this process forks (madvise(2)). It
/// stands here for no other reason than that it is unsafe.
///
/// # Errors
///
/// The kernel has no such memory, or none.
#[cfg(all(feature = "store", target_os = "linux"))]
pub(crate) fn wiped_on_fork() -> io::Result<&'static AtomicU64> {
    use std::ptr;

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

    let size = size_of::<AtomicU64>();
    let (access, private) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: The kernel chooses a place where nothing is.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), size, access, private) }?;
    // SAFETY: This is the page that was mapped above, and nothing refers to it.
    unsafe { madvise(page, size, Advice::LinuxWipeOnFork) }?;
    // SAFETY: A page is aligned and zero, and this one is never unmapped. In this process nothing
    // but the atomic writes to it; what is wiped is the copy in another one.
    Ok(unsafe { AtomicU64::from_ptr(page.cast()) })
}

/// Calls what the tests' libraries export. It stands here because nothing unsafe may
/// stand elsewhere.
#[cfg(test)]
pub(super) fn call(library: &Library, name: &CStr) -> i32 {
    type Function = extern "C" fn() -> i32;
    // SAFETY: The tests compile their libraries from C, where each symbol that they
    // call has this type.
    let symbol = unsafe { library.handle.get::<Function>(name.to_bytes_with_nul()) };
    symbol.expect("the tests export what they call")()
}

/// Maps a file to read it, as a host may that has its descriptor. It stands here for the same
/// reason.
#[cfg(test)]
fn while_mapped_to_read<T>(file: &File, size: usize, work: impl FnOnce() -> T) -> T {
    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

    let (read, private) = (ProtFlags::READ, MapFlags::PRIVATE);
    // SAFETY: The kernel chooses a place where nothing is.
    let address = unsafe { mmap(std::ptr::null_mut(), size, read, private, file, 0) };
    let address = address.expect("a file can be mapped");
    let result = work();
    // SAFETY: This is the mapping that was made above, and nothing refers to it.
    unsafe { munmap(address, size) }.expect("a mapping can be removed");
    result
}

#[cfg(test)]
mod tests;
