use diesel::result::{DatabaseErrorKind as Kind, Error};
use diesel_async::{AsyncConnection, TransactionManager};

#[cfg(feature = "postgres")]
use super::connection::PgConnection;
#[cfg(feature = "sqlite")]
use super::connection::SqliteConnection;
use super::deadline::Deadline;
#[cfg(feature = "postgres")]
use super::postgres;
use crate::error::StoreError;

/// A transaction around a change.
pub(crate) trait Transaction: AsyncConnection {
    async fn begin(&mut self) -> Result<(), StoreError> {
        Ok(Self::TransactionManager::begin_transaction(self).await?)
    }

    /// Tells programs that listen that trust has changed. To be called after the commit.
    async fn announce_change(&mut self) {}

    /// Whether a change was made is not known if its commit was not answered.
    fn failed_commit(error: Error) -> StoreError {
        StoreError::OutcomeUnknown(error.into())
    }

    /// Commits what succeeded in time, and rolls back what did not.
    async fn end<T: Send>(
        &mut self,
        result: Result<T, StoreError>,
        deadline: &Deadline,
    ) -> Result<T, StoreError> {
        match result.and_then(|value| deadline.may_commit().map(|()| value)) {
            Ok(value) => match Self::TransactionManager::commit_transaction(self).await {
                Ok(()) => Ok(value),
                Err(refused @ Error::DatabaseError(Kind::SerializationFailure, _)) => {
                    Err(refused.into())
                }
                Err(error) => Err(Self::failed_commit(error)),
            },
            Err(error) => {
                // If this fails too the connection is broken, and the database
                // rolls back what it has of it.
                let _ = Self::TransactionManager::rollback_transaction(self).await;
                Err(error)
            }
        }
    }
}

#[cfg(feature = "postgres")]
impl Transaction for PgConnection {
    /// Does not fail: the change is made. A process that does not hear of it
    /// finds out by the next heartbeat.
    async fn announce_change(&mut self) {
        if let Err(error) = postgres::notify(self).await {
            tracing::warn!(%error, "a change of trust was made, and could not be announced");
        }
    }
}

#[cfg(feature = "sqlite")]
impl Transaction for SqliteConnection {
    /// A deferred transaction would fail when another writer comes first.
    async fn begin(&mut self) -> Result<(), StoreError> {
        use diesel::connection::AnsiTransactionManager;

        let immediate = |connection: &mut diesel::SqliteConnection| {
            AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")
        };
        Ok(self.spawn_blocking(immediate).await?)
    }

    /// SQLite does not commit while others read for too long. diesel then rolls back, which
    /// only succeeds if nothing was committed.
    fn failed_commit(error: Error) -> StoreError {
        match error {
            Error::RollbackErrorOnCommit { .. } => StoreError::OutcomeUnknown(error.into()),
            rolled_back => rolled_back.into(),
        }
    }
}
