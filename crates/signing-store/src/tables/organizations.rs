use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{OrgId, OrgName};

use crate::error::StoreError;
use crate::organization_ref::OrganizationRef;
use crate::pool::{now, read};
use crate::schema::organizations;
use crate::sql_types::bind;
use crate::state::change;
use crate::store::{Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::signatures::SignatureGate;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = organizations)]
pub struct OrganizationRecord {
    /// Its id.
    pub id: OrgId,
    /// Its name: unique, among deleted ones too.
    pub name: OrgName,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was deleted: it trusts nothing and passes no trust on.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// An organization to create.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: OrgName,
}

impl StoreReader {
    /// Finds an organization, by id even if it is deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`].
    pub async fn organization(
        &self,
        org: OrganizationRef,
    ) -> Result<OrganizationRecord, StoreError> {
        read!(self.pool, |conn| {
            let found = match org.clone() {
                OrganizationRef::Id(id) => {
                    organizations::table
                        .find(bind(id))
                        .select(OrganizationRecord::as_select())
                        .get_result(conn)
                        .await
                }
                OrganizationRef::Name(name) => {
                    organizations::table
                        .filter(organizations::name.eq(bind(name)))
                        .filter(organizations::deleted_at.is_null())
                        .select(OrganizationRecord::as_select())
                        .get_result(conn)
                        .await
                }
            };
            found.optional()?.ok_or(StoreError::OrganizationNotFound { given: org })
        })
    }

    /// All organizations that are not deleted, by name.
    pub async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(organizations::table
                .filter(organizations::deleted_at.is_null())
                .order(organizations::name)
                .select(OrganizationRecord::as_select())
                .load(conn)
                .await?)
        })
    }

    /// Whether a deleted organization had this name. No other one gets it.
    pub async fn is_retired_name(&self, name: &OrgName) -> Result<bool, StoreError> {
        let name = name.clone();
        read!(self.pool, |conn| {
            let had_it = organizations::table
                .filter(organizations::name.eq(bind(name)))
                .filter(organizations::deleted_at.is_not_null());
            Ok(diesel::select(diesel::dsl::exists(had_it)).get_result(conn).await?)
        })
    }
}

impl Store {
    /// Creates an organization.
    ///
    /// # Errors
    ///
    /// [`StoreError::NameTaken`] if another one has the name, and
    /// [`StoreError::OrganizationNameRetired`] if a deleted one had it.
    pub async fn create_organization(
        &self,
        new: NewOrganization,
        entry: AuditEntry,
    ) -> Result<OrganizationRecord, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let holder: Option<OrganizationRecord> = organizations::table
                .filter(organizations::name.eq(bind(new.name.clone())))
                .select(OrganizationRecord::as_select())
                .get_result(conn)
                .await
                .optional()?;
            if let Some(OrganizationRecord { id: org, deleted_at: Some(at), .. }) = holder {
                return Err(StoreError::OrganizationNameRetired { org, at });
            }
            let record = diesel::insert_into(organizations::table)
                .values((
                    organizations::id.eq(bind(new.id)),
                    organizations::name.eq(bind(new.name)),
                    organizations::created_at.eq(bind(at)),
                ))
                .returning(OrganizationRecord::as_returning())
                .get_result::<OrganizationRecord>(conn)
                .await?;
            conn.add_signature_lock(record.id).await?;
            let head = conn.start_chain(record.id).await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(record)
        })
    }

    /// Deletes an organization: it stays as a tombstone, and keeps its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationDeleted`] if that was done before.
    pub async fn delete_organization(
        &self,
        id: OrgId,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(id).await?;
            diesel::update(organizations::table.find(bind(id)))
                .set(organizations::deleted_at.eq(bind(at)))
                .execute(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await
        })
    }
}
