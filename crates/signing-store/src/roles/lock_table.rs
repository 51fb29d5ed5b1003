use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use crate::error::StoreError;
use crate::pool::read;
use crate::store::StoreReader;

/// How many locks one session takes that prepares a statement on each relation of the server's
/// catalogs, for which it needs no right.
const LOCKS_OF_A_SESSION: i64 = 300;

/// How large a Postgres server's table of locks is, which all sessions share. When it is full, no
/// change of trust can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct LockTable {
    /// The server's `max_locks_per_transaction`.
    #[diesel(sql_type = BigInt)]
    pub locks_per_transaction: i64,
    /// For how many transactions there is room: the server's connections and prepared
    /// transactions.
    #[diesel(sql_type = BigInt)]
    pub transactions: i64,
    /// How many connections all roles except superusers can have at once.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
}

impl LockTable {
    /// How many locks the server has room for.
    pub fn room(self) -> i64 {
        self.locks_per_transaction.saturating_mul(self.transactions)
    }

    /// How many locks the roles can take by reading alone.
    pub fn demand(self) -> i64 {
        self.connections.saturating_mul(LOCKS_OF_A_SESSION)
    }

    /// The lowest `max_locks_per_transaction` with room for them.
    pub fn needed_per_transaction(self) -> i64 {
        self.demand().saturating_add(self.transactions - 1) / self.transactions.max(1)
    }
}

impl StoreReader {
    /// How large the server's table of locks is.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, which has no server.
    pub async fn lock_table(&self) -> Result<LockTable, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        read!(self.pool, |conn| { Ok(diesel::sql_query(QUESTION).get_result(conn).await?) })
    }
}

/// A role without a limit can take all connections.
const QUESTION: &str = "
    WITH server AS (
        SELECT pg_catalog.current_setting('max_connections')::bigint AS connections,
               pg_catalog.current_setting('max_prepared_transactions')::bigint AS prepared
    ), roles AS (
        SELECT coalesce(sum(CASE WHEN rolconnlimit < 0 THEN connections ELSE rolconnlimit END), 0)
                   AS connections
        FROM pg_catalog.pg_roles CROSS JOIN server WHERE rolcanlogin AND NOT rolsuper
    )
    SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint
               AS locks_per_transaction,
           server.connections + prepared AS transactions,
           least(server.connections, roles.connections)::bigint AS connections
    FROM server CROSS JOIN roles";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_that_is_needed_has_room_and_one_less_has_not() {
        let table = LockTable { locks_per_transaction: 64, transactions: 101, connections: 62 };
        assert_eq!((table.room(), table.demand()), (6464, 18600));
        let needed = table.needed_per_transaction();
        for (locks_per_transaction, is_enough) in [(needed, true), (needed - 1, false)] {
            let table = LockTable { locks_per_transaction, ..table };
            assert_eq!(table.room() >= table.demand(), is_enough, "{table:?}");
        }
    }
}
