use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a file of root certificates is not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RootFileError {
    /// It cannot be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a directory, a FIFO, a socket or a device.
    #[error("it is not a regular file")]
    NotARegularFile,
    /// It is larger than any list of certificates.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The most bytes that it may have.
        limit: u64,
    },
    /// It, a directory above it, or a link on the way belongs to another user.
    #[error(
        "others could have chosen it: {} is owned by uid {found}, expected uid {expected} or root",
        path.display()
    )]
    Owner {
        /// What belongs to that user.
        path: PathBuf,
        /// The owner's user id.
        found: u32,
        /// This process's user id.
        expected: u32,
    },
    /// The group of it or of a directory above it, or everybody, may write there.
    #[error(
        "others could have chosen it: {} has mode {mode:04o}, expected {:04o}",
        path.display(),
        mode & !0o022
    )]
    Writable {
        /// What they may write to.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its path leads to another file than the one that was opened.
    #[error("it was replaced while it was opened")]
    Replaced,
}
