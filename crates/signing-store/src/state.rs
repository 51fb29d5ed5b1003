//! A transaction in the store that was seen before, and in no other.

mod change;
mod last_seen;
mod origin;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use change::change_on;
pub(crate) use change::{AfterCommit, PendingChange, change};
pub(crate) use last_seen::LastSeen;
pub(crate) use origin::AskOrigin;
