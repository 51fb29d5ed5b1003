use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable};
use diesel_async::RunQueryDsl;
use signing_crypto::{StoreId, TrustStateId};

use crate::backend::impl_for_connections;
use crate::pool::read;
use crate::schema::{store_state, trust_history};
use crate::sql_types::{Instant, bind};
use crate::{StoreError, StoreReader};

/// What every answer about trust says of where it comes from, so that an answer
/// from the past or from elsewhere is not taken for one about now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct Origin {
    pub(crate) store_id: StoreId,
    pub(crate) schema_version: i64,
    pub(crate) trust_epoch: i64,
    pub(crate) trust_state: TrustStateId,
    pub(crate) in_recovery: bool,
    pub(crate) server_time: Option<DateTime<Utc>>,
}

impl Origin {
    /// Whether nothing about trust has changed from one to the other.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        (self.trust_epoch, self.trust_state) == (other.trust_epoch, other.trust_state)
    }
}

pub(crate) trait AskOrigin {
    /// Where what is said on this connection comes from.
    async fn origin(&mut self) -> Result<Origin, StoreError>;
}

pub(crate) trait AskHistory {
    /// Where what is said now comes from, and whether both are in the history of that.
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError>;
}

/// The columns of an [`Origin`], in their order.
macro_rules! origin_columns {
    () => {
        (
            store_state::store_id,
            store_state::schema_version,
            store_state::trust_epoch,
            store_state::trust_state,
            InRecovery,
            ServerTime,
        )
    };
}

impl_for_connections!(AskOrigin {
    async fn origin(&mut self) -> Result<Origin, StoreError> {
        let state = store_state::table.filter(store_state::singleton.eq(1));
        Ok(state.select(origin_columns!()).get_result(self).await?)
    }
});

impl_for_connections!(AskHistory {
    async fn history_of(&mut self, [one, other]: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        let there_was = |origin: &Origin| {
            let state = trust_history::state.eq(bind(origin.trust_state));
            exists(trust_history::table.find(origin.trust_epoch).filter(state))
        };
        let state = store_state::table.filter(store_state::singleton.eq(1));
        let both = there_was(one).and(there_was(other));
        Ok(state.select((origin_columns!(), both)).get_result(self).await?)
    }
});

/// Over the pool.
impl AskHistory for &StoreReader {
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        let [one, other] = both.map(|origin| *origin);
        read!(self.pool, |conn| { AskHistory::history_of(conn, [&one, &other]).await })
    }
}

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
