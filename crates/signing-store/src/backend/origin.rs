use chrono::{DateTime, Utc};
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable};
use signing_crypto::{StoreId, TrustStateId};

use crate::sql_types::{Id, Instant};

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

/// The columns of an [`Origin`], in their order, as SQL types.
pub(crate) type OriginColumns = (Id, BigInt, BigInt, Id, Bool, Bool, Nullable<Instant>);

/// The same as text, for a statement that reads them from `store_state s`.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
macro_rules! origin_text {
    (postgres) => {
        concat!(
            "s.store_id, s.schema_version, s.trust_epoch, s.trust_state, pg_is_in_recovery(), ",
            $crate::backend::origin::has_settings!(),
            ", statement_timestamp()"
        )
    };
    (sqlite) => {
        "s.store_id, s.schema_version, s.trust_epoch, s.trust_state, FALSE, TRUE, NULL"
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use origin_text;

/// An expression that each database has in its own words.
macro_rules! server_fact {
    ($(#[$doc:meta])* $name:ident: $sql_type:ty, postgres: $postgres:expr, sqlite: $sqlite:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
        pub(crate) struct $name;

        impl Expression for $name {
            type SqlType = $sql_type;
        }

        impl<Source> AppearsOnTable<Source> for $name {}

        impl<Source> SelectableExpression<Source> for $name {}

        #[cfg(feature = "postgres")]
        impl QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
                out.push_sql($postgres);
                Ok(())
            }
        }

        #[cfg(feature = "sqlite")]
        impl QueryFragment<diesel::sqlite::Sqlite> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> QueryResult<()> {
                out.push_sql($sqlite);
                Ok(())
            }
        }
    };
}

server_fact! {
    /// Whether the server replays another server's log. A SQLite file is not a replica.
    InRecovery: Bool, postgres: "pg_is_in_recovery()", sqlite: "FALSE"
}

server_fact! {
    /// When the statement began, by the server's clock. A SQLite file has no clock.
    ServerTime: Nullable<Instant>, postgres: "statement_timestamp()", sqlite: "NULL"
}

server_fact! {
    /// Whether the session that answers is the one that was set up. A pooler may hand a
    /// statement to a session of the server that another program has set up. A connection to
    /// a SQLite file is never shared with another program.
    HasSettings: Bool, postgres: has_settings!(), sqlite: "TRUE"
}
