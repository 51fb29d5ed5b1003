use std::error::Error;
use std::time::Duration;

use signing_trust::store::{
    ConnectError, DatabaseUrl, RequiredTls, RoleLimits, RoleName, RolePurpose, Store, StoreError,
};
use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use super::Database;

/// How somebody reaches a Postgres database.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
}

impl Login {
    pub(super) fn parse(url: &str) -> Self {
        let config: Config = url.parse().unwrap();
        let host = match &config.get_hosts()[0] {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.to_str().unwrap().replace('/', "%2F"),
        };
        let password = config.get_password().map(|bytes| String::from_utf8(bytes.into()).unwrap());
        Self {
            user: config.get_user().unwrap().into(),
            password,
            host,
            port: config.get_ports().first().copied().unwrap_or(5432),
            database: config.get_dbname().unwrap().into(),
        }
    }

    /// The URL with these parameters, without TLS unless they say otherwise.
    pub(crate) fn url(&self, parameters: &str) -> DatabaseUrl {
        let plaintext = match parameters.contains("sslmode=") {
            true => "",
            false => "&sslmode=disable",
        };
        let text = self.text(&format!("{parameters}{plaintext}"));
        DatabaseUrl::parse(&text, RequiredTls::DangerNone).unwrap()
    }

    pub(crate) async fn connect(&self) -> Client {
        self.try_connect().await.unwrap()
    }

    pub(crate) async fn try_connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.text(""), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    fn text(&self, parameters: &str) -> String {
        let Self { user, host, port, database, .. } = self;
        let password = self.password.as_ref().map_or(String::new(), |text| format!(":{text}"));
        format!("postgres://{user}{password}@{host}:{port}/{database}?{parameters}")
    }
}

/// Whether a server has gone, is not there yet, or does not answer.
pub(crate) fn is_away(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_)
            | StoreError::TimedOut { .. }
            | StoreError::ServerShutdown(_)
            | StoreError::Connect(
                ConnectError::NothingListens { .. } | ConnectError::Unreachable { .. }
            )
    )
}

/// A role of the server with the rights of a purpose on one database.
pub(crate) struct Role {
    pub(crate) login: Login,
    database: Database,
}

impl Role {
    pub(crate) async fn create(database: &Database, store: &Store, purpose: RolePurpose) -> Self {
        let name = format!("cloacina_test_{}", Uuid::new_v4().simple());
        let password = Uuid::new_v4().simple().to_string();
        let sql = format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'");
        database.execute(&sql).await.unwrap();
        store.grant_role(purpose, &name.parse().unwrap(), RoleLimits::OfPurpose).await.unwrap();
        let login = Login { user: name, password: Some(password), ..database.login() };
        Self { login, database: database.clone() }
    }

    pub(crate) fn name(&self) -> RoleName {
        self.login.user.parse().unwrap()
    }

    /// Takes the role away, which the server keeps beyond the database.
    pub(crate) async fn remove(self) {
        let name = &self.login.user;
        let sql = format!("DROP OWNED BY {name}; DROP ROLE {name}");
        self.database.execute(&sql).await.unwrap();
    }
}

/// Everything that printing an error shows.
pub(crate) fn shown(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("\n{error}"));
        next = error.source();
    }
    text
}

/// Waits until something holds, and fails if it does not within this time.
pub(crate) async fn until(limit: Duration, what: &str, holds: impl AsyncFn() -> bool) {
    let holds = async {
        while !holds().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(limit, holds).await.is_ok(), "not within {limit:?}: {what}");
}
