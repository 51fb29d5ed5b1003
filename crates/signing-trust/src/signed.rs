//! Trust that an organization's root keys have signed: a writer of the database can take trust
//! away, but cannot give it.
//!
//! ```text
//! pinned root ─► root chain ─► statement ─► revocations ─► children, each from the root that
//! its grant names ─► OrganizationTrust, less what rows take away
//! ```

mod anchor;
mod bundle;
mod pin;
#[cfg(feature = "store")]
mod restrict;
#[cfg(feature = "store")]
mod rooted;
mod seen;
#[cfg(feature = "store")]
mod statement_content;
mod value;
mod verify;

pub use anchor::TrustAnchor;
pub use bundle::BundledTrust;
pub use pin::{TrustRoot, TrustRootError};
#[cfg(feature = "store")]
pub(crate) use restrict::restricted_by_rows;
#[cfg(feature = "store")]
pub(crate) use rooted::{RootedTrust, StoredDocuments};
pub use seen::{SeenDocument, SeenDocuments, SeenFrom, SeenOrganization, VersionMemory};
#[cfg(feature = "store")]
pub use statement_content::{StatementChange, StatementContent};
#[cfg(feature = "store")]
pub use value::{PublishedTrust, RefusedChild};
#[cfg(feature = "store")]
pub(crate) use value::{SignedTrust, Stated, value_of};
pub use verify::VerifiedDocuments;
#[cfg(feature = "store")]
pub(crate) use verify::{children_of, first_expiry, require_admissible, require_together};

#[cfg(all(test, feature = "store"))]
mod tests;
