use std::io;
use std::path::PathBuf;

use signing_crypto::{MalformedBundle, PemError};
#[cfg(feature = "store")]
use signing_trust::TrustError;
use signing_trust::{SignedTrustError, TrustRootError, VersionMemoryError};
use thiserror::Error;

use crate::protection::ProtectionError;

/// Options that cannot be followed. Nothing was loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecurityArgsError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key file holds something else.
    #[error("cannot trust the key in {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// A file that other users can reach or replace.
    #[error("{0}: {remedy}", remedy = .0.remedy())]
    Unprotected(ProtectionError),
    /// `--trust-root` names neither a root document nor a digest.
    #[error("--trust-root {}: it cannot be pinned as a root document", path.display())]
    TrustRoot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TrustRootError,
    },
    /// A trust bundle is not one.
    #[error("{} is not a trust bundle", path.display())]
    TrustBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MalformedBundle,
    },
    /// The state file cannot be used.
    #[error(transparent)]
    StateFile(#[from] VersionMemoryError),
    /// What the bundle holds does not count.
    #[error("the trust bundle cannot be used")]
    SignedTrust(#[from] SignedTrustError),
    /// An organization without a store to find it in.
    #[cfg(feature = "store")]
    #[error("--org needs a store: give --database-url or CLOACINA_DATABASE_URL")]
    NoStore,
    /// The database URL is not one.
    #[cfg(feature = "store")]
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[from] signing_trust::store::UrlError),
    /// The text is neither an organization's id nor a name.
    #[cfg(feature = "store")]
    #[error("--org is neither the name nor the id of an organization")]
    OrganizationName(#[from] signing_crypto::NameError),
    /// The store could not be opened, or does not know the organization.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl SecurityArgsError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "UnreadableFile",
            Self::Key { source, .. } => source.code(),
            Self::Unprotected(error) => error.code(),
            Self::TrustRoot { source, .. } => source.code(),
            Self::TrustBundle { source, .. } => source.code(),
            Self::StateFile(error) => error.code(),
            Self::SignedTrust(error) => error.code(),
            #[cfg(feature = "store")]
            Self::NoStore => "OrganizationWithoutStore",
            #[cfg(feature = "store")]
            Self::DatabaseUrl(error) => error.code(),
            #[cfg(feature = "store")]
            Self::OrganizationName(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Trust(error) => error.code(),
        }
    }
}
