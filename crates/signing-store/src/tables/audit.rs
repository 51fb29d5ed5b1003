mod fault;
mod filter;
mod verify;

use std::fmt;

use chrono::{DateTime, Utc};
#[cfg(feature = "postgres")]
use diesel::dsl::sql;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use signing_crypto::{OrgId, TrustedKeyId};

#[cfg(feature = "postgres")]
use crate::backend::connection::PgConnection;
#[cfg(feature = "sqlite")]
use crate::backend::connection::SqliteConnection;
use crate::backend::connection_trait;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::{audit_heads, audit_log, organizations};
use crate::sql_types::bind;
use crate::state::AfterCommit;
use crate::store::StoreReader;

pub use fault::{AuditFault, AuditFaultKind, AuditValue};
pub use filter::{AUDIT_PAGE, AuditFilter, EventPattern, EventPatternError};
pub use verify::{AuditAnchor, IntactLog};

/// What is to be written about a change, in the change's own transaction.
#[derive(Debug)]
pub struct AuditEntry {
    event_type: &'static str,
    details: Map<String, Value>,
    added: AddedDetails,
    on_commit: Option<OnCommit>,
}

struct OnCommit(Box<dyn FnOnce(&AddedDetails) + Send>);

impl fmt::Debug for OnCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnCommit")
    }
}

/// What only the transaction of a change knows, and adds to the details of its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddedDetails {
    /// The detail `key_id` of an entry about a trusted key whose row the transaction finds
    /// or makes.
    pub key_id: Option<TrustedKeyId>,
    /// The detail `database_role`: who made the change, according to the server. SQLite has
    /// no roles.
    pub database_role: Option<String>,
}

impl AuditEntry {
    /// An entry of the type `event_type`, such as `key.trusted.added`.
    pub fn new(event_type: &'static str) -> Self {
        Self { event_type, details: Map::new(), added: AddedDetails::default(), on_commit: None }
    }

    /// Calls `function` once the entry is committed, with what the transaction has added to it.
    ///
    /// The function is called in the task that commits the change. That task goes on if the
    /// caller of the change stops waiting for it. The function is not called if no entry was
    /// written, or if it is not known whether the transaction was committed.
    #[must_use]
    pub fn on_commit(self, function: impl FnOnce(&AddedDetails) + Send + 'static) -> Self {
        Self { on_commit: Some(OnCommit(Box::new(function))), ..self }
    }

    /// The same, about a row that the transaction has found or made.
    pub(crate) fn about_trusted_key(mut self, id: TrustedKeyId) -> Self {
        self.added.key_id = Some(id);
        self
    }

    fn all_details(&self) -> String {
        let mut details = self.details.clone();
        let AddedDetails { key_id, database_role } = &self.added;
        if let Some(id) = key_id {
            details.insert("key_id".into(), Value::String(id.to_string()));
        }
        if let Some(role) = database_role {
            details.insert("database_role".into(), Value::String(role.clone()));
        }
        Value::Object(details).to_string()
    }

    /// Adds a detail. Details are not secret: never put a secret here.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.insert(name.into(), Value::String(value.to_string()));
        self
    }
}

/// An entry of an organization's audit log.
///
/// Each entry's hash covers the one before: SHA-256 over `cloacina/audit/v1`,
/// the previous hash (of the first entry: 32 zero bytes), the organization's id,
/// sequence and time (microseconds since 1970) as 64-bit big-endian numbers, and
/// event type and details, each after its length as a 64-bit big-endian number.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Whose log it is in: the organization that acted.
    pub org_id: OrgId,
    /// 1 for the organization's first entry, then one more each.
    pub sequence: i64,
    /// When the change was made.
    pub occurred_at: DateTime<Utc>,
    /// What kind of change it was.
    pub event_type: String,
    /// Its details, a JSON object of strings.
    pub details: String,
    /// The hash of the entry before.
    pub previous_hash: Vec<u8>,
    /// The hash of this entry.
    pub entry_hash: Vec<u8>,
}

impl AuditRecord {
    /// What [`entry_hash`](Self::entry_hash) must be.
    pub fn computed_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"cloacina/audit/v1");
        hasher.update(&self.previous_hash);
        hasher.update(self.org_id.as_uuid().as_bytes());
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.occurred_at.timestamp_micros().to_be_bytes());
        for text in [&self.event_type, &self.details] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finalize().into()
    }
}

impl StoreReader {
    /// An organization's whole audit log, oldest entry first. It may be long: see
    /// [`audit_page`](Self::audit_page).
    pub async fn audit_log(&self, org: OrgId) -> Result<Vec<AuditRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(audit_log::table
                .filter(audit_log::org_id.eq(bind(org)))
                .order(audit_log::sequence)
                .select(AuditRecord::as_select())
                .load(conn)
                .await?)
        })
    }
}

/// Where the next entry of an organization's log goes.
#[derive(Clone)]
pub(crate) struct ChainHead {
    org: OrgId,
    sequence: i64,
    hash: Vec<u8>,
}

connection_trait! {
pub(crate) trait AuditChain {
    /// Within a transaction, and first of all: makes every other change by `org`
    /// wait, so that what is read next stays true until the commit.
    ///
    /// # Errors
    ///
    /// An organization that does not exist or was deleted changes nothing.
    async fn lock_organization(&mut self, org: OrgId) -> Result<ChainHead, StoreError> {
        let head = self.lock_chain(org).await?;
        let deleted_at: Option<DateTime<Utc>> = organizations::table
            .find(bind(org))
            .select(organizations::deleted_at)
            .get_result(self)
            .await?;
        match deleted_at {
            Some(_) => Err(StoreError::OrganizationDeleted { org }),
            None => Ok(head),
        }
    }

    /// As [`lock_organization`](Self::lock_organization), also for an organization
    /// that was deleted.
    async fn lock_chain(&mut self, org: OrgId) -> Result<ChainHead, StoreError> {
        // An update that changes nothing is the row lock that both databases know.
        let (sequence, hash) = diesel::update(audit_heads::table.find(bind(org)))
            .set(audit_heads::sequence.eq(audit_heads::sequence))
            .returning((audit_heads::sequence, audit_heads::entry_hash))
            .get_result(self)
            .await
            .optional()?
            .ok_or_else(|| StoreError::no_organization(org))?;
        Ok(ChainHead { org, sequence, hash })
    }

    /// Within a transaction: starts the log of a new organization.
    async fn start_chain(&mut self, org: OrgId) -> Result<ChainHead, StoreError> {
        let head = ChainHead { org, sequence: 0, hash: vec![0; 32] };
        diesel::insert_into(audit_heads::table)
            .values((
                audit_heads::org_id.eq(bind(org)),
                audit_heads::sequence.eq(head.sequence),
                audit_heads::entry_hash.eq(&head.hash),
            ))
            .execute(self)
            .await?;
        Ok(head)
    }

    /// Writes the entry of the change that the transaction makes.
    async fn append(
        &mut self,
        head: ChainHead,
        at: DateTime<Utc>,
        entry: AuditEntry,
        after_commit: &mut AfterCommit,
    ) -> Result<(), StoreError> {
        let mut entry = entry;
        entry.added.database_role = self.database_role().await?;
        let sequence = head.sequence.checked_add(1).ok_or_else(|| {
            StoreError::CorruptRow("no entry of the audit log can follow the last one".into())
        })?;
        let mut record = AuditRecord {
            org_id: head.org,
            sequence,
            occurred_at: at,
            event_type: entry.event_type.into(),
            details: entry.all_details(),
            previous_hash: head.hash,
            entry_hash: Vec::new(),
        };
        record.entry_hash = record.computed_hash().to_vec();
        diesel::update(audit_heads::table.find(bind(record.org_id)))
            .set((
                audit_heads::sequence.eq(record.sequence),
                audit_heads::entry_hash.eq(&record.entry_hash),
            ))
            .execute(self)
            .await?;
        diesel::insert_into(audit_log::table)
            .values((
                audit_log::org_id.eq(bind(record.org_id)),
                audit_log::sequence.eq(record.sequence),
                audit_log::occurred_at.eq(bind(record.occurred_at)),
                audit_log::event_type.eq(&record.event_type),
                audit_log::details.eq(&record.details),
                audit_log::previous_hash.eq(&record.previous_hash),
                audit_log::entry_hash.eq(&record.entry_hash),
            ))
            .execute(self)
            .await?;
        if let AuditEntry { on_commit: Some(OnCommit(function)), added, .. } = entry {
            after_commit.add(move || function(&added));
        }
        Ok(())
    }
}}

/// As whom a change is made.
trait DatabaseRole {
    async fn database_role(&mut self) -> Result<Option<String>, StoreError>;
}

#[cfg(feature = "postgres")]
impl DatabaseRole for PgConnection {
    async fn database_role(&mut self) -> Result<Option<String>, StoreError> {
        // Words of the language, which no setting and no object of the database redefines.
        let role = sql::<Text>("CAST(CURRENT_USER AS pg_catalog.text)");
        Ok(Some(diesel::select(role).get_result(self).await?))
    }
}

#[cfg(feature = "sqlite")]
impl DatabaseRole for SqliteConnection {
    async fn database_role(&mut self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}
