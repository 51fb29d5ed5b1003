use std::path::PathBuf;

use signing_crypto::{MalformedEnvelope, OrgId, SignatureEnvelope, SignatureId};
use signing_trust::acceptance::{SignatureLocation, VerificationError};

use crate::error::PackageError;
use crate::open::FileAt;

/// Where a package's signature comes from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum SignatureSource {
    /// It is in memory.
    Memory(SignatureEnvelope),
    /// It is in this file.
    DetachedFile(PathBuf),
    /// It is in the store, under the package's digest.
    Database,
    /// It is in the file beside the package, or, if there is nothing there or the package
    /// is bytes in memory, in the store. A file that is broken, dangling or not trusted is an error: the
    /// store is not asked instead.
    #[default]
    Auto,
}

/// Where an envelope was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeSource {
    /// It was in memory.
    Memory,
    /// In this file.
    File(PathBuf),
    /// In the store.
    Store {
        /// Its id.
        id: SignatureId,
        /// The organization that keeps it.
        org: OrgId,
    },
}

/// The result of looking for a signature outside of the store.
pub(crate) enum Found {
    Envelope(EnvelopeSource, Box<SignatureEnvelope>),
    /// Something is there, and it is no envelope.
    Malformed(EnvelopeSource, MalformedEnvelope),
    /// Only the store may have one.
    NothingYet(SignatureLocation),
}

impl SignatureSource {
    /// Looks for a signature, in the file `beside` the package if it has one.
    pub(crate) fn look(self, beside: Option<&FileAt>) -> Result<Found, PackageError> {
        match self {
            Self::Memory(envelope) => {
                Ok(Found::Envelope(EnvelopeSource::Memory, Box::new(envelope)))
            }
            Self::Database => Ok(Found::NothingYet(SignatureLocation::Store)),
            Self::DetachedFile(path) => match look_in(&FileAt::new(&path))? {
                Some(found) => Ok(found),
                None => {
                    let location = SignatureLocation::File(path);
                    Err(VerificationError::SignatureNotFound { location }.into())
                }
            },
            Self::Auto => match beside {
                Some(file) => {
                    let location = SignatureLocation::FileOrStore(file.path().into());
                    Ok(look_in(file)?.unwrap_or(Found::NothingYet(location)))
                }
                None => Ok(Found::NothingYet(SignatureLocation::Store)),
            },
        }
    }
}

/// Looks at a file; `None` if there is nothing at all.
fn look_in(file: &FileAt) -> Result<Option<Found>, PackageError> {
    let source = EnvelopeSource::File(file.path().into());
    match file.read_signature() {
        Ok(envelope) => Ok(envelope.map(|envelope| Found::Envelope(source, Box::new(envelope)))),
        Err(PackageError::Verification(VerificationError::MalformedSignature { reason })) => {
            Ok(Some(Found::Malformed(source, reason)))
        }
        Err(error) => Err(error),
    }
}
