//! Directories that nobody else can change or replace.
//!
//! Each name on the way from the root is looked at. Everything must be owned by this process's
//! user or by root. Others may write to none of the directories, with one exception: a sticky
//! directory on the way, such as `/tmp`, keeps them from renaming what is not theirs. A link on
//! the way is an entry like others, and what it leads to is looked at in its place. The last
//! name is no link: what it leads to could be meant for something else.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, fchmod, fstat, fsync, mkdirat, openat, readlinkat,
    statat,
};
use rustix::io::Errno;

use super::error::{DirectoryFault, InstallError};

/// As many as Linux follows.
const MAX_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[cfg(target_os = "linux")]
const TO_PASS: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const TO_PASS: OFlags = OFlags::RDONLY;

/// A directory that only this process's user and root can write.
#[derive(Debug)]
pub(super) struct Place {
    directory: File,
    /// As it was given, for messages.
    path: PathBuf,
}

impl Place {
    /// Opens a directory, which is made if it is missing and the one above it is there.
    pub(super) fn open(path: &Path) -> Result<Self, InstallError> {
        let absolute =
            std::path::absolute(path).map_err(|error| InstallError::write(path, error))?;
        let mut ahead: Vec<_> = names(&absolute).collect();
        let Some(last) = ahead.pop().filter(|name| name != "..") else {
            return Err(InstallError::write(path, Errno::INVAL));
        };
        ahead.reverse();
        let mut walk = Walk::from_the_root()?;
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            let Some(target) = walk.step(&name)? else { continue };
            links += 1;
            if links > MAX_LINKS {
                return Err(InstallError::write(&absolute, Errno::LOOP));
            }
            if target.is_absolute() {
                walk = Walk::from_the_root()?;
            }
            let names: Vec<_> = names(&target).collect();
            ahead.extend(names.into_iter().rev());
        }
        make(walk.directory.as_fd(), &last, path)?;
        Self::enter(walk.directory.as_fd(), &last, path.into())
    }

    /// Opens a directory in this one.
    pub(super) fn below(&self, name: &OsStr) -> Result<Self, InstallError> {
        Self::enter(self.directory.as_fd(), name, self.path.join(name))
    }

    /// The same. It is made if it is missing.
    pub(super) fn make(&self, name: &OsStr) -> Result<Self, InstallError> {
        make(self.directory.as_fd(), name, &self.path.join(name))?;
        self.below(name)
    }

    fn enter(parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> Result<Self, InstallError> {
        let failed = |errno: Errno| InstallError::write(&path, errno);
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

/// A directory on the way, and the path without links that leads to it.
struct Walk {
    directory: OwnedFd,
    path: PathBuf,
}

impl Walk {
    fn from_the_root() -> Result<Self, InstallError> {
        Self::enter(CWD, "/".as_ref(), "/".into())
    }

    fn enter(parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> Result<Self, InstallError> {
        let flags = TO_PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(parent, name, flags, Mode::empty());
        let opened = opened.and_then(|directory| Ok((fstat(&directory)?, directory)));
        let (stat, directory) = opened.map_err(|errno| InstallError::write(&path, errno))?;
        require_owner(&stat, &path)?;
        let mode = mode(&stat);
        match mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
            true => Err(refused(path, DirectoryFault::Writable { mode })),
            false => Ok(Self { directory, path }),
        }
    }

    /// Goes on into the directory of this name, or gives what the link of this name says.
    fn step(&mut self, name: &OsStr) -> Result<Option<PathBuf>, InstallError> {
        let path = match name == ".." {
            true => self.path.parent().unwrap_or(&self.path).to_owned(),
            false => self.path.join(name),
        };
        let failed = |errno: Errno| InstallError::write(&path, errno);
        let stat = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if kind(&stat) == FileType::Symlink {
            require_owner(&stat, &path)?;
            let target = readlinkat(&self.directory, name, Vec::new()).map_err(failed)?;
            return Ok(Some(OsString::from_vec(target.into_bytes()).into()));
        }
        *self = Self::enter(self.directory.as_fd(), name, path)?;
        Ok(None)
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

fn require_owner(stat: &Stat, path: &Path) -> Result<(), InstallError> {
    let (found, expected) = (stat.st_uid, rustix::process::geteuid().as_raw());
    match found == 0 || found == expected {
        true => Ok(()),
        false => Err(refused(path.into(), DirectoryFault::Owner { found, expected })),
    }
}

fn refused(path: PathBuf, source: DirectoryFault) -> InstallError {
    InstallError::UnsafeDirectory { path, source }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn mode(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}
