use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_trust::store::{DatabaseUrl, RequiredTls};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use uuid::Uuid;

use super::Login;

const SERVER_VARIABLE: &str = "CLOACINA_TEST_POSTGRES_URL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A database that one test has for itself, empty at first, and a directory.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) backend: Backend,
    pub(crate) directory: PathBuf,
    url: String,
    name: String,
    /// The URL of the maintenance database on the same server.
    server: Option<String>,
}

impl Database {
    /// On Postgres an empty database, on SQLite none: migrating makes the file.
    pub(crate) async fn create(backend: Backend, directory: &Path) -> Self {
        match backend {
            Backend::Sqlite => {
                let url = directory.join("cloacina.db").to_str().unwrap().to_owned();
                Self { backend, directory: directory.into(), url, name: name(), server: None }
            }
            Backend::Postgres => Self::create_on(server(), directory).await,
        }
    }

    /// An empty database on this server.
    pub(crate) async fn create_on(server: String, directory: &Path) -> Self {
        let (backend, name) = (Backend::Postgres, name());
        let url = with_database(&server, &name);
        let server = Some(server);
        let database = Self { backend, directory: directory.into(), url, name, server };
        database.create_again().await;
        database
    }

    /// The tests' server is on this machine, and has no certificate.
    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url, RequiredTls::DangerNone).unwrap()
    }

    /// The URL as another process is given it, with its password.
    pub(crate) fn text(&self) -> &str {
        &self.url
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.backend == Backend::Sqlite
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> &Path {
        assert!(self.is_sqlite());
        Path::new(&self.url)
    }

    /// Runs SQL past the store, as somebody does who can write the database.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), Box<dyn Error>> {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::establish(&self.url)?;
                connection.batch_execute("PRAGMA busy_timeout = 5000;")?;
                connection.batch_execute(sql)?;
            }
            Backend::Postgres => connect(&self.url).await.batch_execute(sql).await?,
        }
        Ok(())
    }

    /// Asserts that the database refuses SQL past the store, for this reason.
    pub(crate) async fn refuses(&self, sql: &str, reason: &str) {
        let error = self.execute(sql).await.expect_err(sql);
        // What the server says is the cause of the client's error.
        let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        assert!(said.contains(reason), "{sql}: {said}");
    }

    /// How the database says that a unique index does not allow a row.
    pub(crate) fn not_unique(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite => "UNIQUE constraint failed",
            Backend::Postgres => "duplicate key value violates unique constraint",
        }
    }

    /// An id as it is written in SQL.
    pub(crate) fn id(&self, id: &Uuid) -> String {
        match self.backend {
            Backend::Sqlite => format!("X'{}'", id.simple()),
            Backend::Postgres => format!("'{id}'"),
        }
    }

    /// Bytes as they are written in SQL.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        match self.backend {
            Backend::Sqlite => format!("X'{}'", hex(bytes)),
            Backend::Postgres => format!("'\\x{}'", hex(bytes)),
        }
    }

    /// Whether these bytes are anywhere in the database: in the file of SQLite, in
    /// the rows of Postgres.
    pub(crate) async fn holds(&self, bytes: &[u8]) -> bool {
        match self.backend {
            Backend::Sqlite => {
                let file = fs::read(&self.url).unwrap();
                file.windows(bytes.len()).any(|window| window == bytes)
            }
            Backend::Postgres => {
                let client = connect(&self.url).await;
                let sql = "SELECT string_agg(query_to_xml(
                               format('SELECT * FROM cloacina.%I', tablename), true, true, '')::text, '')
                           FROM pg_tables WHERE schemaname = 'cloacina'";
                client.batch_execute("SET xmlbinary = hex").await.unwrap();
                let rows = client.simple_query(sql).await.unwrap();
                let dump: String = rows.iter().filter_map(first_column).collect();
                dump.to_lowercase().contains(&hex(bytes))
            }
        }
    }

    /// Removes the database, also while clients are connected.
    pub(crate) async fn remove(&self) {
        if self.backend == Backend::Postgres {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let _ = self.on_the_server().await.batch_execute(&sql).await;
        }
    }

    /// Replaces this one by a new, empty Postgres database.
    pub(crate) async fn replace(&self) {
        assert_eq!(self.backend, Backend::Postgres);
        self.remove().await;
        self.create_again().await;
    }

    /// How the tests themselves log in to the Postgres database.
    pub(crate) fn login(&self) -> Login {
        assert_eq!(self.backend, Backend::Postgres);
        Login::parse(&self.url)
    }

    /// Another connection to the Postgres database.
    pub(crate) async fn connect(&self) -> Client {
        assert_eq!(self.backend, Backend::Postgres);
        connect(&self.url).await
    }

    /// Cuts the connections that listen for changes of trust, and says how many there were.
    pub(crate) async fn cut_listeners(&self) -> i64 {
        let sql = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'cloacina listener'";
        self.connect().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The tests' own connections find the store's tables as it does itself.
    async fn create_again(&self) {
        let client = self.on_the_server().await;
        for sql in [
            format!("CREATE DATABASE {}", self.name),
            format!(
                "ALTER DATABASE {} SET search_path = cloacina, cloacina_views, public",
                self.name
            ),
        ] {
            client.batch_execute(&sql).await.unwrap();
        }
    }

    async fn on_the_server(&self) -> Client {
        connect(self.server.as_ref().unwrap()).await
    }
}

fn first_column(message: &SimpleQueryMessage) -> Option<String> {
    match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name() -> String {
    format!("cloacina_test_{}", Uuid::new_v4().simple())
}

fn server() -> String {
    env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{SERVER_VARIABLE} must be the URL of a Postgres server whose user may create \
             databases: `cargo xtask test-db` starts one and sets it"
        )
    })
}

/// The URL of another database on the same server.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) = match server.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (server, String::new()),
    };
    let (scheme, rest) = address.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    format!("{scheme}://{authority}/{name}{options}")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
