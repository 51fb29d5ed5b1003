//! Roles that try everything at once to stop a revocation, on a server of their own.

mod definitions;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signing_crypto::TrustedKeyId;
use signing_loader::PackageError;
use signing_trust::store::{DatabaseUrl, Revocation, RolePurpose, Store};
use signing_trust::{Freshness, KeyManager};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{
    Database, Login, OwnServer, Runner, World, assert_refused, kek, run_alone, until,
};

/// How many seconds each role tries, in which each revocation must be made within one.
/// `cargo xtask soak` sets it.
const SECONDS_VARIABLE: &str = "CLOACINA_TEST_ATTACK_SECONDS";
const SECONDS: u64 = 5;

/// Found by their names, as the attacker may use the schema: tables, views and catalogs.
const TABLES: [&str; 19] = [
    "store_state",
    "trust_history",
    "schema_migrations",
    "organizations",
    "signing_keys",
    "trusted_keys",
    "trust_grants",
    "compromised_keys",
    "version_floors",
    "trust_documents",
    "package_signatures",
    "audit_heads",
    "audit_log",
    "cloacina_views.store_state",
    "cloacina_views.trusted_keys",
    "pg_catalog.pg_class",
    "pg_catalog.pg_attribute",
    "pg_catalog.pg_trigger",
    "pg_catalog.pg_database",
];

/// How long it is tried, and how long a revocation may take meanwhile. A short run shares
/// its machine with other tests, and a revocation that is stopped takes 8 seconds.
fn limits() -> (Duration, Duration) {
    match env::var(SECONDS_VARIABLE) {
        Ok(seconds) => (Duration::from_secs(seconds.parse().unwrap()), Duration::from_secs(1)),
        Err(_) => (Duration::from_secs(SECONDS), Duration::from_secs(4)),
    }
}

/// What the attacker has got, to show that it was in the way.
#[derive(Debug, Default)]
struct Spoils {
    connections: AtomicU64,
    connections_refused: AtomicU64,
    notifications: AtomicU64,
    notifications_refused: AtomicU64,
    statements: AtomicU64,
    statements_allowed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn counted(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A connection on which nothing ends by itself.
async fn patient(login: &Login) -> Client {
    loop {
        if let Ok(client) = login.try_connect().await {
            let sql = "SET statement_timeout = 0; SET lock_timeout = 0;
                       SET idle_in_transaction_session_timeout = 0";
            if client.batch_execute(sql).await.is_ok() {
                return client;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A listener that stays in a transaction keeps the queue from being emptied.
async fn fill_the_notification_queue(listens: Client, notifies: Client, spoils: Arc<Spoils>) {
    for sql in ["LISTEN cloacina_trust", "BEGIN; SELECT 1"] {
        listens.batch_execute(sql).await.unwrap();
    }
    let sql = "SELECT pg_notify('cloacina_trust', repeat('x', 7900) || n)
               FROM generate_series(1, 50) n";
    loop {
        match notifies.batch_execute(sql).await {
            Ok(()) => count(&spoils.notifications),
            Err(_) => {
                count(&spoils.notifications_refused);
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Reads every table in a transaction that does not end.
async fn hold_what_is_read(client: &Client) {
    let _ = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
    for table in TABLES {
        let sql = format!("SAVEPOINT next; LOCK TABLE {table} IN ACCESS SHARE MODE");
        if client.batch_execute(&sql).await.is_err() {
            let _ = client.batch_execute("ROLLBACK TO next").await;
        }
    }
}

async fn take_all_connections(login: Login, spoils: Arc<Spoils>) {
    let mut taken = Vec::new();
    loop {
        match login.try_connect().await {
            Ok(client) => {
                count(&spoils.connections);
                // Not to wait behind the attacker's own requests.
                let sql = "SET idle_in_transaction_session_timeout = 0;
                           SET lock_timeout = '50ms'";
                let _ = client.batch_execute(sql).await;
                hold_what_is_read(&client).await;
                taken.push(client);
            }
            Err(_) => {
                count(&spoils.connections_refused);
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// What asks for a lock on a table, whether or not there is a right to it.
fn statements_that_lock(table: &str) -> [String; 8] {
    [
        format!("CREATE RULE stop AS ON UPDATE TO {table} DO INSTEAD NOTHING"),
        format!("CREATE RULE stop AS ON INSERT TO {table} DO INSTEAD NOTHING"),
        format!(
            "CREATE TRIGGER stop BEFORE UPDATE ON {table}
             FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE TEMP TABLE stop (id UUID REFERENCES {table})"),
        format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
        format!("SELECT FROM {table} FOR UPDATE"),
        format!("SELECT FROM {table} FOR KEY SHARE"),
        format!("COMMENT ON TABLE {table} IS 'stop'"),
    ]
}

/// Each request waits behind those who read, and everybody else behind it, for a second.
async fn ask_for_every_lock(client: Client, spoils: Arc<Spoils>) {
    client.batch_execute("SET lock_timeout = '1s'").await.unwrap();
    let sql = "SELECT pg_advisory_lock(4832910174652801), pg_advisory_lock(4832910174652802)";
    let _ = client.batch_execute(sql).await;
    loop {
        for statement in TABLES.iter().flat_map(|table| statements_that_lock(table)) {
            count(&spoils.statements);
            let sql = format!("BEGIN; {statement}");
            if client.batch_execute(&sql).await.is_ok() {
                // Held for as long as a revocation may take at most.
                count(&spoils.statements_allowed);
                sleep(Duration::from_secs(1)).await;
            }
            let _ = client.batch_execute("ROLLBACK").await;
        }
    }
}

async fn change_its_settings(client: Client, spoils: Arc<Spoils>) {
    loop {
        for setting in [
            "statement_timeout = 0",
            "lock_timeout = 0",
            "idle_in_transaction_session_timeout = 0",
            "search_path = pg_temp",
            "default_transaction_read_only = on",
            "default_transaction_isolation = 'serializable'",
        ] {
            count(&spoils.statements);
            let sql = format!("ALTER ROLE CURRENT_USER SET {setting}");
            if client.batch_execute(&sql).await.is_ok() {
                count(&spoils.statements_allowed);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn plant_rows_from_the_future(client: Client, org: Uuid, spoils: Arc<Spoils>) {
    loop {
        for created_at in ["'infinity'", "now() + interval '1 year'"] {
            count(&spoils.statements);
            let sql = format!(
                "INSERT INTO package_signatures
                 (id, org_id, package_digest, envelope, envelope_digest, created_at)
                 VALUES (gen_random_uuid(), '{org}', sha256('x'), 'none',
                         sha256(gen_random_uuid()::text::bytea), {created_at})"
            );
            if client.batch_execute(&sql).await.is_ok() {
                count(&spoils.statements_allowed);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Everything at once. The last one takes all connections that are left.
async fn attack(login: &Login, org: Uuid, spoils: &Arc<Spoils>) -> JoinSet<()> {
    let mut attacks = JoinSet::new();
    let (listens, notifies) = (patient(login).await, patient(login).await);
    attacks.spawn(fill_the_notification_queue(listens, notifies, spoils.clone()));
    let reads = patient(login).await;
    hold_what_is_read(&reads).await;
    attacks.spawn(async move {
        let _reads = reads;
        std::future::pending::<()>().await;
    });
    attacks.spawn(ask_for_every_lock(patient(login).await, spoils.clone()));
    attacks.spawn(change_its_settings(patient(login).await, spoils.clone()));
    attacks.spawn(plant_rows_from_the_future(patient(login).await, org, spoils.clone()));
    attacks.spawn(take_all_connections(login.clone(), spoils.clone()));
    attacks
}

/// An administrator who finds a key stolen: connects, and revokes it.
async fn revoke(
    url: &DatabaseUrl,
    id: TrustedKeyId,
) -> Result<(KeyManager, [Duration; 2]), String> {
    let began = Instant::now();
    let store = Store::open(url).await.map_err(|error| format!("{error:?}"))?;
    let opened = began.elapsed();
    let keys = KeyManager::new(store, Some(kek(1)));
    keys.revoke_trusted_key(id, Revocation::retired())
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok((keys, [opened, began.elapsed() - opened]))
}

/// Has `attacker` try, and an administrator revoke meanwhile.
#[expect(clippy::print_stdout, reason = "a soak test says how fast it was")]
async fn assert_revocations_are_made(
    who: &str,
    world: &World,
    attacker: Login,
    server: &OwnServer,
) {
    world.store.protect_server().await.unwrap();
    let vendor = world.vendor("acme").await;
    let administrator = world.role(RolePurpose::Admin).await;
    let url = administrator.login.url("");
    let strict = Runner::start(&url, vendor.org, &vendor, Freshness::Strict).await;
    let (duration, limit) = limits();
    let again = "again".parse().unwrap();
    let (keys, calm) = revoke(&url, vendor.trusted.id).await.unwrap();
    keys.reinstate_trusted_key(vendor.trusted.id, &again).await.unwrap();
    let spoils = Arc::default();
    let attacks = attack(&attacker, *vendor.org.as_uuid(), &spoils).await;
    until(Duration::from_secs(30), "the queue and the connections are full", async || {
        counted(&spoils.notifications_refused) > 0 && counted(&spoils.connections_refused) > 0
    })
    .await;

    let (started, mut slowest, mut revocations) = (Instant::now(), [Duration::ZERO; 2], 0);
    while started.elapsed() < duration {
        let (keys, took) = match revoke(&url, vendor.trusted.id).await {
            Ok(revoked) => revoked,
            Err(error) => panic!("{who} stops it: {error}\n{spoils:?}\n{}", server.log()),
        };
        assert!(
            took.iter().sum::<Duration>() < limit,
            "{who} delays it: connected and revoked in {took:?}, before in {calm:?}, {spoils:?}"
        );
        assert!(!strict.decide().await.unwrap(), "{who} hides a revocation");
        slowest = [0, 1].map(|step| slowest[step].max(took[step]));
        revocations += 1;

        keys.reinstate_trusted_key(vendor.trusted.id, &again).await.unwrap();
        assert!(strict.decide().await.unwrap());
        sleep(Duration::from_millis(100)).await;
    }
    drop(attacks);
    println!(
        "{who}: {revocations} revocations, connected and revoked within {slowest:?} (before the \
         attack: {calm:?}), against {spoils:?}"
    );
    assert!(revocations > 0);
    assert_refused!(
        {
            world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
            world.verify(&vendor.package, vendor.org, vendor.memory()).await
        },
        PackageError::Verification(_)
    );
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn runner_role_stops_no_revocation() {
    run_alone(async |server: OwnServer, database: Database| {
        server.limit_notifications();
        let world = World::on(database).await;
        let role = world.role(RolePurpose::Runner).await;
        assert_revocations_are_made("a runner", &world, role.login, &server).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_role_stops_no_revocation() {
    run_alone(async |server: OwnServer, database: Database| {
        server.limit_notifications();
        let world = World::on(database).await;
        let role = world.role(RolePurpose::Signer(world.org("signers").await)).await;
        assert_revocations_are_made("a signer", &world, role.login, &server).await;
    });
}

/// What the store cannot limit, the guide has the server's administrator limit: here how
/// many connections the login may make.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn login_without_any_grant_stops_no_revocation() {
    run_alone(async |server: OwnServer, database: Database| {
        server.limit_notifications();
        let world = World::on(database).await;
        let sql = "CREATE ROLE nobody LOGIN PASSWORD 'nothing' CONNECTION LIMIT 20";
        world.database.execute(sql).await.unwrap();
        let login = Login {
            user: "nobody".into(),
            password: Some("nothing".into()),
            ..world.database.login()
        };
        assert_revocations_are_made("nobody", &world, login, &server).await;
    });
}
