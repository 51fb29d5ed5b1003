use std::time::Duration;

use deadpool::managed;
use diesel_async::SimpleAsyncConnection;
use tokio_postgres::NoTls;

use super::{PgConnection, keep_unless_broken};

/// The server gives up before we stop waiting for it, so that an operation
/// whose answer we no longer read does not go on for ever.
const SET_UP: &str = "SET statement_timeout = '10s'; SET lock_timeout = '10s'; \
                      SET idle_in_transaction_session_timeout = '30s'; \
                      SET application_name = 'cloacina';";

/// Makes connections to one server.
pub(crate) struct Manager {
    config: tokio_postgres::Config,
}

impl Manager {
    pub(crate) fn new(config: &tokio_postgres::Config) -> Self {
        let mut config = config.clone();
        config.connect_timeout(Duration::from_secs(5));
        Self { config }
    }
}

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = diesel::ConnectionError;

    async fn create(&self) -> Result<PgConnection, diesel::ConnectionError> {
        let (client, connection) = self
            .config
            .connect(NoTls)
            .await
            .map_err(|error| diesel::ConnectionError::BadConnection(chain(&error)))?;
        let mut connection =
            PgConnection::try_from_client_and_connection(client, connection).await?;
        connection
            .batch_execute(SET_UP)
            .await
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    async fn recycle(
        &self,
        connection: &mut PgConnection,
        _: &managed::Metrics,
    ) -> managed::RecycleResult<diesel::ConnectionError> {
        keep_unless_broken(connection)
    }
}

/// Diesel keeps text only, and tokio-postgres tells the reason in the source.
fn chain(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
