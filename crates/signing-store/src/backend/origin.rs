use chrono::{DateTime, Utc};
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable};
use signing_crypto::{StoreId, TrustStateId};

use crate::sql_types::Instant;

/// What every answer about trust says of where it comes from, so that an answer
/// from the past or from elsewhere is not taken for one about now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct Origin {
    pub(crate) store_id: StoreId,
    pub(crate) schema_version: i64,
    pub(crate) trust_epoch: i64,
    pub(crate) trust_state: TrustStateId,
    pub(crate) in_recovery: bool,
    /// Whether the session has the `search_path` that the connection was given.
    pub(crate) has_settings: bool,
    pub(crate) server_time: Option<DateTime<Utc>>,
}

impl Origin {
    /// Whether nothing about trust has changed from one to the other.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        (self.trust_epoch, self.trust_state) == (other.trust_epoch, other.trust_state)
    }
}

/// Whether the server replays another server's log: `pg_is_in_recovery()`.
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

/// A SQLite file is not a replica.
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

/// The schemas in which names are looked up, as Postgres shows the setting.
#[cfg(feature = "postgres")]
macro_rules! search_path {
    () => {
        "cloacina, cloacina_views, pg_temp"
    };
}
#[cfg(feature = "postgres")]
pub(crate) use search_path;

/// Asks Postgres whether a session has the [`search_path`] that it was given. The names are
/// qualified: the schemas that another setting leads to may have a function or an operator
/// that answers otherwise.
#[cfg(feature = "postgres")]
macro_rules! has_settings {
    () => {
        concat!(
            "pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '",
            $crate::backend::origin::search_path!(),
            "'"
        )
    };
}
#[cfg(feature = "postgres")]
pub(crate) use has_settings;

/// Whether the session that answers is the one that was set up. A pooler may hand a
/// statement to a session of the server that another program has set up.
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub(crate) struct HasSettings;

impl Expression for HasSettings {
    type SqlType = Bool;
}

impl<Source> AppearsOnTable<Source> for HasSettings {}

impl<Source> SelectableExpression<Source> for HasSettings {}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for HasSettings {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql(has_settings!());
        Ok(())
    }
}

/// A connection to a SQLite file is never shared with another program.
#[cfg(feature = "sqlite")]
impl QueryFragment<diesel::sqlite::Sqlite> for HasSettings {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        out.push_sql("TRUE");
        Ok(())
    }
}
