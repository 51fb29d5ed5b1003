use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::rfc3339;
use signing_trust::TrustError;
use thiserror::Error;

use crate::error::PackageError;

/// A call into a loaded package may not begin.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum GateError {
    /// The package would not be loaded any more.
    #[error("the package was loaded, and is no longer trusted")]
    NoLongerTrusted {
        /// Why it would not be.
        source: Arc<PackageError>,
    },
    /// The store has not answered for longer than is allowed, so a revocation would not be
    /// known.
    #[error("the store has not confirmed trust in the package since {}", rfc3339(since))]
    Stale {
        /// When the store was last asked a question that it answered.
        since: DateTime<Utc>,
    },
    /// Nothing follows trust any more: the last [`LoadedPackages`](crate::LoadedPackages) was
    /// dropped, or the thread that followed trust has panicked.
    #[error("trust in the package is no longer followed")]
    NotFollowed,
    /// This process was forked from the one that follows trust, and nothing does so here.
    #[error("this process was forked from the one that knows whether the package is still trusted")]
    Forked,
}

impl GateError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoLongerTrusted { source } => source.code(),
            Self::Stale { .. } => "TrustStale",
            Self::NotFollowed | Self::Forked => "TrustNotFollowed",
        }
    }
}

/// Trust in loaded packages cannot be followed, or a package was not loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The package was not loaded.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The package was loaded, and trust was withdrawn or could not be asked at that moment.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// There can be no further connections to the store.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The thread that follows trust cannot be started.
    #[error("the thread that follows trust cannot be started")]
    Thread(#[source] io::Error),
}

impl FollowError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::Gate(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::Thread(_) => "NoThread",
        }
    }
}
