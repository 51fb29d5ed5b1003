mod operation;

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use deadpool::managed;

use crate::url::Location;
use crate::{DatabaseUrl, StoreError, backend};

/// What a store's connections are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    pub(crate) fn require_write(self) -> Result<(), StoreError> {
        match self {
            Self::Read => Err(StoreError::OpenedReadOnly),
            Self::Write => Ok(()),
        }
    }
}

pub(crate) use operation::{Deadline, read_in_time, written_by};

/// How long an operation may take, waiting for a connection included. Longer
/// than what the databases are told themselves, so that their answer comes first.
pub(crate) const OPERATION_LIMIT: Duration = Duration::from_secs(15);

/// How long one may take that goes through all there is.
pub(crate) const LONG_OPERATION_LIMIT: Duration = Duration::from_secs(30 * 60);

const POOL_SIZE: usize = 8;

/// Connections to one database. Clones share them.
#[derive(Clone)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(managed::Pool<backend::sqlite::Manager>),
    #[cfg(feature = "postgres")]
    Postgres(managed::Pool<backend::postgres::Manager>),
}

impl Pool {
    pub(crate) fn is_postgres(&self) -> bool {
        match self.clone() {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// Makes no connection yet.
    pub(crate) fn connect(url: &DatabaseUrl, access: Access) -> Result<Self, StoreError> {
        match &url.0 {
            #[cfg(feature = "sqlite")]
            Location::Sqlite(target) => {
                build(backend::sqlite::Manager::new(target, access)?).map(Self::Sqlite)
            }
            #[cfg(not(feature = "sqlite"))]
            Location::Sqlite(_) => {
                let _ = access;
                Err(StoreError::unavailable(crate::UrlError::BackendNotBuilt { backend: "sqlite" }))
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => {
                build(backend::postgres::Manager::new(target)?).map(Self::Postgres)
            }
        }
    }
}

/// Runs a question on a pooled connection: `read!(pool, |conn| { … })`.
///
/// The body is written once and compiled for each kind of connection. It owns
/// what it names, and yields `Result<_, StoreError>`.
macro_rules! read {
    ($pool:expr, |$conn:ident| $body:block) => {
        $crate::pool::on_a_connection!($pool, $crate::pool::read_in_time, |guard| {
            let $conn = &mut *guard;
            $body
        })
    };
}
pub(crate) use read;

/// Makes a change of a store in one transaction: `change!(store, |conn| { … })`. An
/// error rolls it back, and so does a store other than the one that was seen before, or
/// an older state of it: what is changed there is not changed here.
macro_rules! change {
    ($store:expr, |$conn:ident| $body:block) => {
        $crate::pool::in_this_store!($store, $crate::pool::OPERATION_LIMIT, |$conn| $body)
    };
}
pub(crate) use change;

/// The same for a change that goes through all there is.
macro_rules! change_long {
    ($store:expr, |$conn:ident| $body:block) => {
        $crate::pool::in_this_store!($store, $crate::pool::LONG_OPERATION_LIMIT, |$conn| $body)
    };
}
pub(crate) use change_long;

macro_rules! in_this_store {
    ($store:expr, $limit:expr, |$conn:ident| $body:block) => {{
        let (seen, before) = ($store.seen.clone(), $store.seen.latest());
        let access = $store.access;
        let deadline = $crate::pool::Deadline::new($limit);
        let waited = deadline.clone();
        $crate::pool::on_a_connection!($store.pool, $crate::pool::written_by, waited, |guard| {
            access.require_write()?;
            $crate::backend::Transaction::begin(&mut *guard).await?;
            let result: Result<_, $crate::StoreError> = async {
                let $conn = &mut *guard;
                let origin = $crate::store_state::AskOrigin::origin($conn).await?;
                seen.accept(origin, before, $conn).await?;
                let changed: Result<_, $crate::StoreError> = async {
                    let $conn = &mut *$conn;
                    $body
                }
                .await;
                let (value, made) = (changed?, seen.conclude($conn).await?);
                let changed = made.changes(&origin);
                Ok((value, made, changed))
            }
            .await;
            let ended = $crate::backend::Transaction::end(&mut *guard, result, &deadline).await;
            let (value, made, changed) = ended?;
            seen.committed(made, &mut *guard).await;
            if changed {
                $crate::backend::Transaction::announce_change(&mut *guard).await;
            }
            Ok(value)
        })
    }};
}
pub(crate) use in_this_store;

/// Runs statements in one transaction: `write!(pool, |conn| { … })`. An error rolls it
/// back.
macro_rules! write {
    ($pool:expr, |$conn:ident| $body:block) => {
        $crate::pool::in_a_transaction!($pool, $crate::pool::OPERATION_LIMIT, |$conn| $body)
    };
}
pub(crate) use write;

macro_rules! in_a_transaction {
    ($pool:expr, $limit:expr, |$conn:ident| $body:block) => {{
        let deadline = $crate::pool::Deadline::new($limit);
        let waited = deadline.clone();
        $crate::pool::on_a_connection!($pool, $crate::pool::written_by, waited, |guard| {
            $crate::backend::Transaction::begin(&mut *guard).await?;
            let result: Result<_, $crate::StoreError> = async {
                let $conn = &mut *guard;
                $body
            }
            .await;
            $crate::backend::Transaction::end(&mut *guard, result, &deadline).await
        })
    }};
}
pub(crate) use in_a_transaction;

/// Boxed, because a query's type carries its whole statement: the futures of both
/// kinds of connection would lie on the stack of every caller.
macro_rules! on_a_connection {
    ($pool:expr, $run:path, $($deadline:ident,)? |$guard:ident| $body:block) => {
        match $pool.clone() {
            #[cfg(feature = "sqlite")]
            $crate::pool::Pool::Sqlite(connections) => {
                $run($($deadline,)? Box::pin(async move {
                    let mut $guard =
                        connections.get().await.map_err($crate::pool::no_connection)?;
                    $body
                }))
                .await
            }
            #[cfg(feature = "postgres")]
            $crate::pool::Pool::Postgres(connections) => {
                $run($($deadline,)? Box::pin(async move {
                    let mut pooled =
                        connections.get().await.map_err($crate::pool::no_connection)?;
                    let observed = pooled.observed.clone();
                    let result: Result<_, $crate::StoreError> = async {
                        let $guard = &mut pooled.connection;
                        $body
                    }
                    .await;
                    observed.conclude(result)
                }))
                .await
            }
        }
    };
}
pub(crate) use on_a_connection;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
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

/// Why there is no connection. The wait for one may take as long as all of an operation:
/// whichever of the two ends first, the error is the same.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn no_connection(error: managed::PoolError<StoreError>) -> StoreError {
    match error {
        managed::PoolError::Timeout(_) => StoreError::TimedOut { after: OPERATION_LIMIT },
        managed::PoolError::Backend(error) => error,
        other => StoreError::unavailable(other.to_string()),
    }
}

/// The present, to the microsecond that both databases keep.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres")))]
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
