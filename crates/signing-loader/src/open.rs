use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use signing_crypto::{MAX_ENVELOPE_SIZE, MalformedEnvelope, SignatureEnvelope};

use crate::{PackageError, VerificationError};

/// Opens a regular file. Never waits for the other end of a FIFO, and never
/// becomes the controlling process of a terminal.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), PackageError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let file = opened.map_err(|source| match path.metadata() {
        // A socket cannot even be opened.
        Ok(metadata) if !metadata.is_file() => not_regular(path),
        _ => PackageError::io(path, source),
    })?;
    let metadata = file.metadata().map_err(|source| PackageError::io(path, source))?;
    if !metadata.is_file() {
        return Err(not_regular(path));
    }
    Ok((file, metadata.len()))
}

/// Reads a detached signature; `None` if there is nothing at `path` at all.
///
/// A symbolic link that leads nowhere is something: somebody meant a signature
/// to be there, so that it is an error rather than a reason to look elsewhere.
///
/// # Errors
///
/// [`VerificationError::NotARegularFile`], [`VerificationError::MalformedSignature`],
/// or an I/O error.
pub fn read_signature(path: &Path) -> Result<Option<SignatureEnvelope>, PackageError> {
    let file = match open_regular(path) {
        Ok((file, _)) => file,
        Err(PackageError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound && is_vacant(path) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_ENVELOPE_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| PackageError::io(path, source))?;
    let malformed = |reason: MalformedEnvelope| VerificationError::MalformedSignature { reason };
    Ok(Some(SignatureEnvelope::parse(&bytes).map_err(malformed)?))
}

/// Reads a small regular file; of a larger one, one byte more than `limit`.
#[cfg(feature = "clap")]
pub(crate) fn read_bounded(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_regular(path: &Path) -> PackageError {
    VerificationError::NotARegularFile { path: path.into() }.into()
}

fn is_vacant(path: &Path) -> bool {
    matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}
