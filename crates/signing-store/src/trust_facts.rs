use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Nullable;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, GrantId, OrgId, OrgName};

use crate::pool::read;
use crate::schema::{organizations, trust_grants, trusted_keys};
use crate::sql_types::{Bind, Id, bind};
use crate::{Store, StoreError, TrustedKeyRecord};

/// One thing that bears on whether an organisation accepts a key.
///
/// Of the asking organisation there is always at least one, which says that it
/// exists; of organisations that it granted trust, only those that say
/// something about a key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct TrustFact {
    /// The organisation whose word it is.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: OrgName,
    /// When it was deleted.
    pub org_deleted_at: Option<DateTime<Utc>>,
    /// The grant by which its word counts; `None` for the asking organisation.
    pub grant_id: Option<GrantId>,
    /// What it says about a key, trusted or revoked.
    pub key: Option<TrustedKeyRecord>,
}

/// The question, for the keys that `$about` selects, as one statement: all of it
/// is read from one snapshot.
macro_rules! facts {
    ($org:expr, $about:expr) => {{
        let own = organizations::table
            .left_join(
                trusted_keys::table.on(trusted_keys::org_id.eq(organizations::id).and($about)),
            )
            .filter(organizations::id.eq(bind($org)))
            .select((
                organizations::id,
                organizations::name,
                organizations::deleted_at,
                None::<Bind<GrantId>>.into_sql::<Nullable<Id>>(),
                trusted_keys::all_columns.nullable(),
            ));
        let granted = trust_grants::table
            .inner_join(organizations::table)
            .inner_join(trusted_keys::table.on(trusted_keys::org_id.eq(trust_grants::child_org_id)))
            .filter(trust_grants::parent_org_id.eq(bind($org)))
            .filter(trust_grants::revoked_at.is_null())
            .filter($about)
            .select((
                organizations::id,
                organizations::name,
                organizations::deleted_at,
                trust_grants::id.nullable(),
                trusted_keys::all_columns.nullable(),
            ));
        own.union_all(granted)
    }};
}

impl Store {
    /// Everything that bears on whether `org` accepts the keys `fingerprints`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`].
    pub async fn trust_facts(
        &self,
        org: OrgId,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<Vec<TrustFact>, StoreError> {
        let facts: Result<Vec<TrustFact>, StoreError> = read!(self.pool, |conn| {
            Ok(facts!(
                org,
                trusted_keys::fingerprint.eq_any(fingerprints.iter().copied().map(bind))
            )
            .load(conn)
            .await?)
        });
        require_organization(facts?)
    }

    /// Everything that bears on which keys `org` accepts.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`].
    pub async fn all_trust_facts(&self, org: OrgId) -> Result<Vec<TrustFact>, StoreError> {
        let facts: Result<Vec<TrustFact>, StoreError> = read!(self.pool, |conn| {
            Ok(facts!(org, trusted_keys::fingerprint.is_not_null()).load(conn).await?)
        });
        require_organization(facts?)
    }
}

fn require_organization(facts: Vec<TrustFact>) -> Result<Vec<TrustFact>, StoreError> {
    match facts.is_empty() {
        true => Err(StoreError::OrganizationNotFound),
        false => Ok(facts),
    }
}
