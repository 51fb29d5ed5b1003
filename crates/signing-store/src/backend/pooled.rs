use deadpool::managed;

use super::deadline::OPERATION_LIMIT;
use crate::error::StoreError;

const POOL_SIZE: usize = 8;

/// A connection that was taken from a pool.
pub(crate) trait CheckedOut {
    type Connection;

    fn connection(&mut self) -> &mut Self::Connection;

    /// The result of what was done on the connection, with the reason that the server gave,
    /// or the processes that lock the file.
    fn conclude<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError>;
}

#[cfg(feature = "sqlite")]
impl CheckedOut for managed::Object<super::sqlite::Manager> {
    type Connection = super::connection::SqliteConnection;

    fn connection(&mut self) -> &mut Self::Connection {
        self
    }

    fn conclude<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match Self::pool(self) {
            Some(pool) => result.map_err(|error| pool.manager().name_lock_holders(error)),
            None => result,
        }
    }
}

#[cfg(feature = "postgres")]
impl CheckedOut for super::postgres::Pooled {
    type Connection = super::connection::PgConnection;

    fn connection(&mut self) -> &mut Self::Connection {
        &mut self.connection
    }

    fn conclude<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        self.observed.conclude(result)
    }
}

pub(crate) fn build<M: managed::Manager>(manager: M) -> Result<managed::Pool<M>, StoreError> {
    managed::Pool::builder(manager)
        .max_size(POOL_SIZE)
        .wait_timeout(Some(OPERATION_LIMIT))
        .create_timeout(Some(OPERATION_LIMIT))
        .recycle_timeout(Some(OPERATION_LIMIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(StoreError::unavailable)
}

pub(crate) async fn check_out<M>(
    connections: &managed::Pool<M>,
) -> Result<managed::Object<M>, StoreError>
where
    M: managed::Manager<Error = StoreError>,
{
    connections.get().await.map_err(no_connection)
}

/// Why there is no connection. The wait for one may take as long as all of an operation:
/// whichever of the two ends first, the error is the same.
fn no_connection(error: managed::PoolError<StoreError>) -> StoreError {
    match error {
        managed::PoolError::Timeout(_) => StoreError::TimedOut { after: OPERATION_LIMIT },
        managed::PoolError::Backend(error) => error,
        other => StoreError::unavailable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use deadpool::managed::{PoolError, TimeoutType};

    use super::*;

    #[test]
    fn wait_for_a_connection_that_was_too_long_is_a_time_out() {
        for wait in [TimeoutType::Wait, TimeoutType::Create, TimeoutType::Recycle] {
            let error = no_connection(PoolError::Timeout(wait));
            assert!(matches!(error, StoreError::TimedOut { after } if after == OPERATION_LIMIT));
        }
    }

    #[test]
    fn reason_why_there_is_no_connection_is_what_is_said() {
        let error = no_connection(PoolError::Backend(StoreError::InRecovery));
        assert!(matches!(error, StoreError::InRecovery));
    }
}
