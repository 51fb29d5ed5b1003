use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{KekId, StoreId};

use crate::backend::impl_for_connections;
use crate::pool::read;
use crate::schema::store_state;
use crate::sql_types::bind;
use crate::{Store, StoreError};

/// What a store says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct StoreState {
    /// Its id, made with its tables.
    pub store_id: StoreId,
    /// How often trust has changed. Only ever rises.
    pub trust_epoch: i64,
    /// The KEK that wraps its private keys, once there is one.
    pub kek_id: Option<KekId>,
}

impl Store {
    /// Reads the store's id, trust epoch and KEK.
    pub async fn state(&self) -> Result<StoreState, StoreError> {
        read!(self.pool, |conn| {
            Ok(store_state::table
                .select((store_state::store_id, store_state::trust_epoch, store_state::kek_id))
                .get_result::<StoreState>(conn)
                .await?)
        })
    }
}

pub(crate) trait KekGuard {
    /// Within a transaction: makes `kek` the store's KEK if it has none.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKek`] if it has another, so that a mistyped KEK cannot
    /// make keys that nobody can read.
    async fn require_kek(&mut self, kek: KekId) -> Result<(), StoreError>;
}

impl_for_connections!(KekGuard {
    async fn require_kek(&mut self, kek: KekId) -> Result<(), StoreError> {
        diesel::update(store_state::table.filter(store_state::kek_id.is_null()))
            .set(store_state::kek_id.eq(bind(kek)))
            .execute(self)
            .await?;
        let expected: Option<KekId> =
            store_state::table.select(store_state::kek_id).get_result(self).await?;
        match expected {
            Some(expected) if expected != kek => Err(StoreError::OtherKek { expected, found: kek }),
            _ => Ok(()),
        }
    }
});
