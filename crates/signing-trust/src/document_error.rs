use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentHeader, DocumentVersion, Fingerprint, MalformedTrustDocument, OrgId, OrgName,
    RootChainError, RootDigest, ThresholdNotMet, TrustDocumentKind, rfc3339,
};
use thiserror::Error;

/// Signed trust that cannot be believed. Nothing is trusted then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignedTrustError {
    /// No document is there.
    #[error("the organization {org} has published no signed trust")]
    NoDocuments {
        /// The organization.
        org: OrgId,
    },
    /// A bundle has no documents of an organization that its statement grants trust to.
    #[error(
        "the bundle has no documents of the organization {org}: when it was made, they did not \
         count, or the grant had been withdrawn"
    )]
    NotBundled {
        /// The organization.
        org: OrgId,
    },
    /// A document is not there.
    #[error("the organization {org} has no {kind} document")]
    Missing {
        /// Whose document it is.
        org: OrgId,
        /// Which one.
        kind: TrustDocumentKind,
    },
    /// The root document that was pinned is not there.
    #[error("the organization {org} has no root document with the digest {digest}")]
    PinnedRootMissing {
        /// Whose document it is.
        org: OrgId,
        /// The digest that was pinned.
        digest: RootDigest,
    },
    /// The root document has another organization's id than the one that was asked about.
    #[error("the pinned root is of the organization {expected}, not of {found}")]
    RootOfAnotherOrganization {
        /// The organization of the root document.
        expected: OrgId,
        /// The organization that was asked about.
        found: OrgId,
    },
    /// A root document has the number of the one that was pinned, and other content.
    #[error(
        "version {version} of the root document of {org} has the digest {found}, expected {expected}"
    )]
    RootConflict {
        /// Whose document it is.
        org: OrgId,
        /// The number.
        version: DocumentVersion,
        /// The digest of the document that is believed.
        expected: RootDigest,
        /// The digest of the other.
        found: RootDigest,
    },
    /// A root document does not follow the one before it.
    #[error("version {version} of the root document of {org} cannot be believed")]
    RootChain {
        /// Whose document it is.
        org: OrgId,
        /// Its number.
        version: DocumentVersion,
        /// Why.
        source: RootChainError,
    },
    /// A document is not what it should be.
    #[error("a document of the organization {org} cannot be read")]
    Malformed {
        /// Whose document it is.
        org: OrgId,
        /// What is wrong with it.
        source: MalformedTrustDocument,
    },
    /// A document is another organization's.
    #[error("the {kind} document is of the organization {found}, expected {expected}")]
    AnotherOrganization {
        /// Which document.
        kind: TrustDocumentKind,
        /// The organization whose document it should be.
        expected: OrgId,
        /// The organization whose document it is.
        found: OrgId,
    },
    /// Too few keys have signed a document.
    #[error("too few keys have signed a document of the organization {org}")]
    Threshold {
        /// Whose document it is.
        org: OrgId,
        /// Who has signed.
        source: ThresholdNotMet,
    },
    /// Documents that do not belong together.
    #[error(
        "the {by} document of {org} counts with version {required} or later of the {kind} \
         document, found version {found}"
    )]
    Mixed {
        /// Whose documents they are.
        org: OrgId,
        /// The document that says so.
        by: TrustDocumentKind,
        /// The document that is too old.
        kind: TrustDocumentKind,
        /// The lowest number with which the other counts.
        required: DocumentVersion,
        /// The number found.
        found: DocumentVersion,
    },
    /// A document is older than one that was seen before.
    #[error(
        "version {found} of the {kind} document of {org} is older than version {seen}, which was \
         seen before"
    )]
    RolledBack {
        /// Whose document it is.
        org: DocumentOwner,
        /// Which one.
        kind: TrustDocumentKind,
        /// The highest number that was seen.
        seen: DocumentVersion,
        /// The number found.
        found: DocumentVersion,
    },
    /// A document is another than the one of the same number that was seen before.
    #[error(
        "version {version} of the {kind} document of {org} is another document than the one of \
         that version that was seen before"
    )]
    Replaced {
        /// Whose document it is.
        org: DocumentOwner,
        /// Which one.
        kind: TrustDocumentKind,
        /// The number.
        version: DocumentVersion,
    },
    /// Revocations have dropped a key. They accumulate.
    #[error(
        "the revocations of {org} no longer deny the key {fingerprint}, which an earlier version denied"
    )]
    RevocationTakenBack {
        /// Whose document it is.
        org: DocumentOwner,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A document is kept under another number than it has.
    #[error(
        "the row of the {kind} document of {org} says version {row}, and the document says version \
         {found}"
    )]
    Misfiled {
        /// Whose document it is.
        org: DocumentOwner,
        /// Which one.
        kind: TrustDocumentKind,
        /// The number of its row.
        row: DocumentVersion,
        /// The document's own number.
        found: DocumentVersion,
    },
    /// A document has expired.
    #[error("the {kind} document of {org} expired at {}", rfc3339(at))]
    Expired {
        /// Whose document it is.
        org: DocumentOwner,
        /// Which one.
        kind: TrustDocumentKind,
        /// When.
        at: DateTime<Utc>,
    },
    /// The clock shows a time before a document was issued, by more than a day. Nothing can be
    /// decided by it: what has expired would count.
    #[error(
        "the {kind} document of {org} was issued at {}, and the clock shows {}",
        rfc3339(issued_at),
        rfc3339(now)
    )]
    IssuedLater {
        /// Whose document it is.
        org: DocumentOwner,
        /// Which one.
        kind: TrustDocumentKind,
        /// When it was issued.
        issued_at: DateTime<Utc>,
        /// What the clock shows.
        now: DateTime<Utc>,
    },
    /// A bundle lacks the documents of an organization that its statement grants trust to.
    #[error("the bundle lacks the documents of {child}, to which {org} grants trust")]
    IncompleteBundle {
        /// The organization whose bundle it is.
        org: OrgId,
        /// The organization whose documents are not in it.
        child: OrgId,
    },
    /// A bundle has documents of an organization that its statement does not name.
    #[error("the bundle has documents of {other}, to which {org} grants no trust")]
    ExtraneousDocuments {
        /// The organization whose bundle it is.
        org: OrgId,
        /// The other organization.
        other: OrgId,
    },
    /// A document has the last number that there is, so none can replace it.
    #[error("the {kind} document of {org} has the highest version that a document can have")]
    LastVersion {
        /// Whose document it is.
        org: OrgId,
        /// Which one.
        kind: TrustDocumentKind,
    },
    /// Which versions were seen before is not known, so none can be compared.
    #[error(transparent)]
    Memory(#[from] VersionMemoryError),
}

impl SignedTrustError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDocuments { .. }
            | Self::NotBundled { .. }
            | Self::Missing { .. }
            | Self::PinnedRootMissing { .. } => "TrustDocumentMissing",
            Self::RootOfAnotherOrganization { .. } | Self::AnotherOrganization { .. } => {
                "TrustDocumentOfAnotherOrganization"
            }
            Self::RootConflict { .. } => "BrokenRootChain",
            Self::RootChain { source, .. } => source.code(),
            Self::Malformed { source, .. } => source.code(),
            Self::Threshold { source, .. } => source.code(),
            Self::Mixed { .. } => "MixedTrustDocuments",
            Self::RolledBack { .. } | Self::Replaced { .. } | Self::RevocationTakenBack { .. } => {
                "TrustDocumentRolledBack"
            }
            Self::Misfiled { .. } => "MisfiledTrustDocument",
            Self::Expired { .. } => "TrustDocumentExpired",
            Self::IssuedLater { .. } => "TrustDocumentIssuedLater",
            Self::IncompleteBundle { .. } => "IncompleteTrustBundle",
            Self::ExtraneousDocuments { .. } => "ExtraneousTrustDocuments",
            Self::LastVersion { .. } => "TrustDocumentLastVersion",
            Self::Memory(error) => error.code(),
        }
    }
}

/// The organization whose keys have signed documents, with the name that it has in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentOwner {
    /// Its id.
    pub id: OrgId,
    /// Its name, which messages show. It informs and never decides.
    pub name: OrgName,
}

impl From<&DocumentHeader> for DocumentOwner {
    fn from(header: &DocumentHeader) -> Self {
        Self { id: header.org, name: header.org_name.clone() }
    }
}

impl fmt::Display for DocumentOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// The memory of the versions that were seen does not work.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum VersionMemoryError {
    /// The file that they are kept in cannot be read or written.
    #[error("the state file {} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The file has the name of one that is made beside a state file.
    #[error("a state file cannot be called {}: its name ends in .lock or .new", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// It returned without comparing any.
    #[error("the memory of seen documents returned without comparing any")]
    Unasked,
    /// The file holds something else.
    #[error("the state file {} is damaged: {fault}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl VersionMemoryError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "StateFileUnavailable",
            Self::Name { .. } => "StateFileName",
            Self::Damaged { .. } => "StateFileDamaged",
            Self::Unasked => "StateFileUnavailable",
        }
    }
}

/// Errors of the operating system are the same if they are of one kind.
impl PartialEq for VersionMemoryError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { path, source }, Self::File { path: other, source: other_source }) => {
                path == other && source.kind() == other_source.kind()
            }
            (Self::Name { path }, Self::Name { path: other }) => path == other,
            (Self::Damaged { path, fault }, Self::Damaged { path: other, fault: other_fault }) => {
                path == other && fault == other_fault
            }
            (Self::Unasked, Self::Unasked) => true,
            _ => false,
        }
    }
}

impl Eq for VersionMemoryError {}
