use crate::error::StoreError;

#[cfg(feature = "sqlite")]
pub(crate) type SqliteConnection =
    diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

#[cfg(feature = "postgres")]
pub(crate) type PgConnection = diesel_async::AsyncPgConnection;

/// Implements a trait with one body for both kinds of connection.
macro_rules! impl_for_connections {
    ($trait:ident { $($body:tt)* }) => {
        #[cfg(feature = "sqlite")]
        impl $trait for $crate::backend::connection::SqliteConnection { $($body)* }

        #[cfg(feature = "postgres")]
        impl $trait for $crate::backend::connection::PgConnection { $($body)* }
    };
}
pub(crate) use impl_for_connections;

/// A connection that is closed or still within a transaction is not used again.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn keep_unless_broken<C: diesel_async::pooled_connection::PoolableConnection>(
    connection: &mut C,
) -> deadpool::managed::RecycleResult<StoreError> {
    if connection.is_broken() {
        return Err(deadpool::managed::RecycleError::message("the connection is broken"));
    }
    Ok(())
}
