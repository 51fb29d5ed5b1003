//! Connections to a SQLite file.
//!
//! The file keeps a rollback journal, and no write-ahead log: readers of the latter write
//! files beside the database, which then belong to them, and none can read it where they
//! may not write. With a rollback journal a writer that commits waits for the readers that
//! it finds, and readers wait for it while it writes the database; each for at most
//! [`BUSY_TIMEOUT`].

mod create;
mod lock_holders;
mod path;

use std::path::{Path, PathBuf};
use std::time::Duration;

use deadpool::managed;
use diesel::result::Error;
use diesel::{ConnectionResult, QueryResult};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use tokio::task::spawn_blocking;

use self::path::DatabasePath;
use super::connection::{SqliteConnection, keep_unless_broken};
use crate::backend::access::Access;
use crate::error::{FileKind, StoreError};
use crate::url;

pub(crate) use create::create;

/// How long a connection waits for another one. Less than an operation may take, so that
/// SQLite's answer comes first.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// `EXTRA` also makes sure that the journal is gone from the directory when a commit has
/// returned: one that comes back after a power cut would undo the commit.
const SET_UP_WRITER: &str = "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; \
                             PRAGMA journal_mode = DELETE;";

const SET_UP_READER: &str = "PRAGMA query_only = ON;";

/// What SQLite's documentation advises for files that others may have made ("Defense Against The
/// Dark Arts"), before anything of the file is read: its schema calls no function and no virtual
/// table that could do harm, a damaged page is noticed before it is used, and no page is mapped
/// into memory. A check of the whole file, which it also advises, is made before changes (`Store::open`);
/// before each question it would take too long.
const DISTRUST_FILE: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; \
                             PRAGMA mmap_size = 0;";

/// Reads the first page, before which SQLite looks for a journal and a lock.
const READ: &str = "SELECT count(*) FROM sqlite_schema;";

/// SQLite's texts for `SQLITE_BUSY`, `SQLITE_FULL`, `SQLITE_NOTADB` and `SQLITE_READONLY`.
/// diesel hands no code over, and the library that these are from is bundled; the tests see
/// all of them.
const BUSY: &str = "database is locked";
const FULL: &str = "database or disk is full";
const NOT_A_DATABASE: &str = "file is not a database";
const NOT_WRITABLE: &str = "attempt to write a readonly database";

/// Makes connections to one file, which it never creates.
#[derive(Clone)]
pub(crate) struct Manager {
    database: Database,
    access: Access,
}

#[derive(Clone)]
enum Database {
    File(DatabasePath),
    /// One that goes when its only connection does.
    Memory,
}

impl Manager {
    pub(crate) fn new(target: &url::SqliteTarget, access: Access) -> Result<Self, StoreError> {
        Ok(Self { database: Database::File(DatabasePath::new(target)?), access })
    }

    pub(crate) fn in_memory() -> Self {
        Self { database: Database::Memory, access: Access::Write }
    }

    /// The same error, with the processes that lock the file if it was locked for too long.
    pub(crate) fn name_lock_holders(&self, error: StoreError) -> StoreError {
        match (error, &self.database) {
            (StoreError::FileLocked { after, .. }, Database::File(path)) => {
                StoreError::FileLocked { after, holders: lock_holders::of(path.given()) }
            }
            (error, _) => error,
        }
    }
}

impl managed::Manager for Manager {
    type Type = SqliteConnection;
    type Error = StoreError;

    async fn create(&self) -> Result<SqliteConnection, StoreError> {
        let path = match &self.database {
            Database::File(path) => path,
            Database::Memory => return Ok(connect(":memory:", self.access).await?),
        };
        let opened = match open(path, self.access).await {
            Err(StoreError::HotJournal { path: database, source })
                if self.access != Access::Inspect =>
            {
                // A program that may write does what the next writer would do.
                match open(path, Access::Write).await {
                    Ok(_recovered) => open(path, self.access).await,
                    Err(StoreError::ReadOnly { .. }) => {
                        Err(StoreError::HotJournal { path: database, source })
                    }
                    Err(error) => Err(error),
                }
            }
            other => other,
        };
        opened.map_err(|error| self.name_lock_holders(error))
    }

    async fn recycle(
        &self,
        connection: &mut SqliteConnection,
        _: &managed::Metrics,
    ) -> managed::RecycleResult<StoreError> {
        keep_unless_broken(connection)?;
        // Most often this is a writer's that is about to commit. One that a killed writer
        // left is found by reading, and then another connection is made, as above.
        if let (Database::File(path), Access::Inspect | Access::Read) =
            (&self.database, self.access)
            && path.has_journal()
        {
            connection.batch_execute(READ).await.map_err(StoreError::from)?;
        }
        Ok(())
    }
}

/// Opens the file if no other user could replace it.
async fn open(path: &DatabasePath, access: Access) -> Result<SqliteConnection, StoreError> {
    let unchecked = path.clone();
    let checked = spawn_blocking(move || unchecked.check(access));
    let path = checked.await.map_err(StoreError::unavailable)??;
    let opened = connect(&uri(&path, access)?, access).await;
    opened.map_err(|error| match error {
        diesel::ConnectionError::CouldntSetupConfiguration(error) => explain(path, error),
        other => other.into(),
    })
}

/// The failures of SQLite that have a next step of their own.
pub(crate) enum Complaint {
    /// Others use the file, for longer than this.
    Busy { after: Duration },
    /// There is no room for what is to be written.
    Full,
}

impl Complaint {
    /// What this message of SQLite's means.
    pub(crate) fn of(message: &str) -> Option<Self> {
        match message {
            BUSY => Some(Self::Busy { after: BUSY_TIMEOUT }),
            FULL => Some(Self::Full),
            _ => None,
        }
    }
}

/// What SQLite says about a file when it reads it for the first time.
fn explain(path: PathBuf, error: Error) -> StoreError {
    let Error::DatabaseError(_, info) = &error else { return error.into() };
    match info.message() {
        NOT_A_DATABASE => StoreError::NotADatabase { path, found: FileKind::OtherFormat },
        NOT_WRITABLE => StoreError::HotJournal { path, source: error.into() },
        _ => error.into(),
    }
}

async fn connect(uri: &str, access: Access) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(uri).await?;
    let set_up = match access {
        Access::Inspect | Access::Read => SET_UP_READER,
        Access::Write => SET_UP_WRITER,
    };
    let timeout = BUSY_TIMEOUT.as_millis();
    let statements = format!("PRAGMA busy_timeout = {timeout}; {DISTRUST_FILE} {set_up} {READ}");
    let done: QueryResult<()> = connection.batch_execute(&statements).await;
    done.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A URI that opens the file at `path` and never creates one.
fn uri(path: &Path, access: Access) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::File {
        path: path.into(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidFilename, "the path is not UTF-8"),
    })?;
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let mode = match access {
        Access::Inspect | Access::Read => "ro",
        Access::Write => "rw",
    };
    Ok(format!("file:{escaped}?mode={mode}"))
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    use diesel_async::RunQueryDsl;

    use super::*;

    /// Small enough that one large value finds no room.
    const SMALL: &str = "CREATE TABLE t (x BLOB); PRAGMA max_page_count = 4;";

    #[test]
    fn full_disk_is_told_from_another_failure() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute(SMALL).unwrap();
        let error = connection.batch_execute("INSERT INTO t VALUES (zeroblob(1000000))");
        let error = StoreError::from(error.unwrap_err());
        assert!(matches!(error, StoreError::DiskFull(_)), "{error:?}");
        let error = StoreError::from(connection.batch_execute("nonsense").unwrap_err());
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        connection.batch_execute("INSERT INTO t VALUES (zeroblob(1))").unwrap();
    }

    #[tokio::test]
    async fn a_schema_that_somebody_else_made_calls_nothing_harmful() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let mut owner = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let hostile = "CREATE TABLE plain (x); CREATE VIEW sound AS SELECT x FROM plain; \
                       CREATE VIEW hostile AS SELECT name AS x FROM pragma_database_list;";
        owner.batch_execute(hostile).unwrap();
        owner.batch_execute("SELECT x FROM hostile").unwrap();
        for access in [Access::Inspect, Access::Read, Access::Write] {
            let mut connection = connect(&uri(&path, access).unwrap(), access).await.unwrap();
            connection.batch_execute("SELECT x FROM sound").await.unwrap();
            let refused = connection.batch_execute("SELECT x FROM hostile").await.unwrap_err();
            assert!(refused.to_string().contains("unsafe use"), "{refused}");
            for (setting, expected) in [("trusted_schema", 0), ("cell_size_check", 1)] {
                let found = format!("SELECT {setting} AS value FROM pragma_{setting}");
                let found = diesel::sql_query(found).get_result::<Setting>(&mut connection).await;
                assert_eq!(found.unwrap().value, expected, "{setting}");
            }
        }
    }

    #[derive(diesel::QueryableByName)]
    struct Setting {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        value: i64,
    }
}
