//! Directories that nobody else can change or replace.
//!
//! Each name on the way from the root is looked at. Everything must be owned by this process's
//! user or by root. Others may write to none of the directories, with one exception: a sticky
//! directory on the way, such as `/tmp`, keeps them from renaming what is not theirs. A link on
//! the way is an entry like others, and what it leads to is looked at in its place.
//!
//! What was looked at can only be changed by users who are trusted. So it is enough to look
//! before a path is used.
//!
//! `signing-store` walks to a database in much the same way (`backend/path_walk.rs`), where
//! another owner may be trusted, and missing directories are made.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use signing_crypto::{printable, shell_word};
use thiserror::Error;

/// A directory is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Others could change or replace what is in it.
    #[error("others could replace what is in {}", printable(&path.to_string_lossy()))]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: DirectoryFault,
    },
    /// It cannot be looked at.
    #[error("cannot open {}", printable(&path.to_string_lossy()))]
    Unusable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What is wrong with a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DirectoryFault {
    /// It, or a link on the way to it, belongs to another user than this process's and root.
    #[error("it belongs to the user {found}, expected {expected} or root")]
    Owner {
        /// The owner's user id.
        found: u32,
        /// This process's user id.
        expected: u32,
    },
    /// Its group, or everybody, may write it.
    #[error("other users may write it: its mode is {mode:04o}")]
    Writable {
        /// Its permissions.
        mode: u32,
    },
    /// It is a symbolic link.
    #[error("it is a symbolic link")]
    Link,
    /// It is no directory.
    #[error("it is not a directory")]
    NotADirectory,
}

/// Requires that no other user can put another file there instead of this one, which must be
/// there.
///
/// A directory that others may write to, and that is sticky, may contain the file: the sticky
/// bit keeps them from renaming it. Before a file is read, [`Protection`](crate::Protection)
/// requires the same of it, and looks at its owner and mode.
///
/// # Errors
///
/// [`DirectoryError`] about the first directory or link on the way that others could change.
pub fn require_irreplaceable(path: &Path) -> Result<(), DirectoryError> {
    Walk::over(&absolute(path)?, End::FileOrDirectory).map(drop)
}

/// The same of a file that is open already. The path must still lead to it: in a sticky directory,
/// its owner could have put a link there first, and a file in its place afterwards.
pub(crate) fn require_in_place(path: &Path, opened: &Metadata) -> Result<(), DirectoryError> {
    let (_, end) = Walk::over(&absolute(path)?, End::FileOrDirectory)?;
    let changed = |source| DirectoryError::Unusable { path: path.into(), source };
    let found = end.symlink_metadata().map_err(changed)?;
    match (found.dev(), found.ino()) == (opened.dev(), opened.ino()) {
        true => Ok(()),
        false => Err(changed(io::Error::other("it leads to another file than before"))),
    }
}

/// The same of a directory, in which no other user can make files either.
pub(crate) fn require_private(path: &Path) -> Result<(), DirectoryError> {
    let absolute = absolute(path)?;
    let walk = Walk::to(&absolute)?;
    let stat = fstat(&walk.directory).map_err(|errno| unusable(absolute, errno))?;
    match mode(&stat) {
        mode if mode & WRITABLE_BY_OTHERS != 0 => {
            Err(refused(walk.path, DirectoryFault::Writable { mode }))
        }
        _ => Ok(()),
    }
}

/// A path from the root.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, DirectoryError> {
    std::path::absolute(path)
        .map_err(|source| DirectoryError::Unusable { path: path.into(), source })
}

/// What the last name of a path may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Directory,
    FileOrDirectory,
}

/// A directory on the way, and the path without links that leads to it.
pub(crate) struct Walk {
    directory: OwnedFd,
    path: PathBuf,
}

/// What a name in a directory is.
enum Entry {
    Directory(Walk),
    Link(PathBuf),
    Other,
}

impl Walk {
    /// Goes to a directory.
    pub(crate) fn to(absolute: &Path) -> Result<Self, DirectoryError> {
        Self::over(absolute, End::Directory).map(|(walk, _)| walk)
    }

    /// The open directory, in which names can be looked up.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Goes over each name of the path, to the last directory, and says what the path is without
    /// links.
    fn over(absolute: &Path, end: End) -> Result<(Self, PathBuf), DirectoryError> {
        let mut ahead: Vec<_> = names(absolute).rev().collect();
        let mut walk = Self::from_the_root()?;
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match walk.entry(&name)? {
                Entry::Directory(next) => walk = next,
                Entry::Link(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(unusable(absolute.into(), Errno::LOOP));
                    }
                    if target.is_absolute() {
                        walk = Self::from_the_root()?;
                    }
                    ahead.extend(names(&target).rev());
                }
                Entry::Other if ahead.is_empty() && end == End::FileOrDirectory => {
                    let file = walk.below(&name);
                    return Ok((walk, file));
                }
                Entry::Other => return Err(unusable(walk.below(&name), Errno::NOTDIR)),
            }
        }
        let path = walk.path.clone();
        Ok((walk, path))
    }

    fn from_the_root() -> Result<Self, DirectoryError> {
        Self::enter(CWD, "/".as_ref(), "/".into())
    }

    fn enter(parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> Result<Self, DirectoryError> {
        let flags = TO_PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(parent, name, flags, Mode::empty());
        let opened = opened.and_then(|directory| Ok((fstat(&directory)?, directory)));
        let (stat, directory) = opened.map_err(|errno| unusable(path.clone(), errno))?;
        require_owner(&stat, &path)?;
        let mode = mode(&stat);
        match mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
            true => Err(refused(path, DirectoryFault::Writable { mode })),
            false => Ok(Self { directory, path }),
        }
    }

    fn entry(&self, name: &OsStr) -> Result<Entry, DirectoryError> {
        let path = self.below(name);
        let failed = |errno: Errno| unusable(path.clone(), errno);
        let stat = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        match kind(&stat) {
            FileType::Symlink => {
                require_owner(&stat, &path)?;
                let target = readlinkat(&self.directory, name, Vec::new()).map_err(failed)?;
                Ok(Entry::Link(OsString::from_vec(target.into_bytes()).into()))
            }
            FileType::Directory => {
                Self::enter(self.directory.as_fd(), name, path).map(Entry::Directory)
            }
            _ => Ok(Entry::Other),
        }
    }

    fn below(&self, name: &OsStr) -> PathBuf {
        match name == ".." {
            true => self.path.parent().unwrap_or(&self.path).to_owned(),
            false => self.path.join(name),
        }
    }
}

impl DirectoryError {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsafe { source, .. } => source.code(),
            Self::Unusable { .. } => "UnreadableFile",
        }
    }

    /// What mends it, with a command that can be pasted into a shell, if one does.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Unsafe { path, source } => source.remedy(path),
            Self::Unusable { .. } => None,
        }
    }
}

impl DirectoryFault {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "UnsafeDirectory"
    }

    /// What mends this fault of a directory, with a command, if one does.
    pub fn remedy(&self, path: &Path) -> Option<String> {
        let path = shell_word(path);
        match self {
            Self::Owner { .. } => Some(format!(
                "find out what that user did there; then: chown -h \"$(id -u)\" {path}, or use another \
                 directory"
            )),
            // Others share it, as /tmp: without that, the machine would not work.
            Self::Writable { mode } if mode & STICKY != 0 => {
                Some("use a directory that only you can write to".into())
            }
            Self::Writable { .. } => {
                Some(format!("find out whether others have written there; then: chmod go-w {path}"))
            }
            Self::Link => Some(format!("give the directory that it leads to: readlink -f {path}")),
            Self::NotADirectory => None,
        }
    }
}

pub(crate) fn require_owner(stat: &Stat, path: &Path) -> Result<(), DirectoryError> {
    let (found, expected) = (stat.st_uid, rustix::process::geteuid().as_raw());
    match found == 0 || found == expected {
        true => Ok(()),
        false => Err(refused(path.into(), DirectoryFault::Owner { found, expected })),
    }
}

pub(crate) fn refused(path: PathBuf, source: DirectoryFault) -> DirectoryError {
    DirectoryError::Unsafe { path, source }
}

pub(crate) fn unusable(path: PathBuf, errno: Errno) -> DirectoryError {
    DirectoryError::Unusable { path, source: errno.into() }
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(crate) fn mode(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

pub(crate) const WRITABLE_BY_OTHERS: u32 = 0o022;

const STICKY: u32 = 0o1000;

/// As many as Linux follows.
const MAX_LINKS: usize = 40;

/// To open files in a directory, it need not be readable.
#[cfg(target_os = "linux")]
pub(crate) const TO_PASS: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
pub(crate) const TO_PASS: OFlags = OFlags::RDONLY;

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
