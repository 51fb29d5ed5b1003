//! The two kinds of connection, and what is done with either.

pub(crate) mod access;
pub(crate) mod connection;
pub(crate) mod deadline;
mod failure;
pub(crate) mod origin;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod path_walk;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod pooled;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "postgres")]
mod root_file;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
#[cfg(feature = "postgres")]
mod tls;
pub(crate) mod transaction;

pub(crate) use connection::{connection_trait, impl_for_connections};
