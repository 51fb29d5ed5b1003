//! What an organization's root keys sign about whom it trusts: the root document, the trust
//! statement and the revocations.

mod kind;

pub use kind::{DocumentVersion, TrustDocumentKind};
