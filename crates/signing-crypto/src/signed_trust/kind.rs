use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::names::ParseError;

/// The documents that signed trust consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TrustDocumentKind {
    /// Whose signatures the other documents need, and how many.
    Root,
    /// All that the organization trusts.
    Statement,
    /// What it does not trust any more, whatever its statement says.
    Revocations,
}

impl TrustDocumentKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Root, Self::Statement, Self::Revocations];

    /// The kind's name: `root`, `statement` or `revocations`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Statement => "statement",
            Self::Revocations => "revocations",
        }
    }
}

impl FromStr for TrustDocumentKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.ok_or(ParseError::TrustDocumentKind)
    }
}

impl fmt::Display for TrustDocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The number of a document: 1 for the first, and one more for each that replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentVersion(NonZeroU32);

impl DocumentVersion {
    /// The first.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Takes a number, unless it is zero.
    pub fn new(version: u32) -> Option<Self> {
        NonZeroU32::new(version).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The one that replaces this, unless this is the last that there can be.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for DocumentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
