use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::StoreError;
use crate::pool::{Pool, read, write};

/// Whether a database has the tables that this program needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaStatus {
    /// It has.
    Current,
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
    write!(pool, |conn| {
        conn.lock_migrations().await?;
        conn.batch_execute(CREATE_TABLE).await?;
        let applied =
            schema_migrations::table.select(schema_migrations::name).load::<String>(conn).await?;
        let missing = match compare(&applied) {
            SchemaStatus::Current => Vec::new(),
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
        Ok(missing)
    })
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

const MIGRATIONS: &[Migration] = migrations!["0001_initial", "0002_steering", "0003_trust_history"];

const CREATE_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY NOT NULL)";

diesel::table! {
    schema_migrations (name) {
        name -> Text,
    }
}

fn compare(applied: &[String]) -> SchemaStatus {
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
    async fn lock_migrations(&mut self) -> Result<(), StoreError>;
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
    async fn lock_migrations(&mut self) -> Result<(), StoreError> {
        Ok(())
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

#[cfg(feature = "postgres")]
impl Migrate for crate::backend::PgConnection {
    fn dialect(&self, migration: &Migration) -> &'static str {
        migration.postgres
    }

    async fn lock_migrations(&mut self) -> Result<(), StoreError> {
        // Any number will do that no other program uses on this database.
        self.batch_execute("SELECT pg_advisory_xact_lock(4832910174652801)").await?;
        Ok(())
    }

    async fn has_migrations(&mut self) -> Result<bool, StoreError> {
        let found: Found =
            diesel::sql_query("SELECT to_regclass('schema_migrations') IS NOT NULL AS found")
                .get_result(self)
                .await?;
        Ok(found.found)
    }
}
