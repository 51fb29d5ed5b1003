//! What a Postgres server says about the session that asks.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::StoreError;
use crate::pool::read;
use crate::store::StoreReader;

/// How the server sees the connection. A pooler in between has a connection of its own to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionTls {
    /// It is encrypted, with this version of TLS.
    Encrypted {
        /// The version, as the server calls it.
        version: String,
    },
    /// It is not encrypted.
    Plain,
}

impl StoreReader {
    /// How the server sees the connection that asks.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, which has no server.
    pub async fn session_tls(&self) -> Result<SessionTls, StoreError> {
        const ASK: &str = "SELECT ssl, version FROM pg_catalog.pg_stat_ssl \
                           WHERE pid = pg_catalog.pg_backend_pid()";
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let row: Result<Row, StoreError> =
            read!(self.pool, |conn| { Ok(diesel::sql_query(ASK).get_result(conn).await?) });
        Ok(match row? {
            Row { ssl: true, version } => {
                SessionTls::Encrypted { version: version.unwrap_or_default() }
            }
            Row { ssl: false, .. } => SessionTls::Plain,
        })
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    ssl: bool,
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
}
