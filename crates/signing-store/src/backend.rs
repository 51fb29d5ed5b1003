//! The two kinds of connection, and how one is made.

#[cfg(feature = "sqlite")]
use diesel::connection::AnsiTransactionManager;
use diesel::result::{DatabaseErrorKind as Kind, Error};
use diesel_async::{AsyncConnection, TransactionManager};

use crate::StoreError;

#[cfg(feature = "sqlite")]
pub(crate) type SqliteConnection =
    diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

#[cfg(feature = "postgres")]
pub(crate) type PgConnection = diesel_async::AsyncPgConnection;

/// Implements a trait with one body for both kinds of connection.
macro_rules! impl_for_connections {
    ($trait:ident { $($body:tt)* }) => {
        #[cfg(feature = "sqlite")]
        impl $trait for $crate::backend::SqliteConnection { $($body)* }

        #[cfg(feature = "postgres")]
        impl $trait for $crate::backend::PgConnection { $($body)* }
    };
}
pub(crate) use impl_for_connections;

/// A transaction around a change.
pub(crate) trait Transaction: Send {
    async fn begin(&mut self) -> Result<(), StoreError>;

    async fn commit(&mut self) -> diesel::QueryResult<()>;

    async fn rollback(&mut self) -> diesel::QueryResult<()>;

    /// Commits what succeeded and rolls back what did not.
    async fn end<T: Send>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(value) => match self.commit().await {
                Ok(()) => Ok(value),
                Err(refused @ Error::DatabaseError(Kind::SerializationFailure, _)) => {
                    Err(refused.into())
                }
                Err(unanswered) => Err(StoreError::OutcomeUnknown(unanswered.into())),
            },
            Err(error) => {
                // If this fails too the connection is broken, and the database
                // rolls back what it has of it.
                let _ = self.rollback().await;
                Err(error)
            }
        }
    }
}

#[cfg(feature = "sqlite")]
impl Transaction for SqliteConnection {
    /// A deferred transaction would fail when another writer comes first.
    async fn begin(&mut self) -> Result<(), StoreError> {
        Ok(self
            .spawn_blocking(|connection| {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
            })
            .await?)
    }

    async fn commit(&mut self) -> diesel::QueryResult<()> {
        <Self as AsyncConnection>::TransactionManager::commit_transaction(self).await
    }

    async fn rollback(&mut self) -> diesel::QueryResult<()> {
        <Self as AsyncConnection>::TransactionManager::rollback_transaction(self).await
    }
}

#[cfg(feature = "postgres")]
impl Transaction for PgConnection {
    async fn begin(&mut self) -> Result<(), StoreError> {
        Ok(<Self as AsyncConnection>::TransactionManager::begin_transaction(self).await?)
    }

    async fn commit(&mut self) -> diesel::QueryResult<()> {
        <Self as AsyncConnection>::TransactionManager::commit_transaction(self).await
    }

    async fn rollback(&mut self) -> diesel::QueryResult<()> {
        <Self as AsyncConnection>::TransactionManager::rollback_transaction(self).await
    }
}

#[cfg(feature = "sqlite")]
pub(crate) mod sqlite {
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    use std::path::Path;

    use deadpool::managed;
    use diesel_async::{AsyncConnection, SimpleAsyncConnection};

    use super::SqliteConnection;
    use crate::StoreError;

    /// In this order: the first makes the others wait for a busy writer.
    const SET_UP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                          PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

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
        type Error = diesel::ConnectionError;

        async fn create(&self) -> Result<SqliteConnection, diesel::ConnectionError> {
            let mut connection = SqliteConnection::establish(&self.uri).await?;
            connection
                .batch_execute(SET_UP)
                .await
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }

        async fn recycle(
            &self,
            connection: &mut SqliteConnection,
            _: &managed::Metrics,
        ) -> managed::RecycleResult<diesel::ConnectionError> {
            super::keep_unless_broken(connection)
        }
    }
}

#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    use std::time::Duration;

    use deadpool::managed;
    use diesel_async::SimpleAsyncConnection;
    use tokio_postgres::NoTls;

    use super::PgConnection;

    /// The server gives up before we stop waiting for it, so that an operation
    /// whose answer we no longer read does not go on for ever.
    const SET_UP: &str = "SET statement_timeout = '10s'; SET lock_timeout = '10s'; \
                          SET idle_in_transaction_session_timeout = '30s'; \
                          SET application_name = 'cloacina';";

    /// Makes connections to one server.
    pub(crate) struct Manager {
        config: tokio_postgres::Config,
    }

    impl Manager {
        pub(crate) fn new(config: &tokio_postgres::Config) -> Self {
            let mut config = config.clone();
            config.connect_timeout(Duration::from_secs(5));
            Self { config }
        }
    }

    impl managed::Manager for Manager {
        type Type = PgConnection;
        type Error = diesel::ConnectionError;

        async fn create(&self) -> Result<PgConnection, diesel::ConnectionError> {
            let (client, connection) = self
                .config
                .connect(NoTls)
                .await
                .map_err(|error| diesel::ConnectionError::BadConnection(chain(&error)))?;
            let mut connection =
                PgConnection::try_from_client_and_connection(client, connection).await?;
            connection
                .batch_execute(SET_UP)
                .await
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }

        async fn recycle(
            &self,
            connection: &mut PgConnection,
            _: &managed::Metrics,
        ) -> managed::RecycleResult<diesel::ConnectionError> {
            super::keep_unless_broken(connection)
        }
    }

    /// Diesel keeps text only, and tokio-postgres tells the reason in the source.
    fn chain(error: &tokio_postgres::Error) -> String {
        match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }
}

/// A connection that is closed or still within a transaction is not used again.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn keep_unless_broken<C: diesel_async::pooled_connection::PoolableConnection>(
    connection: &mut C,
) -> deadpool::managed::RecycleResult<diesel::ConnectionError> {
    if connection.is_broken() {
        return Err(deadpool::managed::RecycleError::message("the connection is broken"));
    }
    Ok(())
}
