//! Which users could replace a database, and its path if no other user could.
//!
//! SQLite names files by their path, and applies a journal that lies beside a database to
//! it. A user who can write the database, rename it, or put a journal beside it controls
//! its content. So each name on the way from the root to the database is looked at, and each
//! file that SQLite would open:
//!
//! - Everything is owned by this process' user, by root, or by the user whom the URL names.
//! - Neither the group nor others may write to the database, its journals or the directory
//!   that holds them. A sticky bit does not help there: it keeps others from renaming the
//!   database, and not from putting a journal beside it. An access control list that lets
//!   others write shows as a right of the group.
//! - Nor may they write to a directory further up, with one exception: if that is sticky,
//!   only the owners of the directory and of the entry can rename or remove the entry, and
//!   both are trusted. So a store may be in a directory of its own below `/tmp`.
//! - The database and its journals are regular files with one name. A symbolic link would
//!   put journals where the link is not, and a hard link may be an older store of the same
//!   owner, which somebody linked to while they could. A directory on the way may be behind
//!   a symbolic link: the link is an entry like others, and what it leads to is looked at
//!   in its place.
//!
//! The user whom the URL names is trusted with what is read, and with nothing that this process
//! writes or deletes: SQLite deletes the file that a rollback journal names at its end, wherever
//! that is. So another user's store is opened for reading only, and a journal that names a file,
//! which a program with one database never writes, is not used.
//!
//! What was looked at cannot be changed afterwards by anybody who is not trusted, since the
//! directory that it is in is one that they cannot write to. So it is enough to look before
//! SQLite opens the path, which has no links left in it.
//!
//! `signing-loader` walks to files of its own in much the same way (`directory.rs`). It is built
//! without this crate, too, and what both build on knows no files.
//!
//! Nothing here opens the database itself: POSIX gives up all of a process' locks on a file
//! when any descriptor of that file is closed, SQLite's too.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access as Rights, AtFlags, CWD, FileType, Mode, OFlags, Stat, accessat, mkdirat, openat, statat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::backend::access::Access;
use crate::backend::path_walk::{STICKY, WRITABLE_BY_OTHERS, walk};
use crate::error::{FileFault, FileKind, FileRole, StoreError, UnsafeFile};
use crate::url;

const ROLLBACK_JOURNAL: &str = "-journal";

/// What SQLite appends to a database's name.
const JOURNALS: [&str; 3] = [ROLLBACK_JOURNAL, "-wal", "-shm"];

/// A rollback journal ends so if the name of a super-journal is before it (SQLite's
/// `readSuperJournal`).
const NAMES_SUPER_JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

#[cfg(target_os = "linux")]
const TO_PASS: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const TO_PASS: OFlags = OFlags::RDONLY;

/// A database's path, as it was given, and whose it may be.
#[derive(Clone)]
pub(super) struct DatabasePath {
    given: PathBuf,
    owner: Option<u32>,
}

/// What to do about directories that are missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Report,
    Make,
}

impl DatabasePath {
    /// A relative path is from the directory that is the current one now.
    pub(super) fn new(target: &url::SqliteTarget) -> Result<Self, StoreError> {
        let given = std::path::absolute(&target.path)
            .map_err(|source| StoreError::File { path: target.path.clone(), source })?;
        Ok(Self { given, owner: target.owner.as_ref().map(|owner| owner.uid) })
    }

    /// The database's path without links, if it exists, no other user could replace it, and
    /// this process may have that access.
    pub(super) fn check(&self, access: Access) -> Result<PathBuf, StoreError> {
        if access == Access::Write {
            self.require_ours()?;
        }
        let absent = || StoreError::NoDatabase { path: self.given.clone() };
        let directory = match self.directory(Missing::Report) {
            Err(StoreError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(absent());
            }
            other => other?,
        };
        if !directory.has_safe_file("", FileRole::Database)? {
            return Err(absent());
        }
        for journal in JOURNALS {
            directory.has_safe_file(journal, FileRole::Journal)?;
        }
        directory.require(access)?;
        if access == Access::Write {
            directory.require_no_super_journal()?;
        }
        Ok(directory.database())
    }

    /// Refuses to write to the store of another user.
    pub(super) fn require_ours(&self) -> Result<(), StoreError> {
        let others = self.owner.filter(|&owner| owner != 0 && owner != geteuid().as_raw());
        others.map_or(Ok(()), |owner| {
            let reason =
                format!("its URL says that it belongs to uid {owner}, who alone changes it");
            let source = io::Error::new(io::ErrorKind::PermissionDenied, reason);
            Err(StoreError::ReadOnly { path: self.given.clone(), source })
        })
    }

    /// The directory that holds the database, if no other user could replace it or a file in it.
    pub(super) fn directory(&self, missing: Missing) -> Result<Directory, StoreError> {
        let no_name = || StoreError::File { path: self.given.clone(), source: Errno::ISDIR.into() };
        let name = self.given.file_name().ok_or_else(no_name)?.to_owned();
        let above = self.given.parent().unwrap_or(&self.given);
        let trusted = self.trusted();
        loop {
            let look = |path: &Path, found: &Metadata| Ok(trusted.require(path, found)?);
            match walk(above, look, unusable) {
                Err(StoreError::File { path, source })
                    if missing == Missing::Make && source.kind() == io::ErrorKind::NotFound =>
                {
                    match mkdirat(CWD, &path, Mode::RWXU) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(unusable(&path, errno)),
                    }
                }
                end => return Directory::open(trusted, end?.0, name),
            }
        }
    }

    /// The path as it was given, from the root.
    pub(super) fn given(&self) -> &Path {
        &self.given
    }

    /// Whether there is a rollback journal, which another program may remove at any time.
    pub(super) fn has_journal(&self) -> bool {
        let mut path = self.given.clone().into_os_string();
        path.push(ROLLBACK_JOURNAL);
        std::fs::symlink_metadata(path).is_ok()
    }

    fn trusted(&self) -> Trusted {
        Trusted { us: geteuid().as_raw(), named: self.owner }
    }
}

/// Who may own what a database's safety rests on, besides root.
#[derive(Clone, Copy)]
struct Trusted {
    us: u32,
    named: Option<u32>,
}

impl Trusted {
    /// Refuses a directory or a link on the way that others could rename. What is in a sticky
    /// directory is renamed by its owner alone.
    fn require(self, path: &Path, found: &Metadata) -> Result<(), UnsafeFile> {
        let refused = |fault| UnsafeFile { path: path.into(), role: FileRole::Directory, fault };
        self.require_owner(found.uid()).map_err(refused)?;
        let mode = found.mode() & 0o7777;
        match found.is_dir() && mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
            true => Err(refused(FileFault::Writable { mode })),
            false => Ok(()),
        }
    }

    fn require_owner(self, found: u32) -> Result<(), FileFault> {
        if found == 0 || found == self.us || Some(found) == self.named {
            return Ok(());
        }
        Err(FileFault::Owner { found, expected: self.named.unwrap_or(self.us) })
    }
}

/// The directory that holds a database, to which no other user can add a file.
pub(super) struct Directory {
    trusted: Trusted,
    directory: File,
    /// Without links.
    path: PathBuf,
    name: OsString,
}

impl Directory {
    fn open(trusted: Trusted, path: PathBuf, name: OsString) -> Result<Self, StoreError> {
        let flags = TO_PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(CWD, &path, flags, Mode::empty()).map(File::from);
        let directory = opened.map_err(|errno| unusable(&path, errno))?;
        let found = directory.metadata().map_err(|error| unusable(&path, error))?;
        trusted.require(&path, &found)?;
        // A sticky bit keeps others from renaming the database, not from adding a journal.
        match found.mode() & 0o7777 {
            mode if mode & WRITABLE_BY_OTHERS != 0 => {
                let (role, fault) = (FileRole::Directory, FileFault::Shared { mode });
                Err(UnsafeFile { path, role, fault }.into())
            }
            _ => Ok(Self { trusted, directory, path, name }),
        }
    }

    pub(super) fn has_database(&self) -> Result<bool, StoreError> {
        match self.stat(&self.name) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(unusable(&self.database(), errno)),
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// Whether there is a file with the database's name and this ending. No other user could
    /// have written it.
    fn has_safe_file(&self, end: &str, role: FileRole) -> Result<bool, StoreError> {
        let name = self.beside(end);
        let path = self.path.join(&name);
        let stat = match self.stat(&name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(unusable(&path, errno)),
        };
        let mode = permissions(&stat);
        let fault = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if mode & WRITABLE_BY_OTHERS != 0 => {
                Err(FileFault::Writable { mode })
            }
            FileType::RegularFile if stat.st_nlink > 1 => Err(FileFault::SeveralNames),
            FileType::RegularFile => self.trusted.require_owner(stat.st_uid),
            FileType::Symlink => Err(FileFault::Link),
            other => return Err(StoreError::NotADatabase { path, found: kind(other) }),
        };
        fault.map_err(|fault| UnsafeFile { path, role, fault })?;
        Ok(true)
    }

    /// Refuses a rollback journal with the name of a file that SQLite would delete.
    fn require_no_super_journal(&self) -> Result<(), StoreError> {
        let name = self.beside(ROLLBACK_JOURNAL);
        let path = self.path.join(&name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut journal = match openat(&self.directory, &name, flags, Mode::empty()) {
            Ok(journal) => File::from(journal),
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(unusable(&path, errno)),
        };
        let mut end = [0; NAMES_SUPER_JOURNAL.len()];
        let read = journal.seek(SeekFrom::End(-(end.len() as i64)));
        match read.and_then(|_| journal.read_exact(&mut end)) {
            Ok(()) if end == NAMES_SUPER_JOURNAL => {
                let (role, fault) = (FileRole::Journal, FileFault::NamesAnotherFile);
                Err(UnsafeFile { path, role, fault }.into())
            }
            Ok(()) => Ok(()),
            // It is shorter than that.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            Err(error) => Err(unusable(&path, error)),
        }
    }

    fn beside(&self, end: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(end);
        name
    }

    /// A reader reads the database; a writer also makes journals beside it.
    fn require(&self, access: Access) -> Result<(), StoreError> {
        self.require_rights(&self.name, Rights::READ_OK)
            .map_err(|source| StoreError::Unreadable { path: self.database(), source })?;
        if access != Access::Write {
            return Ok(());
        }
        self.require_rights(&self.name, Rights::WRITE_OK)
            .map_err(|source| StoreError::ReadOnly { path: self.database(), source })?;
        self.require_rights(".".as_ref(), Rights::WRITE_OK | Rights::EXEC_OK)
            .map_err(|source| StoreError::ReadOnly { path: self.path.clone(), source })
    }

    fn stat(&self, name: &OsStr) -> rustix::io::Result<Stat> {
        statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn require_rights(&self, name: &OsStr, rights: Rights) -> io::Result<()> {
        Ok(accessat(&self.directory, name, rights, AtFlags::EACCESS)?)
    }
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::Directory => FileKind::Directory,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        _ => FileKind::Device,
    }
}

fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

fn unusable(path: &Path, error: impl Into<io::Error>) -> StoreError {
    let (path, source) = (path.into(), error.into());
    match source.kind() {
        io::ErrorKind::PermissionDenied => StoreError::Unreadable { path, source },
        _ => StoreError::File { path, source },
    }
}
