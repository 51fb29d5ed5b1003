//! Questions about one key that are asked of Postgres at once.

use deadpool::managed;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, PackageName};

use super::Row;
use super::statement::Questions;
use super::together::Together;
use crate::StoreError;
use crate::backend::postgres::Manager;
use crate::pool::{Pool, no_connection, read_in_time};

pub(super) struct Asked {
    pub(super) org: OrgId,
    pub(super) package: Option<PackageName>,
    pub(super) key: Fingerprint,
}

/// Asks them together.
#[derive(Clone)]
pub(crate) struct Asking(Together<Asked, Vec<Row>>);

impl Asking {
    /// `None` for SQLite, which has no way to be asked so.
    pub(crate) fn of(pool: &Pool) -> Option<Self> {
        match pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => None,
            Pool::Postgres(connections) => {
                let connections = connections.clone();
                Some(Self(Together::new(move |questions| {
                    let connections = connections.clone();
                    // What keeps all from an answer is found again by each that asks alone.
                    Box::pin(
                        async move { ask(connections, questions).await.inspect_err(warn).ok() },
                    )
                })))
            }
        }
    }

    /// The answer, if need be by asking `alone`.
    pub(super) async fn ask(
        &self,
        question: Asked,
        alone: impl Future<Output = Result<Vec<Row>, StoreError>>,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.ask(question, alone).await
    }
}

async fn ask(
    connections: managed::Pool<Manager>,
    questions: Vec<Asked>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut answers: Vec<Vec<Row>> = questions.iter().map(|_| Vec::new()).collect();
    let mut all = Questions::default();
    for Asked { org, package, key } in questions {
        all.push(org, package, key);
    }
    let rows: Vec<(i64, Row)> = read_in_time(Box::pin(async move {
        let mut pooled = connections.get().await.map_err(no_connection)?;
        let result = all.load(&mut pooled.connection).await.map_err(StoreError::from);
        pooled.observed.conclude(result)
    }))
    .await?;
    for (number, row) in rows {
        let answer = usize::try_from(number - 1).ok().and_then(|index| answers.get_mut(index));
        answer.ok_or(StoreError::CorruptRow(NoSuchQuestion.into()))?.push(row);
    }
    Ok(answers)
}

/// It would cost time each time, and nobody would notice.
fn warn(error: &StoreError) {
    tracing::warn!(%error, "questions about trust could not be asked together");
}

#[derive(Debug, thiserror::Error)]
#[error("the server answers a question that was not asked")]
struct NoSuchQuestion;
