//! The directories of an installation. Only this process's user and root can write to them.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fstat, fsync, mkdirat, openat, statat};
use rustix::io::Errno;

use super::error::InstallError;
use crate::directory::{
    self, DirectoryError, DirectoryFault, WRITABLE_BY_OTHERS, Walk, kind, mode, refused,
    require_owner,
};

/// A directory that only this process's user and root can write.
#[derive(Debug)]
pub(super) struct Place {
    directory: File,
    /// As it was given, for messages.
    path: PathBuf,
}

impl Place {
    /// Opens a directory, which is made if it is missing and the one above it is there. The last
    /// name is no link: what it leads to could be meant for something else.
    pub(super) fn open(path: &Path) -> Result<Self, InstallError> {
        let absolute = directory::absolute(path)?;
        let (Some(above), Some(last)) = (absolute.parent(), absolute.file_name()) else {
            return Err(InstallError::write(path, Errno::INVAL));
        };
        let walk = Walk::to(above)?;
        make(walk.directory(), last, path)?;
        Ok(Self::enter(walk.directory(), last, path.into())?)
    }

    /// Opens a directory in this one.
    pub(super) fn below(&self, name: &OsStr) -> Result<Self, InstallError> {
        Ok(Self::enter(self.directory.as_fd(), name, self.path.join(name))?)
    }

    /// The same. It is made if it is missing.
    pub(super) fn make(&self, name: &OsStr) -> Result<Self, InstallError> {
        make(self.directory.as_fd(), name, &self.path.join(name))?;
        self.below(name)
    }

    fn enter(parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> Result<Self, DirectoryError> {
        let failed = |errno: Errno| directory::unusable(path.clone(), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = match openat(parent, name, flags, Mode::empty()) {
            Ok(directory) => File::from(directory),
            Err(errno) => {
                let kind = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| kind(&stat));
                return Err(match kind {
                    Ok(FileType::Symlink) => refused(path, DirectoryFault::Link),
                    Ok(FileType::Directory) | Err(_) => failed(errno),
                    Ok(_) => refused(path, DirectoryFault::NotADirectory),
                });
            }
        };
        let stat = fstat(&directory).map_err(failed)?;
        require_owner(&stat, &path)?;
        match mode(&stat) {
            mode if mode & WRITABLE_BY_OTHERS != 0 => {
                Err(refused(path, DirectoryFault::Writable { mode }))
            }
            _ => Ok(Self { directory, path }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether only this process's user and root could have written a file.
    pub(super) fn is_safe(&self, file: &Metadata) -> bool {
        let us = rustix::process::geteuid().as_raw();
        (file.uid() == 0 || file.uid() == us) && file.mode() & WRITABLE_BY_OTHERS == 0
    }

    /// The open directory.
    pub(super) fn file(&self) -> &File {
        &self.directory
    }
}

/// Makes a directory, unless there is something of that name.
fn make(parent: BorrowedFd<'_>, name: &OsStr, path: &Path) -> Result<(), InstallError> {
    let failed = |errno: Errno| InstallError::write(path, errno);
    match mkdirat(parent, name, Mode::from(0o755)) {
        Ok(()) => {
            // Whatever the umask is: runners may be other users.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = openat(parent, name, flags, Mode::empty()).map_err(failed)?;
            fchmod(&made, Mode::from(0o755)).map_err(failed)?;
            let above = openat(parent, ".", flags, Mode::empty()).map_err(failed)?;
            fsync(&above).map_err(failed)
        }
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}
