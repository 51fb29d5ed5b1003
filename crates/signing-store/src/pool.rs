//! Connections to one database, and how a question is asked on one.

mod operation;

use std::time::SystemTime;

use chrono::{DateTime, SubsecRound, Utc};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use deadpool::managed;

use crate::backend::access::Access;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::backend::{self, pooled};
use crate::error::StoreError;
use crate::url::{DatabaseUrl, Location};

pub(crate) use operation::{read_in_time, run_to_the_end};

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

    /// Other connections to the same database. Makes none yet.
    pub(crate) fn with_own_connections(&self) -> Result<Self, StoreError> {
        match self.clone() {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => pooled::build(pool.manager().clone()).map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pooled::build(pool.manager().clone()).map(Self::Postgres),
        }
    }

    /// Makes no connection yet.
    pub(crate) fn connect(url: &DatabaseUrl, access: Access) -> Result<Self, StoreError> {
        match &url.0 {
            #[cfg(feature = "sqlite")]
            Location::Sqlite(target) => {
                pooled::build(backend::sqlite::Manager::new(target, access)?).map(Self::Sqlite)
            }
            #[cfg(not(feature = "sqlite"))]
            Location::Sqlite(_) => {
                let _ = access;
                Err(StoreError::unavailable(crate::error::UrlError::BackendNotBuilt {
                    backend: "sqlite",
                }))
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => {
                pooled::build(backend::postgres::Manager::new(target)?).map(Self::Postgres)
            }
        }
    }
}

/// Runs a question on a pooled connection: `read!(pool, |conn| { … })`, or with a time limit of its
/// own `read!(pool, limit, |conn| { … })`.
///
/// The body is written once and compiled for each kind of connection. It owns what it
/// names, and yields `Result<_, StoreError>`. It is boxed, because a query's type carries
/// its whole statement: the futures of both kinds of connection would lie on the stack of
/// every caller.
macro_rules! read {
    ($pool:expr, |$conn:ident| $body:block) => {
        $crate::pool::read!($pool, $crate::backend::deadline::OPERATION_LIMIT, |$conn| $body)
    };
    ($pool:expr, $limit:expr, |$conn:ident| $body:block) => {
        match $pool.clone() {
            #[cfg(feature = "sqlite")]
            $crate::pool::Pool::Sqlite(connections) => {
                $crate::pool::read_on!(connections, $limit, |$conn| $body)
            }
            #[cfg(feature = "postgres")]
            $crate::pool::Pool::Postgres(connections) => {
                $crate::pool::read_on!(connections, $limit, |$conn| $body)
            }
        }
    };
}
pub(crate) use read;

/// [`read!`] for one kind of connection.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
macro_rules! read_on {
    ($connections:ident, $limit:expr, |$conn:ident| $body:block) => {{
        use $crate::backend::pooled::{CheckedOut as _, check_out};

        let operation = Box::pin(async move {
            let mut checked_out = check_out(&$connections).await?;
            let $conn = checked_out.connection();
            let result: Result<_, $crate::error::StoreError> = async { $body }.await;
            checked_out.conclude(result)
        });
        $crate::pool::read_in_time($limit, operation).await
    }};
}
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use read_on;

/// The present, to the microsecond that both databases keep. `Utc::now` would panic before 1970.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(6)
}
