use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Nullable;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, GrantId, OrgId, OrgName};

use crate::pool::read;
use crate::schema::{organizations, store_state, trust_grants, trusted_keys};
use crate::sql_types::{Bind, Id, bind};
use crate::store_state::{InRecovery, Origin};
use crate::{Store, StoreError, TrustedKeyRecord};

/// What a store says about some keys, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFacts {
    /// The trust epoch of that moment.
    pub epoch: i64,
    /// What bears on the keys.
    pub facts: Vec<TrustFact>,
}

/// One thing that bears on whether an organisation accepts a key.
///
/// Of the asking organisation there is always at least one, which says that it
/// exists; of organisations that it granted trust, only those that say
/// something about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let this_store = || store_state::table.on(store_state::singleton.eq(1));
        let origin = (store_state::store_id, store_state::trust_epoch, InRecovery);
        let own = organizations::table
            .inner_join(this_store())
            .left_join(
                trusted_keys::table.on(trusted_keys::org_id.eq(organizations::id).and($about)),
            )
            .filter(organizations::id.eq(bind($org)))
            .select((
                origin,
                organizations::id,
                organizations::name,
                organizations::deleted_at,
                None::<Bind<GrantId>>.into_sql::<Nullable<Id>>(),
                trusted_keys::all_columns.nullable(),
            ));
        // Organisations come last: few of the children say anything about the keys.
        let granted = trust_grants::table
            .inner_join(trusted_keys::table.on(trusted_keys::org_id.eq(trust_grants::child_org_id)))
            .inner_join(organizations::table.on(organizations::id.eq(trusted_keys::org_id)))
            .inner_join(this_store())
            .filter(trust_grants::parent_org_id.eq(bind($org)))
            .filter(trust_grants::revoked_at.is_null())
            .filter($about)
            .select((
                origin,
                organizations::id,
                organizations::name,
                organizations::deleted_at,
                trust_grants::id.nullable(),
                trusted_keys::all_columns.nullable(),
            ));
        own.union_all(granted)
    }};
}

/// A [`TrustFact`] with where it comes from.
#[derive(Queryable)]
struct Row {
    origin: Origin,
    org_id: OrgId,
    org_name: OrgName,
    org_deleted_at: Option<DateTime<Utc>>,
    grant_id: Option<GrantId>,
    key: Option<TrustedKeyRecord>,
}

impl Store {
    /// Everything that bears on whether `org` accepts the keys `fingerprints`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`]; [`StoreError::InRecovery`],
    /// [`StoreError::AnotherStore`] and [`StoreError::EpochWentBack`] if the answer
    /// may not be about now.
    pub async fn trust_facts(
        &self,
        org: OrgId,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<TrustFacts, StoreError> {
        let before = self.seen.latest();
        let rows: Result<Vec<Row>, StoreError> = read!(self.pool, |conn| {
            // Nearly every signature names one key, and only a statement whose text
            // is always the same is prepared once.
            Ok(match fingerprints[..] {
                [one] => facts!(org, trusted_keys::fingerprint.eq(bind(one))).load(conn).await?,
                _ => {
                    let several = || fingerprints.iter().copied().map(bind);
                    facts!(org, trusted_keys::fingerprint.eq_any(several())).load(conn).await?
                }
            })
        });
        self.facts(rows?, before).await
    }

    /// Everything that bears on which keys `org` accepts.
    ///
    /// # Errors
    ///
    /// As [`trust_facts`](Self::trust_facts).
    pub async fn all_trust_facts(&self, org: OrgId) -> Result<TrustFacts, StoreError> {
        let before = self.seen.latest();
        let rows: Result<Vec<Row>, StoreError> = read!(self.pool, |conn| {
            Ok(facts!(org, trusted_keys::fingerprint.is_not_null()).load(conn).await?)
        });
        self.facts(rows?, before).await
    }

    async fn facts(
        &self,
        rows: Vec<Row>,
        before: Option<Origin>,
    ) -> Result<TrustFacts, StoreError> {
        let [Row { origin, .. }, ..] = rows[..] else {
            // An answer without rows does not say where it comes from, and another
            // store or a replica that lags is one that lacks organisations.
            self.heartbeat().await?;
            return Err(StoreError::OrganizationNotFound);
        };
        self.seen.accept(origin, before)?;
        let facts = rows
            .into_iter()
            .map(|row| TrustFact {
                org_id: row.org_id,
                org_name: row.org_name,
                org_deleted_at: row.org_deleted_at,
                grant_id: row.grant_id,
                key: row.key,
            })
            .collect();
        Ok(TrustFacts { epoch: origin.trust_epoch, facts })
    }
}
