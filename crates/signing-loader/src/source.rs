use std::path::PathBuf;

use signing_crypto::SignatureEnvelope;

use crate::open::read_signature;
use crate::{PackageError, PackagePath, SignatureLocation, VerificationError};

/// Where a package's signature comes from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum SignatureSource {
    /// It is at hand.
    Memory(SignatureEnvelope),
    /// It is in this file.
    DetachedFile(PathBuf),
    /// It is in the store, under the package's digest.
    Database,
    /// It is in the file beside the package, or, if there is nothing there, in the
    /// store. A file that is broken, dangling or not trusted is an error: the
    /// store is not asked instead.
    #[default]
    Auto,
}

/// What became of looking for a signature outside of the store.
pub(crate) enum Found {
    Envelope(Box<SignatureEnvelope>),
    /// Only the store may have one.
    NothingYet(SignatureLocation),
}

impl SignatureSource {
    pub(crate) fn look(self, package: &PackagePath) -> Result<Found, PackageError> {
        match self {
            Self::Memory(envelope) => Ok(Found::Envelope(Box::new(envelope))),
            Self::Database => Ok(Found::NothingYet(SignatureLocation::Store)),
            Self::DetachedFile(path) => match read_signature(&path)? {
                Some(envelope) => Ok(Found::Envelope(Box::new(envelope))),
                None => {
                    let location = SignatureLocation::File(path);
                    Err(VerificationError::SignatureNotFound { location }.into())
                }
            },
            Self::Auto => {
                let path = package.signature_path();
                Ok(match read_signature(&path)? {
                    Some(envelope) => Found::Envelope(Box::new(envelope)),
                    None => Found::NothingYet(SignatureLocation::FileOrStore(path)),
                })
            }
        }
    }
}
