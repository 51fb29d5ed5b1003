//! What errors mean, by their SQLSTATE (appendix A of Postgres' manual).

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::follow::Observed;
use crate::error::{ConnectError, Source, StoreError};

/// How long the server goes on with a statement, and waits for a lock: the session's
/// settings say so.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);
const LOCK_LIMIT: Duration = Duration::from_secs(8);

/// Why the server refused the login.
pub(super) fn login(error: tokio_postgres::Error, user: &str, database: &str) -> StoreError {
    let state = error.code().cloned();
    let source = words(error);
    match state {
        Some(SqlState::INVALID_PASSWORD) => {
            ConnectError::WrongPassword { user: user.into(), source }.into()
        }
        Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            ConnectError::RoleRefused { user: user.into(), source }.into()
        }
        Some(SqlState::INVALID_CATALOG_NAME) => {
            ConnectError::NoSuchDatabase { database: database.into(), source }.into()
        }
        Some(SqlState::INSUFFICIENT_PRIVILEGE) => {
            let (user, database) = (user.into(), database.into());
            ConnectError::ConnectDenied { user, database, source }.into()
        }
        Some(state) => by_state(&state, source),
        None => StoreError::Unavailable(source),
    }
}

/// Why a statement failed that went past Diesel.
pub(super) fn statement(error: tokio_postgres::Error) -> StoreError {
    match error.code().cloned() {
        Some(state) => by_state(&state, words(error)),
        None => StoreError::unavailable(error),
    }
}

fn by_state(state: &SqlState, source: Source) -> StoreError {
    match *state {
        SqlState::INSUFFICIENT_PRIVILEGE => StoreError::PermissionDenied(source),
        SqlState::DISK_FULL => StoreError::DiskFull(source),
        SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnlyServer,
        SqlState::QUERY_CANCELED => StoreError::TimedOut { after: STATEMENT_LIMIT },
        SqlState::LOCK_NOT_AVAILABLE => StoreError::TimedOut { after: LOCK_LIMIT },
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            StoreError::ServerShutdown(source)
        }
        SqlState::TOO_MANY_CONNECTIONS => ConnectError::TooManyConnections(source).into(),
        _ => StoreError::Unavailable(source),
    }
}

/// The server's own words in one line, if there are any.
fn words(error: tokio_postgres::Error) -> Source {
    match error.as_db_error() {
        Some(said) => {
            let words = format!("{}: {}", said.severity(), said.message());
            let words = [Some(&*words), said.detail(), said.hint()].into_iter().flatten();
            words.collect::<Vec<_>>().join("; ").into()
        }
        None => error.into(),
    }
}

impl Observed {
    /// The end of an operation on a connection: why it failed, if the server has said so.
    pub(crate) fn conclude<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.take_last_error();
        result.map_err(|error| match (error, state) {
            (StoreError::Unavailable(source), Some(state)) => by_state(&state, source),
            (error, _) => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_better_is_not_explained_by_a_state() {
        let denied = || by_state(&SqlState::INSUFFICIENT_PRIVILEGE, "no".into());
        assert!(matches!(denied(), StoreError::PermissionDenied(_)));
        let unknown = by_state(&SqlState::DIVISION_BY_ZERO, "zero".into());
        assert!(matches!(unknown, StoreError::Unavailable(_)));
        let observed = Observed::default();
        let known = observed.conclude::<()>(Err(StoreError::InRecovery));
        assert!(matches!(known, Err(StoreError::InRecovery)));
    }
}
