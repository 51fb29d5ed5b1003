use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use signing_crypto::MAX_PEM_SIZE;
use signing_loader::{Protection, is_descriptor};

use crate::error::CliError;

mod credential;
mod locked;
mod new;
mod placed;

pub(crate) use credential::read_credential;
pub(crate) use locked::LockedFile;
pub(crate) use new::{NewFile, Readers, directory, remove, write_atomically};
pub(crate) use placed::PlacedFile;

/// What to do about an existing file. Even one that is to be replaced is kept if it may be the only
/// copy of something else, such as a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

impl Existing {
    pub(crate) fn replace_if(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }

    /// Fails early where [`NewFile::put_in_place`] would.
    pub(crate) fn require_vacant(self, path: &Path) -> Result<(), CliError> {
        match self == Self::Keep && path.symlink_metadata().is_ok() {
            true => Err(CliError::FileExists { path: path.into() }),
            false => Ok(()),
        }
    }
}

/// For what replaces no file, whatever options there are.
pub(crate) fn not_replaced(error: CliError) -> CliError {
    match error {
        CliError::FileExists { path } => CliError::NotReplaced { path },
        other => other,
    }
}

/// Reads a key's file, or standard input for `-`: at most one byte more than a key file
/// may have, which is then refused for its size. A file that others can reach is refused.
pub(crate) fn read_protected(path: &Path, protection: Protection) -> Result<Vec<u8>, CliError> {
    let opened = if path == Path::new("-") { None } else { Some(open(path, Some(protection))?) };
    read(opened, path, MAX_PEM_SIZE as u64 + 1)
}

/// Reads a file that others must not change, up to a size.
pub(crate) fn read_unchanged(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    read(Some(open(path, Some(Protection::Integrity))?), path, limit)
}

/// Reads a file that needs no protection, or standard input for `-`, up to a size.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let opened = if path == Path::new("-") { None } else { Some(open(path, None)?) };
    read(opened, path, limit)
}

fn read(opened: Option<File>, path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::with_capacity(1024);
    let result = match opened {
        Some(file) => file.take(limit).read_to_end(&mut bytes),
        None => io::stdin().lock().take(limit).read_to_end(&mut bytes),
    };
    result.map_err(|source| CliError::Read { path: path.into(), source })?;
    Ok(bytes)
}

/// Opens a file that has an end, if it is protected as it must be.
///
/// A path may also name a descriptor that the caller has opened, as a shell's `<(…)` does:
/// then it may be a pipe, and who can write into that is the caller's affair.
pub(crate) fn open(path: &Path, protection: Option<Protection>) -> Result<File, CliError> {
    let failed = |source| CliError::Read { path: path.into(), source };
    // Opening never waits for the other end of a FIFO that lies there.
    let flags = match is_descriptor(path) {
        true => rustix::fs::OFlags::NOCTTY,
        false => rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY,
    };
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags.bits() as i32).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let is_pipe = metadata.file_type().is_fifo() && is_descriptor(path);
    if !metadata.is_file() && !is_pipe {
        let kind = io::ErrorKind::InvalidInput;
        return Err(failed(io::Error::new(kind, "it is not a regular file")));
    }
    if let Some(protection) = protection {
        protection.require(path, &metadata)?;
    }
    Ok(file)
}
