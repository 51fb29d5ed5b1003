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
    #[error("{}", differences(found, wanted))]
    Terms { found: Terms, wanted: Terms },
    #[error("they expired at {at}")]
    Expired { at: StatementTime },
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// What a signature says beside what the package is.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) version: Option<PackageVersion>,
    pub(crate) expires_at: Option<StatementTime>,
}

impl Terms {
    /// The options by which just this is signed.
    pub(crate) fn options(&self) -> Vec<String> {
        let version = self.version.as_ref().map(|version| format!("--package-version {version}"));
        let expiry = self.expires_at.map(|at| format!("--expires {at}"));
        version.into_iter().chain(expiry).collect()
    }

    /// In words, one for each that there can be.
    fn said(&self) -> [String; 2] {
        [said("version", self.version.as_ref()), said("expiry", self.expires_at.as_ref())]
    }
}

/// Compared as text: versions that differ in their build metadata only are equal in
/// precedence, and still two versions.
impl PartialEq for Terms {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

fn differences(found: &Terms, wanted: &Terms) -> String {
    let pairs = found.said().into_iter().zip(wanted.said());
    let differing: Vec<_> = pairs
        .filter(|(found, wanted)| found != wanted)
        .map(|(found, wanted)| format!("they say {found}, and {wanted} was asked for"))
        .collect();
    differing.join("; ")
}

fn said<T: fmt::Display>(what: &str, found: Option<&T>) -> String {
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
