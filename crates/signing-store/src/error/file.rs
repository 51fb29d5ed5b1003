use std::fmt;
use std::path::PathBuf;

use signing_crypto::shell_word;
use thiserror::Error;

/// A file or directory by which somebody could replace a SQLite store.
#[derive(Debug, Error)]
#[error("others could replace the store: {role} {} {fault}", path.display())]
#[non_exhaustive]
pub struct UnsafeFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is to the store.
    pub role: FileRole,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// What a file is to a SQLite store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileRole {
    /// The database itself.
    Database,
    /// A file that SQLite applies to the database.
    Journal,
    /// A directory, or a link to one, on the way to the database.
    Directory,
}

impl fmt::Display for FileRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::Journal => "the journal",
            Self::Directory => "the directory",
        })
    }
}

/// How others could use a file to replace a SQLite store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileFault {
    /// Its owner is neither root nor whose the store is.
    #[error("is owned by uid {found}, expected uid {expected} or root")]
    Owner {
        /// The owner's number.
        found: u32,
        /// Whose the store is: the user whom the URL names, or who runs this program.
        expected: u32,
    },
    /// Its group or everybody may write to it. A group counts as others even if it has one
    /// member: who is in it is not written in the file, and changes.
    #[error("has mode {mode:04o}, expected {:04o}: its group and others must not write", mode & !0o022)]
    Writable {
        /// The permission bits.
        mode: u32,
    },
    /// It holds the database, and others may create files in it, though not rename any.
    #[error(
        "has mode {mode:04o}, in which others can put a journal beside the database, expected 0700"
    )]
    Shared {
        /// The permission bits.
        mode: u32,
    },
    /// It is a symbolic link.
    #[error("is a symbolic link, expected a regular file")]
    Link,
    /// There is a hard link to it.
    #[error("has a second name, expected a file without hard links")]
    SeveralNames,
    /// It is a rollback journal with the name of a file, which SQLite would delete.
    #[error("ends in the name of another file, which SQLite would delete with it")]
    NamesAnotherFile,
}

/// What is not a SQLite database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A file that does not begin as a database does.
    OtherFormat,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherFormat => "file of another format",
            Self::Directory => "directory",
            Self::Fifo => "FIFO",
            Self::Socket => "socket",
            Self::Device => "device",
        })
    }
}

/// A process that holds a lock on a SQLite file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LockHolder {
    /// The process.
    pub process: u32,
    /// The number of the user whose process it is, if it has not ended.
    pub user: Option<u32>,
}

impl LockHolder {
    /// This process of this user.
    pub fn new(process: u32, user: Option<u32>) -> Self {
        Self { process, user }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        match self.user {
            Some(user) => write!(f, " of uid {user}"),
            None => Ok(()),
        }
    }
}

/// Who holds a lock, as the end of a sentence.
pub(super) fn by(holders: &[LockHolder]) -> String {
    match holders {
        [] => String::new(),
        _ => format!(
            " by {}",
            holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    }
}

impl UnsafeFile {
    /// What is wrong with a file.
    pub fn new(path: impl Into<PathBuf>, role: FileRole, fault: FileFault) -> Self {
        Self { path: path.into(), role, fault }
    }

    /// What mends it, with a command that can be pasted into a shell.
    pub fn remedy(&self) -> String {
        let path = shell_word(&self.path);
        match (self.fault, self.role) {
            (FileFault::NamesAnotherFile, _) => {
                "restore a backup of the database; without the journal, a change that was \
                 interrupted would stay half done"
                    .into()
            }
            (FileFault::Owner { .. } | FileFault::Link, FileRole::Journal) => {
                format!("find out who put it there, then move it away: mv {path} {path}.suspect")
            }
            (FileFault::Owner { found, expected }, _) => format!(
                "if the store is that user's, name them in its URL: sqlite:FILE?owner={found}; \
                 else find out what they did there, then: chown {expected} {path}"
            ),
            (FileFault::Writable { .. }, _) => {
                format!("find out whether others have written there, then: chmod go-w {path}")
            }
            (FileFault::Shared { .. }, _) => {
                let directory = shell_word(self.path.join("cloacina"));
                format!("keep the store in a directory of its own: mkdir -m 0700 {directory}")
            }
            (FileFault::Link, _) => {
                format!("give the path that it leads to: readlink -f {path}")
            }
            (FileFault::SeveralNames, _) => {
                format!("find the other name, and remove it: find / -xdev -samefile {path}")
            }
        }
    }
}
