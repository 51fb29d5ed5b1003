use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{KekId, StoreId, TrustStateId};

use crate::backend::connection_trait;
use crate::backend::origin::Origin;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::store_state;
use crate::sql_types::bind;
use crate::state::AskOrigin;
use crate::store::StoreReader;

/// What a store says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = store_state)]
#[non_exhaustive]
pub struct StoreState {
    /// Its id, made with its tables.
    pub store_id: StoreId,
    /// How often trust has changed. Only ever rises.
    pub trust_epoch: i64,
    /// The KEK that wraps its private keys, once there is one.
    pub kek_id: Option<KekId>,
}

/// What a store said about now when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often trust has changed.
    pub epoch: i64,
    /// The state of trust: as long as it is the same, nothing about trust has changed.
    pub state: TrustStateId,
    /// The time by the server's clock. A SQLite file has no clock.
    pub as_of: Option<DateTime<Utc>>,
}

impl From<Origin> for Heartbeat {
    fn from(origin: Origin) -> Self {
        let Origin { trust_epoch, trust_state, server_time, .. } = origin;
        Self { epoch: trust_epoch, state: trust_state, as_of: server_time }
    }
}

impl StoreReader {
    /// Asks for the trust epoch and state, and whether the answer is about now.
    ///
    /// # Errors
    ///
    /// As [`trust_in_keys`](Self::trust_in_keys).
    pub async fn heartbeat(&self) -> Result<Heartbeat, StoreError> {
        let before = self.seen.latest();
        let origin: Result<Origin, StoreError> =
            read!(self.pool, |conn| { AskOrigin::origin(conn).await });
        let origin = origin?;
        self.seen.accept(origin, before, &mut &self.pool).await?;
        Ok(origin.into())
    }

    /// What the store was last seen to say, without asking it: by any answer about trust,
    /// and by any change that was made from here, also one whose caller did not wait.
    pub fn last_heartbeat(&self) -> Option<Heartbeat> {
        self.seen.latest().map(Into::into)
    }

    /// Reads the store's id, trust epoch and KEK.
    pub async fn state(&self) -> Result<StoreState, StoreError> {
        read!(self.pool, |conn| {
            Ok(store_state::table.select(StoreState::as_select()).get_result(conn).await?)
        })
    }
}

connection_trait! {
pub(crate) trait KekGuard {
    /// Within a transaction: the store's KEK, which stays so until the commit.
    async fn lock_kek(&mut self) -> Result<Option<KekId>, StoreError> {
        // An update that changes nothing is the row lock that both databases know.
        Ok(diesel::update(store_state::table)
            .set(store_state::kek_id.eq(store_state::kek_id))
            .returning(store_state::kek_id)
            .get_result(self)
            .await?)
    }

    /// Within a transaction: makes `kek` the store's KEK if it has none, and keeps
    /// every rotation waiting until the commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKek`] if it has another, so that a mistyped KEK cannot
    /// make keys that cannot be opened.
    async fn require_kek(&mut self, kek: KekId) -> Result<(), StoreError> {
        match self.lock_kek().await? {
            Some(expected) if expected == kek => Ok(()),
            Some(expected) => Err(StoreError::OtherKek { expected, found: kek }),
            None => {
                diesel::update(store_state::table)
                    .set(store_state::kek_id.eq(bind(kek)))
                    .execute(self)
                    .await?;
                Ok(())
            }
        }
    }
}}

/// The gate that a transaction passes before it keeps a key, or wraps all of them again. It is
/// passed before anything else is locked: an organization that makes its first key meanwhile
/// would have a head that the rotation does not hold.
pub(crate) trait KeyGate {
    /// Within a transaction: makes all others that pass the gate wait until the commit.
    async fn pass_key_gate(&mut self) -> Result<(), StoreError>;
}

/// Nobody shares the row's lock: those who keep keys wait for each other anyway, in
/// [`KekGuard::require_kek`], and sharing would let them overtake a rotation that waits.
#[cfg(feature = "postgres")]
impl KeyGate for crate::backend::connection::PgConnection {
    async fn pass_key_gate(&mut self) -> Result<(), StoreError> {
        match diesel::sql_query("SELECT FROM kek_lock FOR UPDATE").execute(self).await? {
            1 => Ok(()),
            _ => {
                Err(StoreError::unavailable("the store lacks the row that its keys are locked by"))
            }
        }
    }
}

/// SQLite has one writer at a time.
#[cfg(feature = "sqlite")]
impl KeyGate for crate::backend::connection::SqliteConnection {
    async fn pass_key_gate(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
