use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use deadpool::managed;
use diesel::QueryResult;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};

use super::{SqliteConnection, keep_unless_broken};
use crate::StoreError;

/// The first makes whatever comes after it wait for a busy writer.
const SET_UP: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; \
                      PRAGMA foreign_keys = ON;";

/// How often others may be in the way of a file's first use.
const ATTEMPTS: usize = 100;

/// A URI that opens the file at `path` and never creates one.
fn uri(path: &Path) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::File {
        path: path.into(),
        source: io::Error::new(io::ErrorKind::InvalidFilename, "the path is not UTF-8"),
    })?;
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{escaped}?mode=rw"))
}

/// Makes an empty file that only its owner can read, if there is none.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    let create = || {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map(drop),
        }
    };
    create().map_err(|source| StoreError::File { path: path.into(), source })
}

/// Makes connections to one file, which it never creates.
pub(crate) struct Manager {
    uri: String,
}

impl Manager {
    pub(crate) fn new(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { uri: uri(path)? })
    }
}

impl managed::Manager for Manager {
    type Type = SqliteConnection;
    type Error = StoreError;

    async fn create(&self) -> Result<SqliteConnection, StoreError> {
        let mut connection = SqliteConnection::establish(&self.uri).await?;
        set_up(&mut connection).await?;
        Ok(connection)
    }

    async fn recycle(
        &self,
        connection: &mut SqliteConnection,
        _: &managed::Metrics,
    ) -> managed::RecycleResult<StoreError> {
        keep_unless_broken(connection)
    }
}

async fn set_up(connection: &mut SqliteConnection) -> QueryResult<()> {
    const USE_WAL: &str = "PRAGMA journal_mode = WAL";
    connection.batch_execute(SET_UP).await?;
    for _ in 0..ATTEMPTS {
        if connection.batch_execute(USE_WAL).await.is_ok() {
            return Ok(());
        }
        // Where others make the same change, SQLite gives it up at once; to write it waits.
        connection.batch_execute("BEGIN IMMEDIATE; COMMIT").await?;
    }
    connection.batch_execute(USE_WAL).await
}
