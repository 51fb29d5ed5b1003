//! What somebody tried, one module for each way in. What must happen stands beside it.

#[cfg(feature = "postgres")]
mod false_server;
