//! Whether the schemas on Postgres are the store's alone. Somebody else who may create
//! objects in them could replace a function or an operator in the store's statements.

use crate::error::StoreError;

pub(crate) trait SchemaSafety {
    /// Asserts that the schemas, as far as they exist, belong to one role, which owns
    /// everything in them and alone may create objects in them.
    async fn require_safe_schema(&mut self) -> Result<(), StoreError>;
}

/// A SQLite file has no schemas and no roles.
#[cfg(feature = "sqlite")]
impl SchemaSafety for crate::backend::connection::SqliteConnection {
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(feature = "postgres")]
impl SchemaSafety for crate::backend::connection::PgConnection {
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        postgres::refuse(self, postgres::UNSAFE).await
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
