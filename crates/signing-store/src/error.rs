mod connect;
mod file;
mod root_file;
mod schema;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentVersion, Fingerprint, KekId, KeyId, NameKind, OrgId, PackageDigest, SignatureId,
    StoreId, TrustDocumentKind, TrustedKeyId, rfc3339,
};
use thiserror::Error;

use crate::organization_ref::OrganizationRef;

pub use connect::{AuthenticationFault, ConnectError};
pub use file::{FileFault, FileKind, FileRole, LockHolder, UnsafeFile};
pub use root_file::RootFileError;
pub use schema::SchemaFault;
pub use url::UrlError;

pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// The store did not do, or cannot say, what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no SQLite file.
    #[error("there is no database file {}", path.display())]
    NoDatabase {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The file or its directory cannot be made or used.
    #[error("the database file {} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else could replace the SQLite file, or have replaced it.
    #[error(transparent)]
    UnsafeFile(#[from] UnsafeFile),
    /// What is under the name of the SQLite file is something else.
    #[error("{} is not a SQLite database: it is a {found}", path.display())]
    NotADatabase {
        /// Where the database was expected.
        path: PathBuf,
        /// What was found.
        found: FileKind,
    },
    /// This process may not read the SQLite file, or not pass a directory on the way to it.
    #[error("this user may not read {}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A change, and this process may not write to the SQLite file or to its directory.
    #[error("this user may not write to {}", path.display())]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program was killed while it changed the SQLite file. This process may not put back what
    /// was there before, or has opened it only to look at it.
    #[error("a change of {} was interrupted, and has to be undone by writing to it", path.display())]
    HotJournal {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: Source,
    },
    /// The tables are missing or older than this program.
    #[error("the database lacks migrations that this program needs: {}", missing.join(", "))]
    SchemaOutdated {
        /// The migrations to apply.
        missing: Vec<&'static str>,
    },
    /// The tables are newer than this program.
    #[error("the database has the migration {unknown:?}, which this program does not know")]
    SchemaTooNew {
        /// A migration from the future.
        unknown: String,
    },
    /// The database has none of the store's tables.
    #[error("the database holds no store")]
    NoStore,
    /// There is no connection to a Postgres server that can be relied on.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database role may not do this (SQLSTATE 42501).
    #[error("the database role has no right to do this")]
    PermissionDenied(#[source] Source),
    /// The disk of the Postgres server (SQLSTATE 53100) or of the SQLite file is full.
    #[error("the database's disk is full")]
    DiskFull(#[source] Source),
    /// The server, or the session, takes no changes (SQLSTATE 25006).
    #[error("the database server accepts no changes: it is read-only")]
    ReadOnlyServer,
    /// The server starts or stops, or has ended the connection (SQLSTATE 57P01 to 57P03).
    #[error("the database server is starting or stopping, or has ended the connection")]
    ServerShutdown(#[source] Source),
    /// The database does not do what it was asked, for a reason that is not known here.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// A question was not answered in time.
    #[error("the database did not answer within {} seconds", after.as_secs())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// Another program kept the SQLite file locked for too long: one that reads it keeps a
    /// change waiting.
    #[error("the database file was locked for {} seconds{}", after.as_secs(), file::by(holders))]
    FileLocked {
        /// How long was waited.
        after: Duration,
        /// The processes that hold a lock on the file, as far as the system tells.
        holders: Vec<LockHolder>,
    },
    /// A change was not confirmed: the answer to its commit did not come.
    #[error("the database did not confirm the change: it may or may not have been made")]
    OutcomeUnknown(#[source] Source),
    /// The certificates to verify the server by cannot be used.
    #[error("the root certificates cannot be used: {origin}")]
    RootCertificates {
        /// Where they come from.
        origin: String,
        /// Why.
        source: Source,
    },
    /// The server is a replica, or is being restored: it may not know of the last
    /// revocations.
    #[error("the database server is in recovery, so it may not know of the last revocations")]
    InRecovery,
    /// A session of the Postgres server answered that another program has set up, so names
    /// may lead to other tables than the store's.
    #[error(
        "the database session has lost the settings that it was given: a connection pooler \
         shares it with other programs"
    )]
    SessionSettingsLost,
    /// The database was replaced by another one while the program ran.
    #[error("this is another store: expected {expected}, found {found}")]
    AnotherStore {
        /// The store that was asked before.
        expected: StoreId,
        /// The store that answered.
        found: StoreId,
    },
    /// The database was restored to an older state while the program ran.
    #[error("the store went back in time: expected trust epoch {expected} or later, found {found}")]
    EpochWentBack {
        /// The latest epoch that was seen.
        expected: i64,
        /// The epoch of the answer.
        found: i64,
    },
    /// The database was restored to an older state, or is a copy that lacks a change,
    /// and trust was changed there since.
    #[error(
        "the store's history has diverged: it lacks the state that was seen at trust epoch {seen}, \
         and is at {found}"
    )]
    HistoryDiverged {
        /// The epoch of the state that was seen.
        seen: i64,
        /// The epoch of the store that lacks it.
        found: i64,
    },
    /// SQLite has no roles: who may read the file may read the store.
    #[error("a SQLite store has no roles: the file's permissions decide")]
    NoRoles,
    /// Postgres only warns a role that gives rights that it may not give.
    #[error("only the owner of the store's tables can give rights to them")]
    NotTheOwner,
    /// From Postgres 16 on, setting a role's limits needs more than `CREATEROLE`.
    #[error("this user may not set the limits of the role {role:?}")]
    LimitsNotAllowed {
        /// The role.
        role: String,
    },
    /// The server has no such role.
    #[error("there is no role {0:?}")]
    NoSuchRole(String),
    /// No rights can limit such a role, and one that took the owner's rights away would stop every
    /// change of trust.
    #[error("the role {role:?} can act as the owner of the store's tables, or as a superuser")]
    RoleActsAsOwner {
        /// The role.
        role: String,
    },
    /// Somebody else than the store's owner could change what its statements do.
    #[error("the schema {schema:?} is not the store's alone: {fault}")]
    UnsafeSchema {
        /// The schema.
        schema: String,
        /// What is wrong with it.
        fault: SchemaFault,
    },
    /// A signer's role is bound to one organization.
    #[error("this database role may not keep signatures for the organization {org}")]
    RoleOfAnotherOrganization {
        /// The organization.
        org: OrgId,
    },
    /// No such signature is kept.
    #[error("the store keeps no signature {id}")]
    SignatureNotFound {
        /// The id asked for.
        id: SignatureId,
    },
    /// More is known about an organization's keys than is looked at.
    #[error("more than {limit} rows bear on the keys that the organization accepts")]
    TooManyKeyRows {
        /// How many are looked at.
        limit: usize,
    },
    /// A document does not follow the newest one of its kind: another program has published
    /// one meanwhile.
    #[error(
        "the organization's next trust document of the kind {kind} must have version {expected}, \
         the given one has version {found}"
    )]
    TrustDocumentConflict {
        /// The kind.
        kind: TrustDocumentKind,
        /// The version after the newest one in the store.
        expected: DocumentVersion,
        /// The version of the document that was to be added.
        found: DocumentVersion,
    },
    /// A key that was declared compromised is not trusted, kept or reinstated.
    #[error("the key {fingerprint} was declared compromised at {}", rfc3339(at))]
    Compromised {
        /// The key.
        fingerprint: Fingerprint,
        /// When.
        at: DateTime<Utc>,
    },
    /// A row holds what it cannot hold.
    #[error("the database holds a value that is not valid")]
    CorruptRow(#[source] Source),
    /// No such organization.
    #[error("there is no organization {given}")]
    OrganizationNotFound {
        /// The name or id asked for.
        given: OrganizationRef,
    },
    /// The organization was deleted.
    #[error("the organization {org} was deleted")]
    OrganizationDeleted {
        /// The organization.
        org: OrgId,
    },
    /// No such signing key.
    #[error("there is no signing key {id}")]
    SigningKeyNotFound {
        /// The id asked for.
        id: KeyId,
    },
    /// No such trusted key.
    #[error("there is no trusted key {id}")]
    TrustedKeyNotFound {
        /// The id asked for.
        id: TrustedKeyId,
    },
    /// A name that is in use.
    #[error("this {kind} is already in use")]
    NameTaken {
        /// What the name names.
        kind: NameKind,
    },
    /// The name of a deleted organization: no other organization gets it, because
    /// programs that know the deleted one by name would follow the new one.
    #[error(
        "the name belonged to the organization {org}, which was deleted at {}: names are not \
         reused",
        rfc3339(at)
    )]
    OrganizationNameRetired {
        /// The deleted organization.
        org: OrgId,
        /// When it was deleted.
        at: DateTime<Utc>,
    },
    /// The organization has this signing key already, perhaps revoked.
    #[error("the organization already has this signing key")]
    SigningKeyExists,
    /// A key that is not revoked was made already to take the place of the same one.
    #[error("the key already has a successor")]
    SuccessorExists,
    /// The store's keys are wrapped with another KEK.
    #[error(
        "the store's keys are wrapped with the key encryption key whose id is {expected}; the id of \
         the given one is {found}"
    )]
    OtherKek {
        /// The store's KEK.
        expected: KekId,
        /// The given KEK.
        found: KekId,
    },
    /// A key whose word the organization does not take.
    #[error("the organization revoked the key {fingerprint} at {}", rfc3339(at))]
    KeyRefused {
        /// The key.
        fingerprint: Fingerprint,
        /// When.
        at: DateTime<Utc>,
    },
    /// A signature was to be added to those that are kept about a package, and they are others
    /// by now.
    #[error("the stored signatures of the package {digest} were changed meanwhile")]
    SignaturesChanged {
        /// The package.
        digest: PackageDigest,
    },
    /// A private key that cannot be opened with the KEK, or not read at all.
    #[error("the signing key {id} cannot be re-wrapped")]
    NotRewrapped {
        /// The key.
        id: KeyId,
        /// Why.
        source: Source,
    },
}

impl StoreError {
    pub(crate) fn no_organization(org: OrgId) -> Self {
        Self::OrganizationNotFound { given: OrganizationRef::Id(org) }
    }

    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDatabase { .. } => "NoDatabase",
            Self::File { .. } => "UnusableDatabaseFile",
            Self::UnsafeFile(_) => "UnsafeDatabaseFile",
            Self::NotADatabase { .. } => "NotADatabase",
            Self::Unreadable { .. } => "UnreadableDatabase",
            Self::ReadOnly { .. } => "ReadOnlyDatabase",
            Self::HotJournal { .. } => "InterruptedChange",
            Self::SchemaOutdated { .. } => "SchemaOutdated",
            Self::SchemaTooNew { .. } => "SchemaTooNew",
            Self::NoStore => "NoStore",
            Self::Connect(error) => error.code(),
            Self::PermissionDenied(_) => "DatabasePermissionDenied",
            Self::DiskFull(_) => "DatabaseDiskFull",
            Self::ReadOnlyServer => "DatabaseReadOnly",
            Self::ServerShutdown(_) => "DatabaseShutdown",
            Self::Unavailable(_) => "DatabaseUnavailable",
            Self::TimedOut { .. } => "DatabaseTimedOut",
            Self::FileLocked { .. } => "DatabaseLocked",
            Self::OutcomeUnknown(_) => "OutcomeUnknown",
            Self::CorruptRow(_) => "CorruptRow",
            Self::OrganizationNotFound { .. } => "NoSuchOrganization",
            Self::OrganizationDeleted { .. } => "OrganizationDeleted",
            Self::SigningKeyNotFound { .. } | Self::TrustedKeyNotFound { .. } => "NoSuchKey",
            Self::NameTaken { .. } => "NameTaken",
            Self::OrganizationNameRetired { .. } => "OrganizationNameRetired",
            Self::SigningKeyExists => "SigningKeyExists",
            Self::InRecovery => "DatabaseInRecovery",
            Self::SessionSettingsLost => "DatabaseSessionShared",
            Self::AnotherStore { .. } => "AnotherStore",
            Self::EpochWentBack { .. } => "EpochWentBack",
            Self::HistoryDiverged { .. } => "HistoryDiverged",
            Self::RootCertificates { .. } => "InvalidRootCertificates",
            Self::NoRoles => "NoRoles",
            Self::NotTheOwner => "NotTheOwner",
            Self::LimitsNotAllowed { .. } => "LimitsNotAllowed",
            Self::NoSuchRole(_) => "NoSuchRole",
            Self::RoleActsAsOwner { .. } => "RoleActsAsOwner",
            Self::UnsafeSchema { .. } => "UnsafeSchema",
            Self::RoleOfAnotherOrganization { .. } => "RoleOfAnotherOrganization",
            Self::SignatureNotFound { .. } => "NoSuchSignature",
            Self::TooManyKeyRows { .. } => "TooManyCandidates",
            Self::TrustDocumentConflict { .. } => "TrustDocumentConflict",
            Self::OtherKek { .. } => "OtherKeyEncryptionKey",
            Self::KeyRefused { .. } => "PreviouslyRevoked",
            Self::SignaturesChanged { .. } => "ChangedMeanwhile",
            Self::NotRewrapped { .. } => "PrivateKeyUnusable",
            Self::Compromised { .. } => "KeyCompromised",
            Self::SuccessorExists => "SuccessorExists",
        }
    }

    pub(crate) fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }
}
