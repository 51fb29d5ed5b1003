use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::OrgId;

use crate::backend::connection_trait;
use crate::backend::origin::Origin;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::{compromised_keys, organizations, trust_grants, trusted_keys};
use crate::sql_types::bind;
use crate::state::AskOrigin;
use crate::store::StoreReader;
use crate::tables::organizations::OrganizationRecord;
use crate::tables::trust_grants::TrustGrantRecord;
use crate::tables::trusted_keys::TrustedKeyRecord;

/// Every row that says who accepts whose keys, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustRows {
    /// That moment by the server's clock. A SQLite file has no clock.
    pub as_of: Option<DateTime<Utc>>,
    /// The organizations, deleted ones included, in no order.
    pub organizations: Vec<OrganizationRecord>,
    /// What they say about keys, each with when the key was declared compromised, in
    /// no order.
    pub keys: Vec<(TrustedKeyRecord, Option<DateTime<Utc>>)>,
    /// The grants that are not revoked, in no order.
    pub grants: Vec<TrustGrantRecord>,
}

/// How often is read what others change meanwhile.
const ATTEMPTS: usize = 10;

impl StoreReader {
    /// The rows about `org` and those that it granted trust; of the whole store with
    /// `None`.
    ///
    /// # Errors
    ///
    /// As [`trust_in_keys`](Self::trust_in_keys), and [`StoreError::Unavailable`] if trust
    /// is changed faster than it can be read.
    pub async fn trust_rows(&self, org: Option<OrgId>) -> Result<TrustRows, StoreError> {
        for _ in 0..ATTEMPTS {
            let before = self.seen.latest();
            let read: Result<(Origin, Origin, TrustRows), StoreError> = read!(self.pool, |conn| {
                let origin = conn.origin().await?;
                let as_of = origin.server_time;
                let (organizations, keys, grants) = match org {
                    Some(org) => conn.rows_about(org).await?,
                    None => conn.all_rows().await?,
                };
                let after = conn.origin().await?;
                Ok((origin, after, TrustRows { as_of, organizations, keys, grants }))
            });
            let (origin, after, rows) = read?;
            self.seen.accept(origin, before, &mut &self.pool).await?;
            if let Some(org) = org
                && rows.organizations.is_empty()
            {
                return Err(StoreError::no_organization(org));
            }
            // Every change replaces the state, so what was read belongs together.
            if origin.trust_state == after.trust_state {
                return Ok(rows);
            }
        }
        Err(StoreError::unavailable("trust was changed each time that it was read"))
    }
}

type Rows = (
    Vec<OrganizationRecord>,
    Vec<(TrustedKeyRecord, Option<DateTime<Utc>>)>,
    Vec<TrustGrantRecord>,
);

connection_trait! {
trait ReadRows {
    async fn all_rows(&mut self) -> Result<Rows, StoreError> {
        let compromised = compromised_keys::fingerprint.eq(trusted_keys::fingerprint);
        Ok((
            organizations::table.select(OrganizationRecord::as_select()).load(self).await?,
            trusted_keys::table
                .left_join(compromised_keys::table.on(compromised))
                .select((TrustedKeyRecord::as_select(), compromised_keys::declared_at.nullable()))
                .load(self)
                .await?,
            trust_grants::table.filter(trust_grants::revoked_at.is_null()).select(TrustGrantRecord::as_select()).load(self).await?,
        ))
    }

    async fn rows_about(&mut self, org: OrgId) -> Result<Rows, StoreError> {
        let grants = trust_grants::table
            .filter(trust_grants::parent_org_id.eq(bind(org)))
            .filter(trust_grants::revoked_at.is_null());
        let children = || grants.select(trust_grants::child_org_id);
        let compromised = compromised_keys::fingerprint.eq(trusted_keys::fingerprint);
        let organizations = organizations::table.filter(
            organizations::id.eq(bind(org)).or(organizations::id.eq_any(children())),
        );
        let keys = trusted_keys::table
            .left_join(compromised_keys::table.on(compromised))
            .filter(
                trusted_keys::org_id.eq(bind(org)).or(trusted_keys::org_id.eq_any(children())),
            )
            .select((TrustedKeyRecord::as_select(), compromised_keys::declared_at.nullable()));
        let organizations = organizations.select(OrganizationRecord::as_select()).load(self).await?;
        Ok((organizations, keys.load(self).await?, grants.select(TrustGrantRecord::as_select()).load(self).await?))
    }
}}
