//! A Postgres database that one test has for itself.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::NoTls;

/// Where `cargo xtask test-db` says that the server is.
const SERVER_VARIABLE: &str = "CLOACINA_TEST_POSTGRES_URL";

pub(crate) struct Database {
    server: String,
    name: String,
    /// The server keeps them beyond the database.
    roles: Mutex<Vec<String>>,
}

/// Somebody who may log in to the server.
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl Database {
    pub(crate) fn create() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let server = env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
            panic!("{SERVER_VARIABLE} is not set: cargo xtask test-db sets it")
        });
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cmd_{}_{number}", std::process::id());
        let database = Self { server, name, roles: Mutex::default() };
        database.execute(&format!("CREATE DATABASE {}", database.name));
        database
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self) -> String {
        let (address, parameters) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (authority, _) = address.rsplit_once('/').unwrap();
        format!("{authority}/{}?{parameters}", self.name)
    }

    /// A role of the server that has no right on the store's tables.
    pub(crate) fn create_role(&self) -> Role {
        let mut roles = self.roles.lock().unwrap();
        let name = format!("{}_role_{}", self.name, roles.len());
        let password = format!("the-password-of-{name}");
        self.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"));
        roles.push(name.clone());
        Role { name, password }
    }

    /// The URL by which a role reaches the store with this password.
    pub(crate) fn url_of(&self, role: &Role, password: &str) -> String {
        let url = self.url();
        let (_, address) = url.rsplit_once('@').unwrap();
        format!("postgres://{}:{password}@{address}", role.name)
    }

    /// Writes to the store past the program.
    pub(crate) fn forge(&self, statement: &str) {
        Self::execute_on(&self.url(), &format!("SET search_path = cloacina; {statement}"));
    }

    pub(crate) fn execute(&self, statement: &str) {
        Self::execute_on(&self.server, statement);
    }

    fn execute_on(url: &str, statement: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(statement).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
        });
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        for role in self.roles.get_mut().unwrap().drain(..).collect::<Vec<_>>() {
            self.execute(&format!("DROP ROLE {role}"));
        }
    }
}
