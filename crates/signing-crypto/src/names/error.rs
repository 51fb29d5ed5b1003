use std::fmt;

use thiserror::Error;

use crate::names::printable;

/// Text that is not one of the fixed-form values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not an id.
    #[error(
        "not a valid {kind} id: expected a lower-case UUID such as 67e55044-10b1-426f-9247-bb680e5fe0c8"
    )]
    Id {
        /// What the id would have named.
        kind: &'static str,
    },
    /// Not a fingerprint.
    #[error("not a fingerprint: expected 64 lower-case hexadecimal digits")]
    Fingerprint,
    /// Not a digest.
    #[error("not a SHA-256 digest: expected 64 lower-case hexadecimal digits")]
    Digest,
    /// Not a version.
    #[error("not a version: expected Semantic Versioning 2.0.0, such as 1.4.0 or 2.0.0-rc.1")]
    Version,
    /// Not a reason for a revocation.
    #[error("not a reason for a revocation: expected retired or compromised")]
    RevocationReason,
    /// Not a kind of trust document.
    #[error("not a trust document: expected root, statement or revocations")]
    TrustDocumentKind,
    /// Not a time, or not one that can be written.
    #[error(
        "not a time: expected RFC 3339, such as 2026-01-28T12:00:00Z, of the years 0000 to 9999"
    )]
    Time,
}

impl ParseError {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidArgument"
    }
}

/// Patterns for package names that are not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// None, or too many.
    #[error("expected 1 to {limit} patterns, found {found}")]
    Count {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// One that matches no name, because of its length.
    #[error("a pattern must have 1 to 255 bytes, not {found}")]
    Length {
        /// The number of bytes found.
        found: usize,
    },
    /// A character that no package name has.
    #[error("a pattern contains {}, which no package name does", quoted(*found))]
    Character {
        /// The first such character.
        found: char,
    },
    /// Stored text that is no list of patterns.
    #[error("not a JSON array of patterns")]
    NotAList,
}

impl PatternError {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidPattern"
    }
}

/// A character as it is shown: what cannot be seen is escaped.
fn quoted(found: char) -> String {
    format!("'{}'", printable(found.encode_utf8(&mut [0; 4])))
}

/// A name that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a valid {kind}: {fault}")]
pub struct NameError {
    /// What the name was to name.
    pub kind: NameKind,
    /// What is wrong with it.
    pub fault: NameFault,
}

impl NameError {
    /// What programs call this error, whatever the fault. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidName"
    }
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// An organization.
    Organization,
    /// A key.
    Key,
    /// A package.
    Package,
    /// A change.
    Note,
    /// Who makes a change.
    Actor,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Organization => "organization name",
            Self::Key => "key name",
            Self::Package => "package name",
            Self::Note => "note",
            Self::Actor => "actor name",
        })
    }
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameFault {
    /// No characters.
    #[error("it is empty")]
    Empty,
    /// Too many bytes.
    #[error("it has {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// The number of bytes found.
        found: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// It starts with something else than a letter or digit.
    #[error("it must start with an ASCII letter or digit")]
    FirstCharacter,
    /// A character that is not allowed.
    #[error("it contains {}, which is not allowed", quoted(*found))]
    Character {
        /// The first such character.
        found: char,
    },
    /// It could be taken for an id.
    #[error("it has the form of an id")]
    LooksLikeAnId,
    /// `.` or `..`.
    #[error("it names a directory, not a file")]
    PathPart,
}
