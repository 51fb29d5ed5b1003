use chrono::{DateTime, SubsecRound, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{GrantId, OrgId, PackagePatterns, TrustLimits};

use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::{organizations, trust_grants};
use crate::sql_types::bind;
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::organizations::OrganizationRecord;

/// A parent's word that it accepts the keys that a child trusts directly.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = trust_grants)]
pub struct TrustGrantRecord {
    /// Its id.
    pub id: GrantId,
    /// Who accepts.
    pub parent_org_id: OrgId,
    /// Whose keys.
    pub child_org_id: OrgId,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
    /// When it was revoked, or replaced by another: the row is history.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The packages that it is limited to.
    pub packages: Option<PackagePatterns>,
    /// From when on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

impl TrustGrantRecord {
    /// How far it reaches.
    pub fn limits(&self) -> TrustLimits {
        TrustLimits { packages: self.packages.clone(), expires_at: self.expires_at }
    }
}

impl StoreReader {
    /// The organizations that `parent` has granted trust to, deleted ones included, with the
    /// grants that are not revoked, oldest first.
    pub async fn children_of(
        &self,
        parent: OrgId,
    ) -> Result<Vec<(TrustGrantRecord, OrganizationRecord)>, StoreError> {
        let is_child = organizations::id.eq(trust_grants::child_org_id);
        read!(self.pool, |conn| {
            Ok(trust_grants::table
                .inner_join(organizations::table.on(is_child))
                .filter(trust_grants::parent_org_id.eq(bind(parent)))
                .filter(trust_grants::revoked_at.is_null())
                .order((trust_grants::created_at, trust_grants::id))
                .select(<(TrustGrantRecord, OrganizationRecord)>::as_select())
                .load(conn)
                .await?)
        })
    }

    /// The organizations, not deleted, that have granted trust to `child`, by name, with the
    /// grants that are not revoked.
    pub async fn parents_of(
        &self,
        child: OrgId,
    ) -> Result<Vec<(OrganizationRecord, TrustGrantRecord)>, StoreError> {
        let is_parent = organizations::id.eq(trust_grants::parent_org_id);
        read!(self.pool, |conn| {
            Ok(organizations::table
                .inner_join(trust_grants::table.on(is_parent))
                .filter(trust_grants::child_org_id.eq(bind(child)))
                .filter(trust_grants::revoked_at.is_null())
                .filter(organizations::deleted_at.is_null())
                .order(organizations::name)
                .select(<(OrganizationRecord, TrustGrantRecord)>::as_select())
                .load(conn)
                .await?)
        })
    }

    /// The grant that `grant` took the place of, if it did: both are of one moment.
    pub async fn replaced_grant(
        &self,
        grant: &TrustGrantRecord,
    ) -> Result<Option<TrustGrantRecord>, StoreError> {
        let TrustGrantRecord { parent_org_id, child_org_id, created_at, .. } = *grant;
        read!(self.pool, |conn| {
            Ok(trust_grants::table
                .filter(trust_grants::parent_org_id.eq(bind(parent_org_id)))
                .filter(trust_grants::child_org_id.eq(bind(child_org_id)))
                .filter(trust_grants::revoked_at.eq(bind(created_at)))
                .order(trust_grants::created_at.desc())
                .select(TrustGrantRecord::as_select())
                .first(conn)
                .await
                .optional()?)
        })
    }
}

impl Store {
    /// Grants trust from `parent` to `child`. A grant that reaches otherwise is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`] or
    /// [`StoreError::OrganizationDeleted`] if either is not there.
    pub async fn grant_trust(
        &self,
        parent: OrgId,
        child: OrgId,
        limits: TrustLimits,
        entry: AuditEntry,
    ) -> Result<Change<TrustGrantRecord>, StoreError> {
        let at = now();
        let limits = TrustLimits {
            expires_at: limits.expires_at.map(|expires_at| expires_at.trunc_subsecs(6)),
            ..limits
        };
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(parent).await?;
            let deleted_at: Option<DateTime<Utc>> = organizations::table
                .find(bind(child))
                .select(organizations::deleted_at)
                .get_result(conn)
                .await
                .optional()?
                .ok_or_else(|| StoreError::no_organization(child))?;
            if deleted_at.is_some() {
                return Err(StoreError::OrganizationDeleted { org: child });
            }
            let existing: Option<TrustGrantRecord> = trust_grants::table
                .filter(trust_grants::parent_org_id.eq(bind(parent)))
                .filter(trust_grants::child_org_id.eq(bind(child)))
                .filter(trust_grants::revoked_at.is_null())
                .select(TrustGrantRecord::as_select())
                .get_result(conn)
                .await
                .optional()?;
            match existing {
                Some(record) if record.limits() == limits => {
                    return Ok(Change::Unchanged(record));
                }
                Some(other) => {
                    diesel::update(trust_grants::table.find(bind(other.id)))
                        .set(trust_grants::revoked_at.eq(bind(at)))
                        .execute(conn)
                        .await?;
                }
                None => {}
            }
            let record = diesel::insert_into(trust_grants::table)
                .values((
                    trust_grants::id.eq(bind(GrantId::random())),
                    trust_grants::parent_org_id.eq(bind(parent)),
                    trust_grants::child_org_id.eq(bind(child)),
                    trust_grants::created_at.eq(bind(at)),
                    trust_grants::packages.eq(limits.packages.map(bind)),
                    trust_grants::expires_at.eq(limits.expires_at.map(bind)),
                ))
                .returning(TrustGrantRecord::as_returning())
                .get_result(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(record))
        })
    }

    /// Revokes the grant from `parent` to `child`; `Unchanged(None)` if there is
    /// none.
    pub async fn revoke_grant(
        &self,
        parent: OrgId,
        child: OrgId,
        entry: AuditEntry,
    ) -> Result<Change<Option<TrustGrantRecord>>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(parent).await?;
            // Looked for first: on Postgres an update of no row raises the epoch, too.
            let existing: Option<TrustGrantRecord> = trust_grants::table
                .filter(trust_grants::parent_org_id.eq(bind(parent)))
                .filter(trust_grants::child_org_id.eq(bind(child)))
                .filter(trust_grants::revoked_at.is_null())
                .select(TrustGrantRecord::as_select())
                .get_result(conn)
                .await
                .optional()?;
            let Some(record) = existing else { return Ok(Change::Unchanged(None)) };
            diesel::update(trust_grants::table.find(bind(record.id)))
                .set(trust_grants::revoked_at.eq(bind(at)))
                .execute(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(Some(TrustGrantRecord { revoked_at: Some(at), ..record })))
        })
    }
}
