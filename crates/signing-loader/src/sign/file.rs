use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signing_crypto::SignatureEnvelope;
use signing_trust::acceptance::{SignatureLocation, VerificationError};

use super::SignError;
use crate::error::PackageError;
use crate::lock::lock_file;
use crate::open::read_signature;

/// For how long another process that writes is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// A signature file and the signatures that were in it when it was read.
#[derive(Debug)]
pub struct SignatureFile {
    path: PathBuf,
    envelope: Option<SignatureEnvelope>,
}

impl SignatureFile {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    ///
    /// [`SignError::NotASignature`] if the file is something else.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, SignError> {
        let path = path.into();
        let envelope = read(&path)?;
        Ok(Self { path, envelope })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The signatures that the file had; `None` if there was no file.
    pub fn envelope(&self) -> Option<&SignatureEnvelope> {
        self.envelope.as_ref()
    }

    /// Calls `write`, which replaces the file, unless the file has changed since it was
    /// read: another process's signature would be lost. Processes that use this function
    /// wait for each other.
    ///
    /// # Errors
    ///
    /// [`SignError::ChangedMeanwhile`], and whatever `write` returns.
    pub fn replace<E: From<SignError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let directory =
            File::open(at).map_err(|source| SignError::from(PackageError::io(at, source)))?;
        match lock_file(&directory, LOCK_LIMIT) {
            Err(held) if held.kind() == io::ErrorKind::TimedOut => {
                return Err(SignError::Locked { path: at.into(), after: LOCK_LIMIT }.into());
            }
            // A file system without locks leaves the comparison, which narrows the race.
            Ok(()) | Err(_) => {}
        }
        if read(&self.path)? != self.envelope {
            let location = SignatureLocation::File(self.path.clone());
            return Err(SignError::ChangedMeanwhile { location }.into());
        }
        write(&self.path)
    }
}

fn read(path: &Path) -> Result<Option<SignatureEnvelope>, SignError> {
    let read = read_signature(path).and_then(|envelope| {
        if let Some(envelope) = &envelope {
            envelope.unverified_statement().map_err(VerificationError::from)?;
        }
        Ok(envelope)
    });
    match read {
        Err(PackageError::Verification(VerificationError::MalformedSignature { reason })) => {
            Err(SignError::NotASignature { path: path.into(), source: reason })
        }
        other => Ok(other?),
    }
}
