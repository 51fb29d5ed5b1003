use std::sync::Arc;
use std::time::Duration;

use crate::backend::deadline::{Deadline, OPERATION_LIMIT};
use crate::backend::origin::Origin;
use crate::backend::transaction::Transaction;
use crate::error::StoreError;
use crate::pool::Pool;

use super::last_seen::LastSeen;
use super::origin::{AskHistory, AskOrigin};

/// A change that is to be made in one transaction, by [`change!`].
pub(crate) struct PendingChange {
    pub(crate) pool: Pool,
    pub(crate) deadline: Deadline,
    /// What was seen of the store before, unless the change may be made in any store.
    expected: Option<(Arc<LastSeen>, Option<Origin>)>,
}

impl PendingChange {
    /// A change of the store that was seen before, and not of an older state of it.
    pub(crate) fn of(pool: &Pool, seen: &Arc<LastSeen>) -> Self {
        let expected = Some((seen.clone(), seen.latest()));
        let deadline = Deadline::new(OPERATION_LIMIT);
        Self { pool: pool.clone(), deadline, expected }
    }

    /// A change of whatever store is there, or of a database that has none yet.
    pub(crate) fn of_any_store(pool: &Pool) -> Self {
        let deadline = Deadline::new(OPERATION_LIMIT);
        Self { pool: pool.clone(), deadline, expected: None }
    }

    /// The same change, which may take this long.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { deadline: Deadline::new(limit), ..self }
    }

    /// Begins the transaction. Returns where the connection leads, if that is checked.
    pub(crate) async fn begin<C>(&self, connection: &mut C) -> Result<Option<Origin>, StoreError>
    where
        C: Transaction + AskOrigin + AskHistory,
    {
        connection.begin().await?;
        match self.recognize(connection).await {
            Ok(origin) => Ok(origin),
            Err(error) => connection.end(Err(error), &self.deadline).await,
        }
    }

    async fn recognize<C>(&self, connection: &mut C) -> Result<Option<Origin>, StoreError>
    where
        C: AskOrigin + AskHistory,
    {
        let Some((seen, before)) = &self.expected else { return Ok(None) };
        let origin = connection.origin().await?;
        seen.accept(origin, *before, connection).await?;
        Ok(Some(origin))
    }

    /// Commits what succeeded, calls what waits for the commit, and announces the change if it
    /// has changed trust.
    pub(crate) async fn end<C, T: Send>(
        self,
        connection: &mut C,
        begun: Option<Origin>,
        result: Result<T, StoreError>,
        after_commit: AfterCommit,
    ) -> Result<T, StoreError>
    where
        C: Transaction + AskHistory,
    {
        let (Some((seen, _)), Some(before)) = (&self.expected, begun) else {
            let value = connection.end(result, &self.deadline).await?;
            after_commit.run();
            return Ok(value);
        };
        let result = match result {
            Ok(value) => seen.state_after_change(connection).await.map(|after| (value, after)),
            Err(error) => Err(error),
        };
        let (value, after) = connection.end(result, &self.deadline).await?;
        let is_about_trust = after.changes(&before);
        seen.remember_commit(after, connection).await;
        if is_about_trust {
            connection.announce_change().await;
        }
        after_commit.run();
        Ok(value)
    }
}

/// What waits for a commit: it is called when the commit has succeeded, and otherwise not at all.
#[derive(Default)]
pub(crate) struct AfterCommit(Vec<Box<dyn FnOnce() + Send>>);

impl AfterCommit {
    pub(crate) fn add(&mut self, function: impl FnOnce() + Send + 'static) {
        self.0.push(Box::new(function));
    }

    fn run(self) {
        for function in self.0 {
            function();
        }
    }
}

/// Makes a change in one transaction: `change!(store, |conn| { … })`, or with an [`AfterCommit`]
/// `change!(store, |conn, after_commit| { … })`. An error rolls it back. The body is as that of
/// [`read!`](crate::pool::read).
macro_rules! change {
    ($change:expr, |$conn:ident| $body:block) => {
        $crate::state::change!($change, |$conn, _after_commit| $body)
    };
    ($change:expr, |$conn:ident, $after_commit:ident| $body:block) => {{
        let change = $crate::state::PendingChange::from($change);
        match change.pool.clone() {
            #[cfg(feature = "sqlite")]
            $crate::pool::Pool::Sqlite(connections) => {
                $crate::state::change_on!(connections, change, |$conn, $after_commit| $body)
            }
            #[cfg(feature = "postgres")]
            $crate::pool::Pool::Postgres(connections) => {
                $crate::state::change_on!(connections, change, |$conn, $after_commit| $body)
            }
        }
    }};
}
pub(crate) use change;

/// [`change!`] for one kind of connection.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
macro_rules! change_on {
    ($connections:ident, $change:ident, |$conn:ident, $after_commit:ident| $body:block) => {{
        use $crate::backend::pooled::{CheckedOut as _, check_out};

        $crate::pool::run_to_the_end(
            $change.deadline.clone(),
            Box::pin(async move {
                let mut checked_out = check_out(&$connections).await?;
                let connection = checked_out.connection();
                let result = async {
                    let begun = $change.begin(connection).await?;
                    let mut after_commit = $crate::state::AfterCommit::default();
                    let ($conn, $after_commit) = (&mut *connection, &mut after_commit);
                    let result: Result<_, $crate::error::StoreError> = async { $body }.await;
                    $change.end(connection, begun, result, after_commit).await
                }
                .await;
                checked_out.conclude(result)
            }),
        )
        .await
    }};
}
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use change_on;
