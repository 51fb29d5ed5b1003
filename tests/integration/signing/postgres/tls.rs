//! The network between a program and its store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use signing_trust::store::{ConnectError, DatabaseUrl, RolePurpose, Store, StoreError};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::support::{Backend, Database, Login, Role, World, assert_refused, run, shown, until};

const LIMIT: Duration = Duration::from_secs(20);

/// An authority, and what it has certified for a server that is called `localhost`.
struct Authority {
    certificate: PathBuf,
    server_certificate: String,
    server_key: String,
}

impl Authority {
    fn new(directory: &Path, name: &str) -> Self {
        let openssl = |arguments: &str| {
            let arguments = arguments.replace('@', name);
            let made = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(directory)
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        fs::write(directory.join("extensions"), "subjectAltName = DNS:localhost").unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout";
        openssl(&format!("req -x509 -days 2 {key} @.key -out @.pem -subj /CN=@"));
        openssl(&format!("req {key} @-server.key -out @-server.csr -subj /CN=localhost"));
        openssl(
            "x509 -req -days 2 -in @-server.csr -CA @.pem -CAkey @.key -set_serial 2 \
             -extfile extensions -out @-server.pem",
        );
        let read =
            |end| fs::read_to_string(directory.join(format!("{name}-server.{end}"))).unwrap();
        Self {
            certificate: directory.join(format!("{name}.pem")),
            server_certificate: read("pem"),
            server_key: read("key"),
        }
    }

    /// Makes the server prove its name with what this authority certified.
    async fn install(&self, database: &Database) {
        let files = [("crt", &self.server_certificate), ("key", &self.server_key)];
        for (end, content) in files {
            // The server refuses a key that others can read, and writes its files so
            // that they can, hence the shell. It starts in the data directory.
            let lines = format!("SELECT regexp_split_to_table('{content}', E'\\n')");
            let program = format!("umask 077; cat > cloacina_test.{end}");
            let copy = format!("COPY ({lines}) TO PROGRAM '{program}'");
            database.execute(&copy).await.unwrap();
        }
        for sql in [
            "ALTER SYSTEM SET ssl_cert_file = 'cloacina_test.crt'",
            "ALTER SYSTEM SET ssl_key_file = 'cloacina_test.key'",
        ] {
            database.execute(sql).await.unwrap();
        }
        set_ssl(database, "on").await;
    }
}

/// Turns TLS on or off for every connection to come.
async fn set_ssl(database: &Database, ssl: &str) {
    database.execute(&format!("ALTER SYSTEM SET ssl = {ssl}")).await.unwrap();
    database.execute("SELECT pg_reload_conf()").await.unwrap();
    // A new connection each time, as what it gets is what the next one gets.
    until(LIMIT, "the server has taken up its settings", async || {
        let row = database.connect().await.query_one("SHOW ssl", &[]).await.unwrap();
        row.get::<_, String>(0) == ssl
    })
    .await;
}

/// Leaves the server as it was.
async fn reset(database: &Database) {
    set_ssl(database, "off").await;
    for sql in [
        "ALTER SYSTEM RESET ssl",
        "ALTER SYSTEM RESET ssl_cert_file",
        "ALTER SYSTEM RESET ssl_key_file",
        "COPY (SELECT 1) TO PROGRAM 'rm cloacina_test.crt cloacina_test.key'",
        "SELECT pg_reload_conf()",
    ] {
        database.execute(sql).await.unwrap();
    }
}

struct Network<'a> {
    database: &'a Database,
    role: &'a Role,
}

impl Network<'_> {
    fn url(&self, host: &str, parameters: &str) -> DatabaseUrl {
        Login { host: host.into(), ..self.role.login.clone() }.url(parameters)
    }

    fn verified(&self, host: &str, authority: &Authority) -> DatabaseUrl {
        let file = authority.certificate.display();
        self.url(host, &format!("sslmode=verify-full&sslrootcert={file}"))
    }

    /// Asserts that it is refused because the server has no TLS.
    async fn assert_without_tls(&self, url: &DatabaseUrl) {
        let refused = self.refusal(url).await;
        assert!(matches!(refused, ConnectError::NoTls { .. }), "{url}: {refused:?}");
    }

    /// Asserts that it is refused for this reason, which lies in the certificate.
    async fn assert_refused(&self, url: &DatabaseUrl, reason: &str) {
        let refused = self.refusal(url).await;
        assert!(matches!(refused, ConnectError::Certificate { .. }), "{url}: {refused:?}");
        assert!(shown(&refused).contains(reason), "{url}: {}", shown(&refused));
    }

    /// Asserts that it is refused, and that the password is not told.
    async fn refusal(&self, url: &DatabaseUrl) -> ConnectError {
        let refused = match Store::open(url).await.unwrap_err() {
            StoreError::Connect(refused) => refused,
            other => panic!("{url}: {other:?}"),
        };
        let shown = shown(&refused);
        let password = self.role.login.password.as_deref().unwrap();
        assert!(!shown.contains(password), "{shown}");
        assert!(self.encrypted().await.is_empty(), "{url}");
        refused
    }

    /// Asserts that it is accepted, and whether the server says that it is encrypted.
    async fn assert_accepted(&self, url: &DatabaseUrl, encrypted: bool) {
        let store = Store::open(url).await.unwrap();
        assert_eq!(self.encrypted().await, [encrypted], "{url}");
        drop(store);
        let none = async || self.encrypted().await.is_empty();
        until(LIMIT, "a dropped store has closed its connections", none).await;
    }

    /// Of each connection that the role has now: whether it is encrypted.
    async fn encrypted(&self) -> Vec<bool> {
        let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                   WHERE usename = $1";
        let client = self.database.connect().await;
        let rows = client.query(sql, &[&self.role.login.user]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// One test, because the server has one setting for all.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn connections_are_as_protected_as_their_urls_say() {
    run(Backend::Postgres, async |world: World| {
        let database = &world.database;
        let role = Role::create(database, &world.store, RolePurpose::Runner).await;
        let network = Network { database, role: &role };
        let good = Authority::new(&database.directory, "good");
        let other = Authority::new(&database.directory, "other");

        set_ssl(database, "off").await;
        network.assert_without_tls(&network.verified("localhost", &good)).await;
        network.assert_without_tls(&network.url("localhost", "sslmode=require")).await;
        network.assert_accepted(&network.url("localhost", "sslmode=disable"), false).await;

        good.install(database).await;
        network.assert_accepted(&network.verified("localhost", &good), true).await;
        network.assert_refused(&network.verified("localhost", &other), "UnknownIssuer").await;
        let nameless = network.verified("127.0.0.1", &good);
        network.assert_refused(&nameless, "not valid for name").await;
        let from_the_system = network.url("localhost", "sslmode=verify-full");
        let untrusted = Store::open(&from_the_system).await.unwrap_err();
        // A machine may have no certificates at all.
        assert!(
            matches!(
                untrusted,
                StoreError::Connect(ConnectError::Certificate { .. })
                    | StoreError::RootCertificates { .. }
            ),
            "{untrusted:?}"
        );
        for host in ["localhost", "127.0.0.1"] {
            network.assert_accepted(&network.url(host, "sslmode=require"), true).await;
            network.assert_accepted(&network.url(host, "sslmode=disable"), false).await;
        }

        other.install(database).await;
        // What a server shows may change between two connections of one program.
        until(LIMIT, "the server shows the other certificate", async || {
            Store::open(&network.verified("localhost", &other)).await.is_ok()
        })
        .await;
        let none = async || network.encrypted().await.is_empty();
        until(LIMIT, "its connections are closed", none).await;
        network.assert_refused(&network.verified("localhost", &good), "UnknownIssuer").await;

        reset(database).await;
        role.remove().await;
    });
}

#[test]
fn root_certificates_that_cannot_be_read_are_refused_before_anything_is_sent() {
    let directory = TempDir::new().unwrap();
    let authority = Authority::new(directory.path(), "good");
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let certificate = fs::read_to_string(&authority.certificate).unwrap();
    let cases = [
        directory.path().join("missing.pem"),
        directory.path().into(),
        file("empty.pem", ""),
        file("garbage.pem", "no certificate"),
        file("key.pem", &authority.server_key),
        file("cut.pem", &certificate[..certificate.len() / 2]),
        file("not-der.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ];
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for path in cases {
        let text = format!("postgres://u:hunter2@127.0.0.1:1/db?sslrootcert={}", path.display());
        let refused = runtime.block_on(Store::open(&text.parse().unwrap()));
        if let Err(error) = &refused {
            assert!(!shown(error).contains("hunter2"));
        }
        assert_refused!(
            refused,
            StoreError::RootCertificates { origin, .. } if origin == path.to_str().unwrap()
        );
    }
}
