use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable};
use diesel_async::RunQueryDsl;
use signing_crypto::{KekId, StoreId, TrustStateId};

use crate::backend::impl_for_connections;
use crate::pool::read;
use crate::schema::store_state;
use crate::sql_types::{Instant, bind};
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

/// What every answer about trust says of where it comes from, so that an answer
/// from the past or from elsewhere is not taken for one about now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct Origin {
    pub(crate) store_id: StoreId,
    pub(crate) trust_epoch: i64,
    pub(crate) trust_state: TrustStateId,
    pub(crate) in_recovery: bool,
    pub(crate) server_time: Option<DateTime<Utc>>,
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

/// The most recent origin that a process has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Option<Origin>>);

impl Seen {
    /// What an answer must not fall behind. To be taken before the question is
    /// sent: an answer may be overtaken by one to a later question.
    pub(crate) fn latest(&self) -> Option<Origin> {
        *self.lock()
    }

    /// Refuses an answer that cannot be about now.
    pub(crate) fn accept(&self, origin: Origin, before: Option<Origin>) -> Result<(), StoreError> {
        if origin.in_recovery {
            return Err(StoreError::InRecovery);
        }
        let mut latest = self.lock();
        // Of the first answers, asked for at once, only one can be from this store.
        if let Some(latest) = *latest
            && origin.store_id != latest.store_id
        {
            let (expected, found) = (latest.store_id, origin.store_id);
            return Err(StoreError::AnotherStore { expected, found });
        }
        if let Some(before) = before
            && origin.trust_epoch < before.trust_epoch
        {
            let (expected, found) = (before.trust_epoch, origin.trust_epoch);
            return Err(StoreError::EpochWentBack { expected, found });
        }
        if latest.is_none_or(|latest| latest.trust_epoch < origin.trust_epoch) {
            *latest = Some(origin);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Origin>> {
        // What is inside is one value, replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Asks for the trust epoch and state, and whether the answer is about now.
    ///
    /// # Errors
    ///
    /// As [`trust_facts`](Self::trust_facts).
    pub async fn heartbeat(&self) -> Result<Heartbeat, StoreError> {
        let before = self.seen.latest();
        let origin: Result<Origin, StoreError> =
            read!(self.pool, |conn| { AskOrigin::origin(conn).await });
        let origin = origin?;
        self.seen.accept(origin, before)?;
        Ok(origin.into())
    }

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

pub(crate) trait AskOrigin {
    /// Where what is said on this connection comes from.
    async fn origin(&mut self) -> Result<Origin, StoreError>;
}

impl_for_connections!(AskOrigin {
    async fn origin(&mut self) -> Result<Origin, StoreError> {
        let origin = (
            store_state::store_id,
            store_state::trust_epoch,
            store_state::trust_state,
            InRecovery,
            ServerTime,
        );
        Ok(store_state::table.select(origin).get_result(self).await?)
    }
});

pub(crate) trait KekGuard {
    /// Within a transaction: the store's KEK, which stays so until the commit.
    async fn lock_kek(&mut self) -> Result<Option<KekId>, StoreError>;

    /// Within a transaction: makes `kek` the store's KEK if it has none, and keeps
    /// every rotation waiting until the commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKek`] if it has another, so that a mistyped KEK cannot
    /// make keys that nobody can read.
    async fn require_kek(&mut self, kek: KekId) -> Result<(), StoreError>;
}

impl_for_connections!(KekGuard {
    async fn lock_kek(&mut self) -> Result<Option<KekId>, StoreError> {
        // An update that changes nothing is the row lock that both databases know.
        Ok(diesel::update(store_state::table)
            .set(store_state::kek_id.eq(store_state::kek_id))
            .returning(store_state::kek_id)
            .get_result(self)
            .await?)
    }

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
});

/// Whether the server replays somebody else's log: `pg_is_in_recovery()`.
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub(crate) struct InRecovery;

impl Expression for InRecovery {
    type SqlType = Bool;
}

impl<Source> AppearsOnTable<Source> for InRecovery {}

impl<Source> SelectableExpression<Source> for InRecovery {}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for InRecovery {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("pg_is_in_recovery()");
        Ok(())
    }
}

/// A SQLite file is nobody's replica.
#[cfg(feature = "sqlite")]
impl QueryFragment<diesel::sqlite::Sqlite> for InRecovery {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        out.push_sql("FALSE");
        Ok(())
    }
}

/// When the statement began, by the server's clock.
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub(crate) struct ServerTime;

impl Expression for ServerTime {
    type SqlType = Nullable<Instant>;
}

impl<Source> AppearsOnTable<Source> for ServerTime {}

impl<Source> SelectableExpression<Source> for ServerTime {}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for ServerTime {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("statement_timestamp()");
        Ok(())
    }
}

/// A SQLite file has no clock.
#[cfg(feature = "sqlite")]
impl QueryFragment<diesel::sqlite::Sqlite> for ServerTime {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        out.push_sql("NULL");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn origin(store_id: StoreId, trust_epoch: i64) -> Origin {
        let trust_state = Uuid::from_u128(trust_epoch.unsigned_abs().into()).into();
        Origin { store_id, trust_epoch, trust_state, in_recovery: false, server_time: None }
    }

    /// As if nothing else had been asked in between.
    fn accept(seen: &Seen, origin: Origin) -> Result<(), StoreError> {
        seen.accept(origin, seen.latest())
    }

    #[test]
    fn later_answers_of_the_same_store_are_accepted() {
        let (seen, store) = (Seen::default(), StoreId::random());
        for epoch in [0, 7, 7, 8] {
            accept(&seen, origin(store, epoch)).unwrap();
            assert_eq!(seen.latest(), Some(origin(store, epoch)));
        }
    }

    #[test]
    fn answer_of_a_server_in_recovery_is_refused_and_not_remembered() {
        let (seen, store) = (Seen::default(), StoreId::random());
        let replica = Origin { in_recovery: true, ..origin(store, 9) };
        assert!(matches!(accept(&seen, replica), Err(StoreError::InRecovery)));
        assert_eq!(seen.latest(), None);

        accept(&seen, origin(store, 7)).unwrap();
        assert!(matches!(accept(&seen, replica), Err(StoreError::InRecovery)));
        assert_eq!(seen.latest(), Some(origin(store, 7)));
        accept(&seen, origin(store, 9)).unwrap();
    }

    #[test]
    fn answer_of_another_store_is_refused_whatever_its_epoch() {
        let (seen, store, other) = (Seen::default(), StoreId::random(), StoreId::random());
        accept(&seen, origin(store, 7)).unwrap();
        for epoch in [6, 7, 8] {
            let refused = accept(&seen, origin(other, epoch)).unwrap_err();
            assert!(matches!(
                refused,
                StoreError::AnotherStore { expected, found } if (expected, found) == (store, other)
            ));
        }
        assert_eq!(seen.latest(), Some(origin(store, 7)));
    }

    #[test]
    fn answer_from_the_past_is_refused() {
        let (seen, store) = (Seen::default(), StoreId::random());
        accept(&seen, origin(store, 7)).unwrap();
        let refused = accept(&seen, origin(store, 6)).unwrap_err();
        assert!(matches!(refused, StoreError::EpochWentBack { expected: 7, found: 6 }));
        assert_eq!(seen.latest(), Some(origin(store, 7)));
    }

    #[test]
    fn answer_that_was_overtaken_is_accepted_and_changes_nothing() {
        let (seen, store) = (Seen::default(), StoreId::random());
        accept(&seen, origin(store, 7)).unwrap();
        let before = seen.latest();
        accept(&seen, origin(store, 9)).unwrap();

        seen.accept(origin(store, 8), before).unwrap();

        assert_eq!(seen.latest(), Some(origin(store, 9)));
        assert!(matches!(accept(&seen, origin(store, 8)), Err(StoreError::EpochWentBack { .. })));
    }

    #[test]
    fn of_two_first_answers_from_two_stores_one_is_accepted() {
        let (seen, store) = (Seen::default(), StoreId::random());
        let before = seen.latest();
        seen.accept(origin(store, 7), before).unwrap();
        let refused = seen.accept(origin(StoreId::random(), 9), before).unwrap_err();
        assert!(matches!(refused, StoreError::AnotherStore { .. }));
    }
}
