//! Whether nothing but the store's own code runs in its statements.
//!
//! On Postgres somebody else who may create objects in its schemas could replace a function or an
//! operator. A SQLite file has no roles, and what its owner once put into it stays in every copy:
//! a trigger that takes a revocation back, a view in place of a table, a table that replaces one
//! denial by the next, or an index that leads a revocation to another row. What is missing matters
//! as well: a trigger tells other processes that trust has changed.

use crate::error::StoreError;
use crate::migrations::SchemaStatus;

pub(crate) trait SchemaSafety {
    /// Asserts that the schemas, as far as they exist, belong to one role, which owns
    /// everything in them and alone may create objects in them.
    async fn require_safe_schema(&mut self) -> Result<(), StoreError>;

    /// Asserts that the tables, indexes, triggers and views are those of the migrations that were
    /// applied. A newer program's store has others.
    async fn require_own_code(&mut self, status: &SchemaStatus) -> Result<(), StoreError>;

    /// Asserts that the tables and their indexes agree, that no two share a page, and that the
    /// history of trust ends at the present state, if there are tables.
    async fn require_sound_file(&mut self, status: &SchemaStatus) -> Result<(), StoreError>;
}

#[cfg(feature = "sqlite")]
impl SchemaSafety for crate::backend::connection::SqliteConnection {
    /// A SQLite file has no schemas and no roles.
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn require_own_code(&mut self, status: &SchemaStatus) -> Result<(), StoreError> {
        sqlite::require_own_code(self, status).await
    }

    async fn require_sound_file(&mut self, status: &SchemaStatus) -> Result<(), StoreError> {
        sqlite::require_sound_file(self, status).await
    }
}

#[cfg(feature = "postgres")]
impl SchemaSafety for crate::backend::connection::PgConnection {
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        postgres::refuse(self, postgres::UNSAFE).await
    }

    /// What is in a safe schema is its owner's.
    async fn require_own_code(&mut self, _: &SchemaStatus) -> Result<(), StoreError> {
        Ok(())
    }

    /// Nobody but the server writes its files.
    async fn require_sound_file(&mut self, _: &SchemaStatus) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Asserts that the schema belongs to the role that migrates: the owner of a schema may
/// drop and replace everything in it.
#[cfg(feature = "postgres")]
pub(crate) async fn require_own_schema(
    connection: &mut crate::backend::connection::PgConnection,
) -> Result<(), StoreError> {
    postgres::refuse(connection, postgres::OWNED_BY_ANOTHER).await
}

#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::prelude::*;
    use diesel::sql_types::{Nullable, Text};
    use diesel_async::RunQueryDsl;

    use crate::backend::connection::PgConnection;
    use crate::error::{SchemaFault, StoreError};

    pub(super) const OWNED_BY_ANOTHER: &str = "
        SELECT nspname::text AS schema, NULL::text AS open_to, NULL::text AS object,
               pg_get_userbyid(nspowner)::text AS owner
        FROM pg_namespace
        WHERE nspname = 'cloacina' AND pg_get_userbyid(nspowner) <> current_user";

    pub(super) const UNSAFE: &str = "
        WITH ours AS (
            SELECT oid, nspname::text AS schema, nspacl, nspowner AS owner,
                   min(nspowner::bigint) OVER () AS one_owner
            FROM pg_namespace WHERE nspname IN ('cloacina', 'cloacina_views')
        )
        SELECT schema,
               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END
                   AS open_to,
               NULL::text AS object, NULL::text AS owner
        FROM ours CROSS JOIN LATERAL aclexplode(nspacl)
        WHERE privilege_type = 'CREATE' AND grantee <> owner
        UNION ALL
        SELECT schema, NULL, NULL, pg_get_userbyid(owner)::text
        FROM ours WHERE owner::bigint <> one_owner
        UNION ALL
        SELECT schema, NULL, relname::text, NULL
        FROM ours JOIN pg_class ON relnamespace = ours.oid WHERE relowner <> owner
        UNION ALL
        SELECT schema, NULL, proname::text, NULL
        FROM ours JOIN pg_proc ON pronamespace = ours.oid WHERE proowner <> owner
        UNION ALL
        SELECT schema, NULL, oprname::text, NULL
        FROM ours JOIN pg_operator ON oprnamespace = ours.oid WHERE oprowner <> owner
        LIMIT 1";

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        schema: String,
        #[diesel(sql_type = Nullable<Text>)]
        open_to: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        object: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        owner: Option<String>,
    }

    /// Refuses the first fault that the query finds.
    pub(super) async fn refuse(
        connection: &mut PgConnection,
        query: &str,
    ) -> Result<(), StoreError> {
        let found: Option<Row> =
            diesel::sql_query(query).get_result(connection).await.optional()?;
        let Some(Row { schema, open_to, object, owner }) = found else { return Ok(()) };
        let fault = match (open_to, object, owner) {
            (Some(role), _, _) => SchemaFault::OpenTo { role },
            (_, Some(object), _) => SchemaFault::ForeignObject { object },
            (_, _, owner) => SchemaFault::OwnedByAnother { owner: owner.unwrap_or_default() },
        };
        Err(StoreError::UnsafeSchema { schema, fault })
    }
}
