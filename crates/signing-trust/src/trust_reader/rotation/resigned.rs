use signing_crypto::{PackageStatement, PackageVersion, SignatureId};

use super::super::signature_search::SearchExtent;

/// Stored signatures that the old key made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resigned {
    /// The successor has signed them now.
    pub added: u64,
    /// The successor had signed them before.
    pub already: u64,
    /// Only the old key has signed them, there is no room for another signature, or
    /// others have changed them repeatedly.
    pub left: u64,
    /// Only the old key has signed them, and [`Outdated`] says why that stays so.
    pub outdated: u64,
    /// Which of the stored signatures were looked at.
    pub extent: SearchExtent,
}

/// What a stored signature states, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResignedPackage {
    /// The stored signature.
    pub id: SignatureId,
    /// What the old key has signed.
    pub statement: PackageStatement,
    /// Why the successor does not sign it. `None` if it does.
    pub outdated: Option<Outdated>,
}

/// Why the organization no longer accepts a statement, regardless of its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outdated {
    /// It has expired.
    Expired,
    /// Its version is lower, or it states none.
    BelowFloor {
        /// The lowest version that the organization accepts.
        floor: PackageVersion,
    },
}

/// The result for one stored signature that the old key made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ResignOutcome {
    Added,
    Already,
    Left,
    Outdated(Outdated),
}

/// The results for all of them.
#[derive(Default)]
pub(crate) struct ResignTally {
    pub(crate) signatures: Resigned,
    pub(crate) packages: Vec<ResignedPackage>,
}

impl ResignTally {
    pub(crate) fn add(
        &mut self,
        id: SignatureId,
        statement: PackageStatement,
        outcome: ResignOutcome,
    ) {
        let outdated = match outcome {
            ResignOutcome::Added => {
                self.signatures.added += 1;
                None
            }
            ResignOutcome::Outdated(why) => {
                self.signatures.outdated += 1;
                Some(why)
            }
            ResignOutcome::Already => {
                self.signatures.already += 1;
                return;
            }
            ResignOutcome::Left => {
                self.signatures.left += 1;
                return;
            }
        };
        self.packages.push(ResignedPackage { id, statement, outdated });
    }

    pub(crate) fn with_extent(mut self, extent: SearchExtent) -> Self {
        self.signatures.extent = extent;
        self
    }
}
