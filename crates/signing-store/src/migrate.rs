use std::cmp::Ordering;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::StoreError;
use crate::pool::{LONG_OPERATION_LIMIT, Pool, in_a_transaction, read};
use crate::schema::store_state;
#[cfg(feature = "postgres")]
use crate::schema_safety::{SchemaSafety, require_own_schema};

/// Whether a database has the tables that this program needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaStatus {
    /// It has.
    Current,
    /// It has none of them.
    Empty,
    /// Some migrations are still to be applied.
    Outdated {
        /// Their names, in order.
        missing: Vec<&'static str>,
    },
    /// A newer program has migrated it.
    TooNew {
        /// A migration that this program does not know.
        unknown: String,
    },
}

/// Compares the database's migrations with this program's.
pub(crate) async fn status(pool: &Pool) -> Result<SchemaStatus, StoreError> {
    let applied: Result<Vec<String>, StoreError> = read!(pool, |conn| {
        match conn.has_migrations().await? {
            true => Ok(schema_migrations::table
                .select(schema_migrations::name)
                .load::<String>(conn)
                .await?),
            false => Ok(Vec::new()),
        }
    });
    Ok(compare(&applied?))
}

/// Applies what is missing, all of it or nothing, and names what was applied.
/// Processes that start at once wait for each other.
pub(crate) async fn apply(pool: &Pool) -> Result<Vec<&'static str>, StoreError> {
    in_a_transaction!(pool, LONG_OPERATION_LIMIT, |conn| {
        conn.create_and_lock_migrations().await?;
        let applied =
            schema_migrations::table.select(schema_migrations::name).load::<String>(conn).await?;
        let missing = match compare(&applied) {
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

/// Compares what an answer says of the tables that it is from with what this program
/// knows. An older program would overlook what newer tables restrict.
pub(crate) fn require_version(found: i64) -> Result<(), StoreError> {
    match found.cmp(&VERSION) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::SchemaTooNew { unknown: format!("{found:04}") }),
        Ordering::Less => {
            let applied = usize::try_from(found).unwrap_or_default();
            let missing = MIGRATIONS.iter().skip(applied).map(|migration| migration.name).collect();
            Err(StoreError::SchemaOutdated { missing })
        }
    }
}

struct Migration {
    name: &'static str,
    #[cfg(feature = "sqlite")]
    sqlite: &'static str,
    #[cfg(feature = "postgres")]
    postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),*) => {
        &[$(Migration {
            name: $name,
            #[cfg(feature = "sqlite")]
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, "/up.sql")),
            #[cfg(feature = "postgres")]
            postgres: include_str!(concat!("../migrations/postgres/", $name, "/up.sql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations!["0001_initial"];

/// The number of the last one, with which its name begins.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

diesel::table! {
    schema_migrations (name) {
        name -> Text,
    }
}

fn compare(applied: &[String]) -> SchemaStatus {
    if applied.is_empty() {
        return SchemaStatus::Empty;
    }
    if let Some(unknown) =
        applied.iter().find(|name| !MIGRATIONS.iter().any(|migration| migration.name == **name))
    {
        return SchemaStatus::TooNew { unknown: unknown.clone() };
    }
    let missing: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| migration.name)
        .filter(|name| !applied.iter().any(|applied| applied == name))
        .collect();
    match missing.is_empty() {
        true => SchemaStatus::Current,
        false => SchemaStatus::Outdated { missing },
    }
}

/// Where the two databases differ about migrations.
trait Migrate {
    fn dialect(&self, migration: &Migration) -> &'static str;

    /// Within a transaction: makes the table of migrations if there is none, and keeps
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
impl Migrate for crate::backend::SqliteConnection {
    fn dialect(&self, migration: &Migration) -> &'static str {
        migration.sqlite
    }

    /// `BEGIN IMMEDIATE` has locked the file already.
    async fn create_and_lock_migrations(&mut self) -> Result<(), StoreError> {
        const CREATE: &str =
            "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY NOT NULL) STRICT";
        Ok(self.batch_execute(CREATE).await?)
    }

    async fn has_migrations(&mut self) -> Result<bool, StoreError> {
        let found: Found = diesel::sql_query(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations') AS found",
        )
        .get_result(self)
        .await?;
        Ok(found.found)
    }
}

/// Of two migrations that start on an empty database, the second waits in its first
/// statement for the first to commit, and is then told that the schema exists.
#[cfg(feature = "postgres")]
const CREATE_SCHEMA: &str = "
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'cloacina') THEN
            CREATE SCHEMA cloacina;
            REVOKE CREATE ON SCHEMA cloacina FROM PUBLIC;
        END IF;
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN NULL;
    END $$";

/// Others may read the table meanwhile. Nobody else can take this lock: it needs the right
/// to change the table.
#[cfg(feature = "postgres")]
const CREATE_AND_LOCK: &str = "
    DO $$ BEGIN
        CREATE TABLE IF NOT EXISTS cloacina.schema_migrations (name TEXT PRIMARY KEY);
    EXCEPTION WHEN unique_violation THEN NULL;
    END $$;
    LOCK TABLE cloacina.schema_migrations IN EXCLUSIVE MODE;";

#[cfg(feature = "postgres")]
impl Migrate for crate::backend::PgConnection {
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
        // A role that may use neither schema is told so by the server. To one that may use
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            let number = format!("{:04}_", place + 1);
            assert!(migration.name.starts_with(&number), "{}", migration.name);
        }
    }

    #[test]
    fn only_the_version_that_the_program_knows_is_taken() {
        require_version(VERSION).unwrap();
        let newer = require_version(VERSION + 1);
        assert!(matches!(newer, Err(StoreError::SchemaTooNew { .. })), "{newer:?}");
        let older = require_version(VERSION - 1);
        assert!(
            matches!(&older, Err(StoreError::SchemaOutdated { missing }) if missing.len() == 1),
            "{older:?}"
        );
    }
}
