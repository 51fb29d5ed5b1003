//! The migrations that this program knows.

use std::cmp::Ordering;

use crate::error::StoreError;

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

pub(crate) struct Migration {
    pub(crate) name: &'static str,
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(crate) postgres: &'static str,
}

/// The table of the migrations that were applied, on SQLite.
#[cfg(feature = "sqlite")]
pub(crate) const CREATE_SQLITE_MIGRATIONS: &str =
    "CREATE TABLE schema_migrations (name TEXT PRIMARY KEY NOT NULL) STRICT";

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

pub(crate) const MIGRATIONS: &[Migration] = migrations!["0001_initial"];

/// The number of the last one, with which its name begins.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

pub(crate) fn compare(applied: &[String]) -> SchemaStatus {
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
