use std::fmt;

use signing_crypto::{EnvelopeError, PackageName, PackageVersion, StatementTime};
use thiserror::Error;

/// Why a signature is not added to those that are there already.
#[derive(Debug, Error)]
pub(crate) enum NotAdded {
    #[error("they are about \"{found}\", not about \"{wanted}\"")]
    Name { found: PackageName, wanted: PackageName },
    #[error("they are about other bytes than the package has now")]
    Content,
    #[error("they say {}, and {} was asked for", said("version", found), said("version", wanted))]
    Version { found: Option<PackageVersion>, wanted: Option<PackageVersion> },
    #[error("they say {}, and {} was asked for", said("expiry", found), said("expiry", wanted))]
    Expiry { found: Option<StatementTime>, wanted: Option<StatementTime> },
    #[error("they expired at {at}")]
    Expired { at: StatementTime },
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

fn said<T: fmt::Display>(what: &str, found: &Option<T>) -> String {
    match found {
        Some(found) => format!("{what} {found}"),
        None => format!("no {what}"),
    }
}

/// Where the signatures are that one was to be added to.
#[derive(Debug)]
pub(crate) enum Place {
    File(std::path::PathBuf),
    Store,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Store => f.write_str("the store"),
        }
    }
}
