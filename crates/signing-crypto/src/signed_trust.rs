//! What an organization's root keys sign about whom it trusts: root documents, trust
//! statements and revocations, each in a DSSE envelope of its own payload type.
//!
//! The forms are those of `docs/content/explanation/signed-trust.md`. Which document counts
//! at which time, and what it counts for, is decided by `signing-trust`.

mod bundle;
mod digest;
mod document;
mod draft;
mod error;
mod header;
mod kind;
mod revocations;
mod role;
mod root;
mod signed;
mod statement;

pub use bundle::{DocumentTexts, MAX_BUNDLE_SIZE, TrustBundle};
pub use digest::{DocumentDigest, RootDigest};
pub use document::TrustDocument;
pub use draft::{DraftDocuments, MAX_DRAFT_SIZE, MissingSignatures};
#[cfg(feature = "private-keys")]
pub use error::DraftSignatureError;
pub use error::{
    DocumentFault, MalformedBundle, MalformedDraft, MalformedTrustDocument, RootChainError,
    ThresholdNotMet,
};
pub use header::DocumentHeader;
pub use kind::{DocumentVersion, TrustDocumentKind};
pub use revocations::Revocations;
pub use role::{Role, RoleKeys};
pub use root::{MAX_ROOT_SIZE, RootDocument, VerifiedRoot};
pub use signed::{SignedDocument, VerifiedDocument};
pub use statement::{DeniedKey, StatedGrant, StatedKey, TrustStatement};

/// The most bytes that the payload of a trust statement or of revocations may have: 4 MiB.
pub const MAX_TRUST_STATEMENT_SIZE: usize = 4 * 1024 * 1024;

/// The most keys that a trust statement may trust, and the most that it, or revocations, may
/// deny.
pub(crate) const MAX_STATED_KEYS: usize = 50_000;

#[cfg(test)]
mod tests;
