use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use deadpool::managed;
use tokio::runtime::Handle;

use crate::url::Location;
use crate::{DatabaseUrl, StoreError, backend};

/// How long an operation may take, waiting for a connection included. Longer
/// than what the databases are told themselves, so that their answer comes first.
const OPERATION_LIMIT: Duration = Duration::from_secs(15);

/// How long one may take that goes through all there is.
const LONG_OPERATION_LIMIT: Duration = Duration::from_secs(30 * 60);

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
    pub(crate) fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        match &url.0 {
            #[cfg(feature = "sqlite")]
            Location::Sqlite(path) => build(backend::sqlite::Manager::new(path)?).map(Self::Sqlite),
            #[cfg(not(feature = "sqlite"))]
            Location::Sqlite(_) => {
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
        $crate::pool::on_a_connection!($pool, in_time_to_read, |guard| {
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
        $crate::pool::in_this_store!($store, in_time_to_write, |$conn| $body)
    };
}
pub(crate) use change;

/// The same for a change that goes through all there is.
macro_rules! change_long {
    ($store:expr, |$conn:ident| $body:block) => {
        $crate::pool::in_this_store!($store, in_long_time_to_write, |$conn| $body)
    };
}
pub(crate) use change_long;

macro_rules! in_this_store {
    ($store:expr, $limit:ident, |$conn:ident| $body:block) => {{
        let (seen, before) = ($store.seen.clone(), $store.seen.latest());
        $crate::pool::on_a_connection!($store.pool, $limit, |guard| {
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
                Ok((changed?, seen.conclude($conn).await?))
            }
            .await;
            let (value, made) = $crate::backend::Transaction::end(&mut *guard, result).await?;
            seen.committed(made, &mut *guard).await;
            Ok(value)
        })
    }};
}
pub(crate) use in_this_store;

/// Runs statements in one transaction: `write!(pool, |conn| { … })`. An error rolls it
/// back.
macro_rules! write {
    ($pool:expr, |$conn:ident| $body:block) => {
        $crate::pool::in_a_transaction!($pool, in_time_to_write, |$conn| $body)
    };
}
pub(crate) use write;

macro_rules! in_a_transaction {
    ($pool:expr, $limit:ident, |$conn:ident| $body:block) => {
        $crate::pool::on_a_connection!($pool, $limit, |guard| {
            $crate::backend::Transaction::begin(&mut *guard).await?;
            let result: Result<_, $crate::StoreError> = async {
                let $conn = &mut *guard;
                $body
            }
            .await;
            $crate::backend::Transaction::end(&mut *guard, result).await
        })
    };
}
pub(crate) use in_a_transaction;

/// Boxed, because a query's type carries its whole statement: the futures of both
/// kinds of connection would lie on the stack of every caller.
macro_rules! on_a_connection {
    ($pool:expr, $limit:ident, |$guard:ident| $body:block) => {
        match $pool.clone() {
            #[cfg(feature = "sqlite")]
            $crate::pool::Pool::Sqlite(connections) => {
                $crate::pool::$limit(Box::pin(async move {
                    let mut $guard =
                        connections.get().await.map_err($crate::StoreError::unavailable)?;
                    $body
                }))
                .await
            }
            #[cfg(feature = "postgres")]
            $crate::pool::Pool::Postgres(connections) => {
                $crate::pool::$limit(Box::pin(async move {
                    let mut $guard =
                        connections.get().await.map_err($crate::StoreError::unavailable)?;
                    $body
                }))
                .await
            }
        }
    };
}
pub(crate) use on_a_connection;

pub(crate) async fn in_time_to_read<T: Send + 'static>(
    operation: Operation<T>,
) -> Result<T, StoreError> {
    let late = StoreError::TimedOut { after: OPERATION_LIMIT };
    detached(operation, OPERATION_LIMIT).await.unwrap_or(Err(late))
}

pub(crate) async fn in_time_to_write<T: Send + 'static>(
    operation: Operation<T>,
) -> Result<T, StoreError> {
    written_within(OPERATION_LIMIT, operation).await
}

pub(crate) async fn in_long_time_to_write<T: Send + 'static>(
    operation: Operation<T>,
) -> Result<T, StoreError> {
    written_within(LONG_OPERATION_LIMIT, operation).await
}

async fn written_within<T: Send + 'static>(
    after: Duration,
    operation: Operation<T>,
) -> Result<T, StoreError> {
    let late = StoreError::OutcomeUnknown(StoreError::TimedOut { after }.into());
    detached(operation, after).await.unwrap_or(Err(late))
}

/// Runs to its end whether or not somebody still waits. `None` when it takes too
/// long.
async fn detached<T: Send + 'static>(
    operation: Operation<T>,
    limit: Duration,
) -> Option<Result<T, StoreError>> {
    tokio::time::timeout(limit, Detached::new(operation)).await.ok()
}

type Operation<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// An operation that goes on in a task of its own when it is no longer waited for: a
/// dropped one would leave its transaction open in the pool. Until then it runs in its
/// caller's task, which saves the way to another thread and back.
struct Detached<T: Send + 'static> {
    operation: Option<Operation<T>>,
    runtime: Handle,
}

impl<T: Send + 'static> Detached<T> {
    fn new(operation: Operation<T>) -> Self {
        Self { operation: Some(operation), runtime: Handle::current() }
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out meanwhile: one that panics is not polled again.
        let Some(mut operation) = self.operation.take() else { return Poll::Pending };
        let polled = operation.as_mut().poll(context);
        if polled.is_pending() {
            self.operation = Some(operation);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        if let Some(operation) = self.operation.take() {
            self.runtime.spawn(operation);
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn build<M: managed::Manager>(manager: M) -> Result<managed::Pool<M>, StoreError> {
    managed::Pool::builder(manager)
        .max_size(POOL_SIZE)
        .wait_timeout(Some(OPERATION_LIMIT))
        .create_timeout(Some(OPERATION_LIMIT))
        .recycle_timeout(Some(OPERATION_LIMIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(StoreError::unavailable)
}

/// The present, to the microsecond that both databases keep.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
