use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use deadpool::managed;

use crate::url::Location;
use crate::{DatabaseUrl, SchemaStatus, StoreError, backend, migrate};

/// How long an operation may take, waiting for a connection included. Longer
/// than what the databases are told themselves, so that their answer comes first.
const OPERATION_LIMIT: Duration = Duration::from_secs(15);

const POOL_SIZE: usize = 8;

/// A store: a pool of connections to one database.
///
/// Clones share the pool.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: Pool,
}

/// What an idempotent change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It was made.
    Made(T),
    /// It had been made before: nothing was changed.
    AlreadySo(T),
}

impl<T> Change<T> {
    /// What the change is about, made now or before.
    pub fn into_inner(self) -> T {
        match self {
            Self::Made(value) | Self::AlreadySo(value) => value,
        }
    }
}

impl Store {
    /// Opens a database that exists and whose tables are up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoDatabase`] and [`StoreError::SchemaOutdated`] if it is to
    /// be [migrated](Self::migrate) first; nothing is created.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let store = Self::connect(url)?;
        match store.schema_status().await? {
            SchemaStatus::Current => Ok(store),
            SchemaStatus::Outdated { missing } => Err(StoreError::SchemaOutdated { missing }),
            SchemaStatus::TooNew { unknown } => Err(StoreError::SchemaTooNew { unknown }),
        }
    }

    /// Opens a database after bringing its tables up to date; a SQLite file is
    /// made if there is none, readable by its owner only. Says which migrations
    /// were applied.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(Self, Vec<&'static str>), StoreError> {
        #[cfg(feature = "sqlite")]
        if let Some(path) = url.sqlite_path() {
            backend::sqlite::create_file(path)?;
        }
        let store = Self::connect(url)?;
        let applied = match store.schema_status().await? {
            SchemaStatus::Current => Vec::new(),
            SchemaStatus::Outdated { .. } => migrate::apply(&store).await?,
            SchemaStatus::TooNew { unknown } => return Err(StoreError::SchemaTooNew { unknown }),
        };
        Ok((store, applied))
    }

    fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let pool = match &url.0 {
            #[cfg(feature = "sqlite")]
            Location::Sqlite(path) => Pool::Sqlite(build(backend::sqlite::Manager::new(path)?)?),
            #[cfg(not(feature = "sqlite"))]
            Location::Sqlite(_) => {
                return Err(StoreError::unavailable(crate::UrlError::BackendNotBuilt {
                    backend: "sqlite",
                }));
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(config) => {
                Pool::Postgres(build(backend::postgres::Manager::new(config))?)
            }
        };
        Ok(Self { pool })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(managed::Pool<backend::sqlite::Manager>),
    #[cfg(feature = "postgres")]
    Postgres(managed::Pool<backend::postgres::Manager>),
}

/// Runs a question on a pooled connection: `read!(store, |conn| { … })`.
///
/// The body is written once and compiled for each kind of connection. It owns
/// what it names, and yields `Result<_, StoreError>`.
macro_rules! read {
    ($store:expr, |$conn:ident| $body:block) => {
        $crate::pool::on_a_connection!($store, in_time_to_read, |guard| {
            let $conn = &mut *guard;
            $body
        })
    };
}
pub(crate) use read;

/// Runs a change in one transaction: `write!(store, |conn| { … })`. An error
/// rolls it back.
macro_rules! write {
    ($store:expr, |$conn:ident| $body:block) => {
        $crate::pool::on_a_connection!($store, in_time_to_write, |guard| {
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
pub(crate) use write;

macro_rules! on_a_connection {
    ($store:expr, $limit:ident, |$guard:ident| $body:block) => {
        match $store.pool.clone() {
            #[cfg(feature = "sqlite")]
            $crate::pool::Pool::Sqlite(pool) => {
                $crate::pool::$limit(async move {
                    let mut $guard = pool.get().await.map_err($crate::StoreError::unavailable)?;
                    $body
                })
                .await
            }
            #[cfg(feature = "postgres")]
            $crate::pool::Pool::Postgres(pool) => {
                $crate::pool::$limit(async move {
                    let mut $guard = pool.get().await.map_err($crate::StoreError::unavailable)?;
                    $body
                })
                .await
            }
        }
    };
}
pub(crate) use on_a_connection;

pub(crate) async fn in_time_to_read<T: Send + 'static>(
    operation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let late = StoreError::TimedOut { after: OPERATION_LIMIT };
    detached(operation).await.unwrap_or(Err(late))
}

pub(crate) async fn in_time_to_write<T: Send + 'static>(
    operation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let late = StoreError::TimedOut { after: OPERATION_LIMIT };
    detached(operation).await.unwrap_or(Err(StoreError::OutcomeUnknown(late.into())))
}

/// Runs to its end in a task of its own, whether or not somebody still waits: a
/// dropped operation would leave its transaction open in the pool. `None` when
/// it takes too long.
async fn detached<T: Send + 'static>(
    operation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Option<Result<T, StoreError>> {
    let task = tokio::spawn(operation);
    match tokio::time::timeout(OPERATION_LIMIT, task).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(panicked)) => Some(Err(StoreError::unavailable(panicked))),
        Err(_) => None,
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
