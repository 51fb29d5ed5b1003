use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{KekId, KeyId, OrgId, WrappedKey};

use crate::backend::deadline::LONG_OPERATION_LIMIT;
use crate::backend::impl_for_connections;
use crate::error::StoreError;
use crate::pool::now;
use crate::schema::{signing_keys, store_state};
use crate::sql_types::bind;
use crate::state::{PendingChange, change};
use crate::store::{Change, Store};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::signing_keys::SigningKeyRecord;
use crate::tables::store_state::{KekGuard, KeyGate};

/// How many keys are in memory at once.
const PAGE: i64 = 128;

/// The result of wrapping every private key again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KekRotationRecord {
    /// The KEK before.
    pub old: Option<KekId>,
    /// The KEK from now on.
    pub new: KekId,
    /// How many keys of each organization were wrapped again.
    pub keys: BTreeMap<OrgId, u64>,
}

impl Store {
    /// Wraps every private key again, revoked ones included, and makes `new` the
    /// store's KEK: all of it in one transaction, during which no other change is made.
    /// `rewrap` opens a key and wraps it with the new KEK. Every organization that has
    /// keys has an entry in its log, deleted ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKek`] if the store's KEK is neither `old` nor `new`;
    /// [`StoreError::NotRewrapped`] if one of the keys cannot be opened. Then nothing
    /// is changed.
    pub async fn rotate_kek<R, F, E>(
        &self,
        old: KekId,
        new: KekId,
        rewrap: R,
        entry: E,
    ) -> Result<Change<KekRotationRecord>, StoreError>
    where
        R: Fn(SigningKeyRecord, &WrappedKey) -> Result<WrappedKey, F> + Send + Sync + 'static,
        F: std::error::Error + Send + Sync + 'static,
        E: Fn(OrgId, u64) -> AuditEntry + Send + Sync + 'static,
    {
        change!(PendingChange::from(self).within(LONG_OPERATION_LIMIT), |conn, after_commit| {
            let at = now();
            conn.pass_key_gate().await?;
            // Heads before the state, as in every change, in the order of their ids.
            let mut heads = BTreeMap::new();
            for org in conn.organizations_with_keys().await? {
                heads.insert(org, conn.lock_chain(org).await?);
            }
            let found = conn.lock_kek().await?;
            if found == Some(new) {
                let keys = BTreeMap::new();
                return Ok(Change::Unchanged(KekRotationRecord { old: found, new, keys }));
            }
            if let Some(expected) = found
                && expected != old
            {
                return Err(StoreError::OtherKek { expected, found: old });
            }
            let keys = conn.rewrap_all(&rewrap).await?;
            if !keys.keys().eq(heads.keys()) {
                return Err(StoreError::unavailable("a key was kept past the gate"));
            }
            diesel::update(store_state::table)
                .set(store_state::kek_id.eq(bind(new)))
                .execute(conn)
                .await?;
            for (org, head) in heads {
                let count = keys.get(&org).copied().unwrap_or_default();
                conn.append(head, at, entry(org, count), after_commit).await?;
            }
            Ok(Change::Made(KekRotationRecord { old: found, new, keys }))
        })
    }
}

trait Rewrap {
    async fn organizations_with_keys(&mut self) -> Result<Vec<OrgId>, StoreError>;

    async fn rewrap_all<F: std::error::Error + Send + Sync + 'static>(
        &mut self,
        rewrap: &(impl Fn(SigningKeyRecord, &WrappedKey) -> Result<WrappedKey, F> + Sync),
    ) -> Result<BTreeMap<OrgId, u64>, StoreError>;

    /// The key `id`. One that cannot be read is named.
    async fn key_to_rewrap(
        &mut self,
        id: KeyId,
    ) -> Result<(SigningKeyRecord, WrappedKey), StoreError>;
}

impl_for_connections!(Rewrap {
    async fn organizations_with_keys(&mut self) -> Result<Vec<OrgId>, StoreError> {
        Ok(signing_keys::table
            .select(signing_keys::org_id)
            .distinct()
            .order(signing_keys::org_id)
            .load(self)
            .await?)
    }

    async fn rewrap_all<F: std::error::Error + Send + Sync + 'static>(
        &mut self,
        rewrap: &(impl Fn(SigningKeyRecord, &WrappedKey) -> Result<WrappedKey, F> + Sync),
    ) -> Result<BTreeMap<OrgId, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        // No id is lower than that of all zeros, and none is that.
        let mut last = KeyId::from(uuid::Uuid::nil());
        loop {
            let page: Vec<KeyId> = signing_keys::table
                .filter(signing_keys::id.gt(bind(last)))
                .order(signing_keys::id)
                .limit(PAGE)
                .select(signing_keys::id)
                .load(self)
                .await?;
            let Some(highest) = page.last() else { return Ok(counts) };
            last = *highest;
            for id in page {
                let (record, wrapped) = self.key_to_rewrap(id).await?;
                let org = record.org_id;
                let rewrapped = rewrap(record, &wrapped)
                    .map_err(|source| StoreError::NotRewrapped { id, source: source.into() })?;
                diesel::update(signing_keys::table.find(bind(id)))
                    .set(signing_keys::wrapped_key.eq(bind(rewrapped)))
                    .execute(self)
                    .await?;
                *counts.entry(org).or_default() += 1;
            }
        }
    }

    async fn key_to_rewrap(
        &mut self,
        id: KeyId,
    ) -> Result<(SigningKeyRecord, WrappedKey), StoreError> {
        let row = signing_keys::table
            .find(bind(id))
            .select((SigningKeyRecord::as_select(), signing_keys::wrapped_key))
            .get_result(self)
            .await;
        match row {
            Err(diesel::result::Error::DeserializationError(source)) => {
                Err(StoreError::NotRewrapped { id, source })
            }
            row => Ok(row?),
        }
    }
});
