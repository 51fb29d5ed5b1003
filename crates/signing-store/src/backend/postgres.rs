mod connect;
mod failure;
mod follow;
mod password;
mod socket_directory;
mod transport;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deadpool::managed;
use diesel_async::SimpleAsyncConnection;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};
use uuid::Uuid;

use self::connect::{Connected, Connection, Connector, Driver};
use self::follow::Observed;
use super::connection::{PgConnection, keep_unless_broken};
use super::origin::{Origin, has_settings, search_path};
use super::tls;
use crate::error::StoreError;
use crate::url::postgres::Target;

/// The server gives up before we stop waiting for it. An operation whose answer
/// we no longer read has then ended.
///
/// Planning a decision takes ten times as long as executing it. Each is an index
/// scan whatever its parameters, so one plan serves all; left to itself the server
/// makes another each time, or scans tables whose pages it takes to be far apart.
///
/// A revocation that was confirmed outlives the server, however that is set up.
///
/// What is set in a session takes precedence over settings of the server, the database and
/// the role, and over `options` of the URL. These settings matter, because a role may
/// change them for all of its connections:
///
/// - `search_path`: where names are looked up, always after `pg_catalog`. The server
///   leaves out a schema that the role may not use, and `pg_temp`, which anybody may fill,
///   would be first if it were not last. Nobody but the store's owner may create anything
///   in these schemas, which is checked when a store is opened.
/// - `default_transaction_isolation`, `_read_only` and `_deferrable`: what is read after a
///   lock was waited for must be as it is now, and changes must be possible.
/// - `row_security`, `transform_null_equals` and `standard_conforming_strings`: what a
///   statement means.
/// - `TimeZone`, `DateStyle` and `bytea_output`: what a value looks like as text.
/// - `synchronous_commit`: whether a commit that was answered is kept.
/// - `statement_timeout`, `lock_timeout` and `idle_in_transaction_session_timeout`.
///
/// Left alone are those that only slow a role down or end its connections
/// (`enable_seqscan`, `work_mem`, `transaction_timeout`, `idle_session_timeout`), and those
/// that only a superuser may set: `session_replication_role`, in which the triggers fire
/// all the same, and `lc_messages`.
const SET_UP: &str = concat!(
    "SET search_path = ",
    search_path!(),
    "; \
                      SET default_transaction_isolation = 'read committed'; \
                      SET default_transaction_read_only = off; \
                      SET default_transaction_deferrable = off; \
                      SET row_security = on; SET transform_null_equals = off; \
                      SET standard_conforming_strings = on; \
                      SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex'; \
                      SET statement_timeout = '10s'; SET lock_timeout = '8s'; \
                      SET idle_in_transaction_session_timeout = '30s'; \
                      SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1; \
                      SET application_name = 'cloacina'; \
                      SELECT set_config('synchronous_commit', coalesce(nullif(\
                      current_setting('synchronous_commit'), 'off'), 'on'), false);"
);

/// Where a program tells of a change that it has committed.
const CHANNEL: &str = "cloacina_trust";

/// How long telling of a change may take. It waits for others who notify.
const NOTIFY_LIMIT: Duration = Duration::from_millis(250);

/// Tells the processes that listen that trust has changed. A full queue refuses it.
pub(super) async fn notify(connection: &mut PgConnection) -> Result<(), StoreError> {
    // One message is one transaction.
    let sql = format!("SET LOCAL lock_timeout = {}; NOTIFY {CHANNEL}", NOTIFY_LIMIT.as_millis());
    match timeout(2 * NOTIFY_LIMIT, connection.batch_execute(&sql)).await {
        Ok(notified) => Ok(notified?),
        Err(_) => Err(StoreError::TimedOut { after: 2 * NOTIFY_LIMIT }),
    }
}

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Manager(Arc<Connector>);

/// A connection in the pool.
pub(crate) struct Pooled {
    pub(crate) connection: PgConnection,
    pub(crate) observed: Arc<Observed>,
    _driver: Driver,
}

impl Manager {
    pub(crate) fn new(target: &Target) -> Result<Self, StoreError> {
        let connector = Connector::new(target, tls::connector(&target.tls)?)?;
        Ok(Self(Arc::new(connector)))
    }

    /// Opens a connection beside the pool that hears of changes.
    pub(crate) async fn listen(&self) -> Result<Listener, StoreError> {
        let (notify, notified) = mpsc::channel(1);
        let Connected { client, driver, .. } =
            self.0.connect(|connection| drive(connection, Some(notify.clone()))).await?;
        // Only the driver holds one: with it everything ends that could be heard.
        drop(notify);
        let mut listener = Listener { client, notified, _driver: driver, backend: 0 };
        // In one message, so that whatever is in between has one backend answer all of it.
        let listen = format!(
            "{SET_UP} SET application_name = 'cloacina listener'; LISTEN {CHANNEL};
             SELECT pg_backend_pid()"
        );
        let answers = listener.client.simple_query(&listen).await.map_err(failure::statement)?;
        let backend = answers.iter().rev().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        listener.backend = backend.ok_or_else(|| StoreError::unavailable(ListensElsewhere))?;
        Ok(listener)
    }
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = StoreError;

    async fn create(&self) -> Result<Pooled, StoreError> {
        let Connected { client, observed, driver } =
            self.0.connect(|connection| drive(connection, None)).await?;
        let set_up = async {
            let mut connection = PgConnection::try_from(client).await?;
            connection.batch_execute(SET_UP).await?;
            Ok(connection)
        };
        let connection = observed.conclude(set_up.await)?;
        Ok(Pooled { connection, observed, _driver: driver })
    }

    async fn recycle(
        &self,
        pooled: &mut Pooled,
        _: &managed::Metrics,
    ) -> managed::RecycleResult<StoreError> {
        keep_unless_broken(&mut pooled.connection)
    }
}

/// A connection that listens. Closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    client: Client,
    notified: mpsc::Receiver<()>,
    _driver: Driver,
    /// The server's process that was told to listen.
    backend: i32,
}

impl Listener {
    /// Asks where answers come from, on this connection rather than on a pooled one,
    /// for which it might have to wait. What was notified before has arrived then, if the
    /// process that answers is the one that listens.
    pub(crate) async fn origin(&self) -> Result<Origin, StoreError> {
        const ORIGIN: &str = concat!(
            "SELECT store_id::text, trust_epoch, trust_state::text, pg_is_in_recovery(),
                    statement_timestamp(), schema_version, pg_backend_pid(),
                    EXISTS (SELECT FROM pg_listening_channels() channel WHERE channel = $1),
                    ",
            has_settings!(),
            " FROM store_state WHERE singleton = 1"
        );
        let row = self.client.query_one(ORIGIN, &[&CHANNEL]).await.map_err(failure::statement)?;
        let backend = row.try_get(6).map_err(StoreError::unavailable)?;
        let listens = row.try_get(7).map_err(StoreError::unavailable)?;
        stays_with_the_listener(self.backend, backend, listens)?;
        let id = |column| -> Result<Uuid, StoreError> {
            let text: &str = row.try_get(column).map_err(StoreError::unavailable)?;
            text.parse().map_err(|error: uuid::Error| StoreError::CorruptRow(Box::new(error)))
        };
        let server_time: SystemTime = row.try_get(4).map_err(StoreError::unavailable)?;
        Ok(Origin {
            store_id: id(0)?.into(),
            schema_version: row.try_get(5).map_err(StoreError::unavailable)?,
            trust_epoch: row.try_get(1).map_err(StoreError::unavailable)?,
            trust_state: id(2)?.into(),
            in_recovery: row.try_get(3).map_err(StoreError::unavailable)?,
            has_settings: row.try_get(8).map_err(StoreError::unavailable)?,
            server_time: Some(server_time.into()),
        })
    }

    /// Waits for a notification; several that come at once are one.
    pub(crate) async fn notified(&mut self) -> Result<(), StoreError> {
        self.notified.recv().await.ok_or_else(|| StoreError::unavailable(ListenerCut))
    }
}

/// A pooler may have another process of the server answer each time: then what is
/// notified does not arrive here.
fn stays_with_the_listener(told: i32, answers: i32, listens: bool) -> Result<(), StoreError> {
    match told == answers && listens {
        true => Ok(()),
        false => Err(StoreError::unavailable(ListensElsewhere)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the connection does not stay with the server's process that listens for changes: \
     bounded freshness needs a direct connection, or a pooler that pools sessions"
)]
struct ListensElsewhere;

#[derive(Debug, thiserror::Error)]
#[error("the connection that listens for changes was cut")]
struct ListenerCut;

/// Carries the connection's traffic until it ends, and then drops `notify`.
async fn drive(mut connection: Connection, notify: Option<mpsc::Sender<()>>) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let (AsyncMessage::Notification(_), Some(notify)) = (message, &notify) {
            // Full means that one is waiting already, which says as much.
            let _ = notify.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_that_was_told_to_listen_and_does_counts() {
        stays_with_the_listener(7, 7, true).unwrap();
        for (answers, listens) in [(8, true), (7, false), (8, false)] {
            let refused = stays_with_the_listener(7, answers, listens);
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{answers} {listens}");
        }
    }
}
