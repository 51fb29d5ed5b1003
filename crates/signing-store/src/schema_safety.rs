//! Whether nothing but the store's own code runs in its statements.
//!
//! On Postgres somebody else who may create objects in its schemas could replace a function or an
//! operator. A SQLite file has no roles, and what its owner once put into it stays in every copy:
//! a trigger that takes a revocation back, or a view in place of a table.

use crate::error::StoreError;

pub(crate) trait SchemaSafety {
    /// Asserts that the schemas, as far as they exist, belong to one role, which owns
    /// everything in them and alone may create objects in them.
    async fn require_safe_schema(&mut self) -> Result<(), StoreError>;

    /// Asserts that every trigger and every view is one of the migrations'. A newer program's
    /// store has others.
    async fn require_own_code(&mut self) -> Result<(), StoreError>;
}

#[cfg(feature = "sqlite")]
impl SchemaSafety for crate::backend::connection::SqliteConnection {
    /// A SQLite file has no schemas and no roles.
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn require_own_code(&mut self) -> Result<(), StoreError> {
        sqlite::require_own_code(self).await
    }
}

#[cfg(feature = "postgres")]
impl SchemaSafety for crate::backend::connection::PgConnection {
    async fn require_safe_schema(&mut self) -> Result<(), StoreError> {
        postgres::refuse(self, postgres::UNSAFE).await
    }

    /// What is in a safe schema is its owner's.
    async fn require_own_code(&mut self) -> Result<(), StoreError> {
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
mod sqlite {
    use diesel::prelude::*;
    use diesel::sql_types::{Nullable, Text};
    use diesel_async::RunQueryDsl;

    use crate::backend::connection::SqliteConnection;
    use crate::error::{SchemaFault, StoreError};
    use crate::migrations::MIGRATIONS;

    #[derive(QueryableByName)]
    struct Code {
        #[diesel(sql_type = Text)]
        name: String,
        /// SQLite keeps the text of the statement that made it.
        #[diesel(sql_type = Nullable<Text>)]
        sql: Option<String>,
    }

    pub(super) async fn require_own_code(
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        let code: Vec<Code> = diesel::sql_query(
            "SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')",
        )
        .load(connection)
        .await?;
        match code.into_iter().find(|code| !is_of_a_migration(code.sql.as_deref())) {
            Some(Code { name, .. }) => Err(StoreError::UnsafeSchema {
                schema: "main".into(),
                fault: SchemaFault::UnknownObject { object: name },
            }),
            None => Ok(()),
        }
    }

    fn is_of_a_migration(sql: Option<&str>) -> bool {
        let Some(statement) = sql.map(|sql| format!("\n{sql};\n")) else { return false };
        MIGRATIONS.iter().any(|migration| migration.sqlite.contains(&statement))
    }
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
