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

/// Declares a trait of both kinds of connection, and implements it with one body for each method.
macro_rules! connection_trait {
    ($(#[$about:meta])* $vis:vis trait $trait:ident {$(
        $(#[$doc:meta])*
        async fn $method:ident(&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $output:ty
        $body:block
    )*}) => {
        $(#[$about])*
        $vis trait $trait {
            $($(#[$doc])* async fn $method(&mut self, $($arg: $type),*) -> $output;)*
        }

        $crate::backend::connection::impl_for_connections!($trait {
            $(async fn $method(&mut $self, $($arg: $type),*) -> $output $body)*
        });
    };
}
pub(crate) use connection_trait;

/// Reads rows by a type's `read` from both databases. One generic implementation would conflict
/// with those that diesel has.
macro_rules! impl_from_sql_row {
    ($row:ty, $columns:ty) => {
        #[cfg(feature = "sqlite")]
        $crate::backend::connection::impl_from_sql_row!($row, $columns, diesel::sqlite::Sqlite);

        #[cfg(feature = "postgres")]
        $crate::backend::connection::impl_from_sql_row!($row, $columns, diesel::pg::Pg);
    };
    ($row:ty, $columns:ty, $backend:ty) => {
        impl diesel::deserialize::FromSqlRow<$columns, $backend> for $row {
            fn build_from_row<'a>(
                row: &impl diesel::row::Row<'a, $backend>,
            ) -> diesel::deserialize::Result<Self> {
                Self::read(row)
            }
        }
    };
}
pub(crate) use impl_from_sql_row;

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
