//! How the migrations are applied.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::backend::deadline::LONG_OPERATION_LIMIT;
use crate::error::StoreError;
#[cfg(feature = "sqlite")]
use crate::migrations::CREATE_SQLITE_MIGRATIONS;
use crate::migrations::{MIGRATIONS, Migration, SchemaStatus, VERSION, compare};
use crate::pool::{Pool, read};
use crate::schema::store_state;
use crate::schema_safety::SchemaSafety;
#[cfg(feature = "postgres")]
use crate::schema_safety::require_own_schema;
use crate::state::{PendingChange, change};

/// Compares the database's migrations with this program's.
pub(crate) async fn status(pool: &Pool) -> Result<SchemaStatus, StoreError> {
    read!(pool, |conn| {
        let applied = match conn.has_migrations().await? {
            true => schema_migrations::table.select(schema_migrations::name).load(conn).await?,
            false => Vec::new(),
        };
        let status = compare(&applied);
        if !matches!(status, SchemaStatus::TooNew { .. }) {
            conn.require_own_code(&status).await?;
        }
        Ok(status)
    })
}

/// Applies what is missing, all of it or nothing, and names what was applied.
/// Processes that start at once wait for each other.
pub(crate) async fn apply(pool: &Pool) -> Result<Vec<&'static str>, StoreError> {
    let change = PendingChange::of_any_store(pool).within(LONG_OPERATION_LIMIT);
    change!(change, |conn| {
        conn.create_and_lock_migrations().await?;
        let applied =
            schema_migrations::table.select(schema_migrations::name).load::<String>(conn).await?;
        let status = compare(&applied);
        if !matches!(status, SchemaStatus::TooNew { .. }) {
            conn.require_own_code(&status).await?;
        }
        let missing = match status {
            SchemaStatus::Current => Vec::new(),
            SchemaStatus::Empty => MIGRATIONS.iter().map(|migration| migration.name).collect(),
            SchemaStatus::Outdated { missing } => missing,
            SchemaStatus::TooNew { unknown } => return Err(StoreError::SchemaTooNew { unknown }),
        };
        for migration in MIGRATIONS.iter().filter(|migration| missing.contains(&migration.name)) {
            conn.batch_execute(conn.dialect(migration)).await?;
            diesel::insert_into(schema_migrations::table)
                .values(schema_migrations::name.eq(migration.name))
                .execute(conn)
                .await?;
        }
        if !missing.is_empty() {
            diesel::update(store_state::table)
                .set(store_state::schema_version.eq(VERSION))
                .execute(conn)
                .await?;
        }
        Ok(missing)
    })
}

/// A new SQLite database with all its tables, as the bytes of its file, and the migrations
/// that made it.
#[cfg(feature = "sqlite")]
pub(crate) async fn complete_database() -> Result<(Vec<&'static str>, Vec<u8>), StoreError> {
    let connections = crate::backend::pooled::build(crate::backend::sqlite::Manager::in_memory())?;
    let applied = apply(&Pool::Sqlite(connections.clone())).await?;
    let mut connection = crate::backend::pooled::check_out(&connections).await?;
    let content = connection
        .spawn_blocking(|connection| {
            Ok(connection.serialize_database_to_buffer().try_as_slice()?.to_vec())
        })
        .await?;
    Ok((applied, content))
}

diesel::table! {
    schema_migrations (name) {
        name -> Text,
    }
}

/// Where the two databases differ about migrations.
trait Migrate {
    fn dialect(&self, migration: &Migration) -> &'static str;

    /// Within a transaction: makes the table of migrations if it is missing, and keeps
    /// other migrations waiting until the commit.
    async fn create_and_lock_migrations(&mut self) -> Result<(), StoreError>;

    async fn has_migrations(&mut self) -> Result<bool, StoreError>;
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

#[cfg(feature = "sqlite")]
impl Migrate for crate::backend::connection::SqliteConnection {
    fn dialect(&self, migration: &Migration) -> &'static str {
        migration.sqlite
    }

    /// `BEGIN IMMEDIATE` has locked the file already.
    async fn create_and_lock_migrations(&mut self) -> Result<(), StoreError> {
        match self.has_migrations().await? {
            true => Ok(()),
            false => Ok(self.batch_execute(CREATE_SQLITE_MIGRATIONS).await?),
        }
    }

    async fn has_migrations(&mut self) -> Result<bool, StoreError> {
        let found: Found = diesel::sql_query(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema
                            WHERE type = 'table' AND name = 'schema_migrations') AS found",
        )
        .get_result(self)
        .await?;
        Ok(found.found)
    }
}

/// Of two migrations that start on an empty database, the second waits in its first
/// statement for the first to commit, and then fails because the schema exists.
#[cfg(feature = "postgres")]
const CREATE_SCHEMA: &str = "
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'cloacina') THEN
            CREATE SCHEMA cloacina;
            REVOKE CREATE ON SCHEMA cloacina FROM PUBLIC;
        END IF;
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL;
    END $$";

/// A table that was just made is locked until the commit, and another one has rows to lock. A
/// lock of the table would wait for any role that has prepared a statement that changes it,
/// for which a role needs no right.
#[cfg(feature = "postgres")]
const CREATE_AND_LOCK: &str = "
    DO $$ BEGIN
        CREATE TABLE IF NOT EXISTS cloacina.schema_migrations (name TEXT PRIMARY KEY);
    EXCEPTION WHEN unique_violation THEN NULL;
    END $$;
    SELECT FROM cloacina.schema_migrations FOR UPDATE;";

#[cfg(feature = "postgres")]
impl Migrate for crate::backend::connection::PgConnection {
    fn dialect(&self, migration: &Migration) -> &'static str {
        migration.postgres
    }

    async fn create_and_lock_migrations(&mut self) -> Result<(), StoreError> {
        // A big table takes its time, and so does a migration that came first.
        self.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
        self.batch_execute(CREATE_SCHEMA).await?;
        require_own_schema(self).await?;
        self.batch_execute(CREATE_AND_LOCK).await?;
        self.require_safe_schema().await?;
        // While this waits for a table, everybody who comes later waits behind it.
        Ok(self.batch_execute("SET LOCAL lock_timeout = '8s'").await?)
    }

    async fn has_migrations(&mut self) -> Result<bool, StoreError> {
        self.require_safe_schema().await?;
        // The server refuses a role that may use neither schema. To one that may use
        // a schema, a table that is not there was not made yet.
        let found: Found = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'cloacina')
                AND NOT EXISTS (SELECT FROM pg_namespace
                                WHERE nspname IN ('cloacina', 'cloacina_views')
                                  AND has_schema_privilege(oid, 'USAGE')) AS found",
        )
        .get_result(self)
        .await?;
        if found.found {
            self.batch_execute("SELECT FROM cloacina_views.schema_migrations").await?;
        }
        let found: Found =
            diesel::sql_query("SELECT to_regclass('schema_migrations') IS NOT NULL AS found")
                .get_result(self)
                .await?;
        Ok(found.found)
    }
}
