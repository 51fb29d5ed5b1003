use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, Note, OrgId};

use crate::backend::connection_trait;
use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::{compromised_keys, organizations};
use crate::sql_types::bind;
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::organizations::OrganizationRecord;

/// A key that every organization of the store refuses, for good.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = compromised_keys)]
#[non_exhaustive]
pub struct CompromisedKeyRecord {
    /// The key.
    pub fingerprint: Fingerprint,
    /// The organization that declared it.
    pub declared_by: OrgId,
    /// When it did.
    pub declared_at: DateTime<Utc>,
    /// What it says about it.
    pub note: Option<Note>,
}

impl StoreReader {
    /// The key's row, if it was declared compromised.
    pub async fn compromised_key(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Option<CompromisedKeyRecord>, StoreError> {
        read!(self.pool, |conn| { conn.find_compromised(fingerprint).await })
    }

    /// Every key that was declared compromised, and the organization that did, deleted
    /// or not; those first that were declared first.
    pub async fn compromised_keys(
        &self,
    ) -> Result<Vec<(CompromisedKeyRecord, OrganizationRecord)>, StoreError> {
        read!(self.pool, |conn| {
            Ok(compromised_keys::table
                .inner_join(organizations::table)
                .order((compromised_keys::declared_at, compromised_keys::fingerprint))
                .select(<(CompromisedKeyRecord, OrganizationRecord)>::as_select())
                .load(conn)
                .await?)
        })
    }
}

impl Store {
    /// Declares a key compromised for every organization of the store, with no proof
    /// that it is `org`'s: only the store's administrator may.
    pub async fn declare_compromised(
        &self,
        org: OrgId,
        fingerprint: Fingerprint,
        note: Option<Note>,
        entry: AuditEntry,
    ) -> Result<Change<CompromisedKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            if let Some(record) = conn.find_compromised(fingerprint).await? {
                return Ok(Change::Unchanged(record));
            }
            let record =
                CompromisedKeyRecord { fingerprint, declared_by: org, declared_at: at, note };
            conn.insert_compromised(record.clone()).await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(record))
        })
    }
}

connection_trait! {
pub(crate) trait CompromisedKeys {
    async fn find_compromised(
        &mut self,
        fingerprint: Fingerprint,
    ) -> Result<Option<CompromisedKeyRecord>, StoreError> {
        Ok(compromised_keys::table
            .find(bind(fingerprint))
            .select(CompromisedKeyRecord::as_select())
            .get_result(self)
            .await
            .optional()?)
    }

    /// Within a transaction: adds the row, unless another organization just has.
    async fn insert_compromised(&mut self, record: CompromisedKeyRecord) -> Result<(), StoreError> {
        diesel::insert_into(compromised_keys::table)
            .values((
                compromised_keys::fingerprint.eq(bind(record.fingerprint)),
                compromised_keys::declared_by.eq(bind(record.declared_by)),
                compromised_keys::declared_at.eq(bind(record.declared_at)),
                compromised_keys::note.eq(record.note.map(bind)),
            ))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(())
    }

    /// # Errors
    ///
    /// [`StoreError::Compromised`] if the key was declared so.
    async fn require_uncompromised(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        match self.find_compromised(fingerprint).await? {
            Some(record) => {
                Err(StoreError::Compromised { fingerprint, at: record.declared_at })
            }
            None => Ok(()),
        }
    }
}}
