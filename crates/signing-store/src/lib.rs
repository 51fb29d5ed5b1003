//! The rows behind package signing, on embedded SQLite or on Postgres: who
//! exists, whose keys are trusted, who accepts whom, which signatures are kept,
//! and a hash-chained log of every change.
//!
//! The store answers and never decides: what a row means for a verification is
//! said by `signing-trust`, which is also the crate to use from a program.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use signing_crypto::OrgId;
//! use signing_store::{AuditEntry, DatabaseUrl, NewOrganization, Store};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("cloacina.db");
//! let url: DatabaseUrl = path.to_str().ok_or("not UTF-8")?.parse()?;
//! let (store, _migrations) = Store::migrate(&url).await?;
//! let acme = NewOrganization { id: OrgId::random(), name: "acme".parse()? };
//! store.create_organization(acme, AuditEntry::new("organization.created")).await?;
//! assert_eq!(store.organizations().await?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A change is one transaction, together with its entry in the audit log, in a task of
//! its own: a caller that stops waiting neither leaves it half-done nor keeps others from
//! theirs. A question runs in its caller's task, and in one of its own from when the
//! caller drops it.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    expect(
        unused,
        clippy::never_loop,
        reason = "without a backend there is nothing to run a query on"
    )
)]

mod error;
mod organization_ref;

mod schema;
mod sql_types;
mod url;
mod users;

mod backend;
mod pool;
mod state;

mod migrate;
mod migrations;
mod schema_safety;
mod store;

mod tables;

mod roles;
mod session;
mod trust_graph;
mod trust_snapshot;
mod watch;

pub use error::{
    AuthenticationFault, ConnectError, FileFault, FileKind, FileRole, LockHolder, RootFileError,
    SchemaFault, StoreError, UnsafeFile, UrlError,
};
pub use migrations::SchemaStatus;
pub use organization_ref::OrganizationRef;
pub use roles::{
    HeldRights, LockTable, OwnerRights, ProtectionFault, RoleLimits, RoleName, RoleNameError,
    RoleNameFault, RolePurpose, ServerProtection, StaleRole, TableRight,
};
pub use session::SessionTls;
#[doc(no_inline)]
pub use signing_crypto::RevocationReason;
pub use sql_types::StoredText;
pub use store::{Change, Store, StoreReader};
pub use tables::audit::{
    AUDIT_PAGE, AddedDetails, AuditAnchor, AuditEntry, AuditFault, AuditFaultKind, AuditFilter,
    AuditRecord, AuditValue, EventPattern, EventPatternError, IntactLog,
};
pub use tables::compromised_keys::CompromisedKeyRecord;
pub use tables::kek_rotation::KekRotationRecord;
pub use tables::organizations::{NewOrganization, OrganizationRecord};
pub use tables::revocation::Revocation;
pub use tables::signatures::{
    NewPackageSignature, PackageSignatureRecord, SIGNATURES_IN_ALL, SIGNATURES_PER_ORG,
    StoreCondition, StoredSignatureCursor,
};
pub use tables::signing_keys::{NewSigningKey, SigningKeyRecord};
pub use tables::store_state::{Heartbeat, StoreState};
#[cfg(feature = "postgres")]
pub use tables::trust_documents::trust_documents_statement;
pub use tables::trust_documents::{NewTrustDocument, TrustDocumentRecord, TrustDocuments};
pub use tables::trust_grants::TrustGrantRecord;
pub use tables::trusted_keys::{NewTrustedKey, TrustedKeyRecord};
pub use tables::version_floors::VersionFloorRecord;
pub use trust_graph::TrustRows;
#[cfg(feature = "postgres")]
pub use trust_snapshot::snapshot_statements;
pub use trust_snapshot::{KeyRow, TrustSnapshot};
pub use url::{DATABASE_URL_VARIABLE, DatabaseUrl, RequiredTls};
pub use users::user_name;
pub use watch::TrustWatch;

// What tasks and threads share.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Store>();
    is_shared::<DatabaseUrl>();
    is_shared::<StoreError>();
};
