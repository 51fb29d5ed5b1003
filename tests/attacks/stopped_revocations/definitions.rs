//! A role asks for what it has no right to, and everybody waits behind the question.

use std::future::Future;
use std::time::Duration;

use signing_trust::store::{
    Change, Revocation, RoleLimits, RolePurpose, ServerProtection, Store, StoreError,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::patient;
use crate::support::{
    Backend, Database, Login, Role, Vendor, World, assert_refused, kek, run, until,
};

/// Much less than the attackers' requests wait, and much more than a revocation takes.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Those that a session or a change of trust reads. The last is shared by all databases.
const CATALOGS: [&str; 4] = [
    "pg_catalog.pg_class",
    "pg_catalog.pg_attribute",
    "pg_catalog.pg_trigger",
    "pg_catalog.pg_database",
];
const VIEWS: [&str; 2] = ["cloacina_views.store_state", "cloacina_views.trusted_keys"];

/// Reads a relation in a transaction that does not end, and asks in another session for its
/// strongest lock, for which it has no right. Returns when that request was refused, or waits
/// behind the first one; what is returned ends both, and gives the reason for the refusal.
async fn queue(
    login: &Login,
    relation: &str,
    observer: &Observer,
) -> impl Future<Output = Option<SqlState>> + use<> {
    let (reads, queues) = (patient(login).await, patient(login).await);
    let process: i32 = queues.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    reads.batch_execute(&format!("BEGIN; SELECT count(*) FROM {relation}")).await.unwrap();
    let rule = format!("CREATE RULE stop AS ON INSERT TO {relation} DO INSTEAD NOTHING");
    let queued: JoinHandle<_> = tokio::spawn(async move { queues.batch_execute(&rule).await });
    until(AT_ONCE, "the request waits or was refused", async || {
        queued.is_finished() || observer.waits(process).await
    })
    .await;
    async move {
        drop(reads);
        queued.await.unwrap().unwrap_err().code().cloned()
    }
}

/// Somebody who has read what is needed to look at locks, before the catalogs are locked.
struct Observer {
    client: Client,
    question: Statement,
}

impl Observer {
    async fn of(database: &Database) -> Self {
        let client = database.connect().await;
        let ask = "SELECT count(*) FROM pg_lock_status() WHERE pid = $1 AND NOT granted";
        let observer = Self { question: client.prepare(ask).await.unwrap(), client };
        assert!(!observer.waits(0).await);
        observer
    }

    async fn waits(&self, process: i32) -> bool {
        let row = self.client.query_one(&self.question, &[&process]).await.unwrap();
        row.get::<_, i64>(0) > 0
    }
}

/// An administrator who is not connected yet.
async fn revoke(admin: &Role, world: &World, vendor: &Vendor) {
    let by = world.seen_by(admin).await;
    let revoked =
        by.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(matches!(revoked, Change::Made(_)), "{revoked:?}");
    by.keys.reinstate_trusted_key(vendor.trusted.id, &"again".parse().unwrap()).await.unwrap();
}

struct Scene {
    world: World,
    vendor: Vendor,
    admin: Role,
    attacker: Role,
    observer: Observer,
}

impl Scene {
    async fn set(world: World) -> Self {
        let vendor = world.vendor("acme").await;
        let admin = world.role(RolePurpose::Admin).await;
        let attacker = world.role(RolePurpose::Runner).await;
        let observer = Observer::of(&world.database).await;
        Self { world, vendor, admin, attacker, observer }
    }

    async fn queue(&self, relation: &str) -> impl Future<Output = Option<SqlState>> + use<> {
        queue(&self.attacker.login, relation, &self.observer).await
    }

    async fn revoke(&self) -> Result<(), tokio::time::error::Elapsed> {
        timeout(AT_ONCE, revoke(&self.admin, &self.world, &self.vendor)).await
    }

    async fn end(self) {
        self.admin.remove().await;
        self.attacker.remove().await;
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_queues_for_a_catalog_stops_no_revocation_on_a_protected_server() {
    run(Backend::Postgres, async |world: World| {
        let scene = Scene::set(world).await;
        scene.world.store.protect_server().await.unwrap();
        for relation in CATALOGS.into_iter().chain(VIEWS) {
            let queued = scene.queue(relation).await;
            scene.revoke().await.unwrap_or_else(|_| panic!("{relation} stops a revocation"));
            assert_eq!(queued.await, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{relation}");
        }
        // Nothing else that an administrator does defines anything.
        let by = scene.world.seen_by(&scene.admin).await;
        let org = by.org("another").await;
        by.trust(org, &by.key(org, "release").await).await;
        by.keys.rotate_kek(&kek(2)).await.unwrap();
        scene.end().await;
    });
}

/// Not the catalog that is shared: other tests need it, too.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_queues_for_a_catalog_stops_revocations_on_a_server_without_protection() {
    run(Backend::Postgres, async |world: World| {
        let scene = Scene::set(world).await;
        scene.revoke().await.unwrap();
        let queued = scene.queue("pg_catalog.pg_class").await;
        assert!(scene.revoke().await.is_err(), "the attack does not work");
        queued.await;
        scene.revoke().await.unwrap();
        scene.end().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_queues_for_a_view_stops_other_runners_only_without_protection() {
    run(Backend::Postgres, async |world: World| {
        let scene = Scene::set(world).await;
        let runner = scene.world.role(RolePurpose::Runner).await;
        let by = scene.world.seen_by(&runner).await;
        let vendor = &scene.vendor;
        let verify = async || {
            timeout(AT_ONCE, by.verify(&vendor.package, vendor.org, vendor.memory())).await
        };
        let queued = scene.queue(VIEWS[0]).await;
        assert!(verify().await.is_err(), "the attack does not work");
        queued.await;
        scene.world.store.protect_server().await.unwrap();
        let queued = scene.queue(VIEWS[0]).await;
        let _verified = verify().await.expect("the attack stops a runner").unwrap();
        queued.await;
        runner.remove().await;
        scene.end().await;
    });
}

/// What fills the disk, or the table of locks of the whole server, without any right.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_fills_neither_disk_nor_table_of_locks_on_a_protected_server() {
    const ABUSES: [&str; 7] = [
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_creat(-1)",
        "SELECT lo_create(0)",
        "SELECT pg_logical_emit_message(false, 'x', 'x')",
        "SELECT pg_export_snapshot()",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock_shared(1, 1)",
    ];
    run(Backend::Postgres, async |world: World| {
        let scene = Scene::set(world).await;
        let client = scene.attacker.login.connect().await;
        for abuse in ABUSES {
            client.batch_execute(abuse).await.unwrap();
        }
        scene.world.store.protect_server().await.unwrap();
        for abuse in ABUSES {
            let refused = client.batch_execute(abuse).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{abuse}");
        }
        scene
            .world
            .database
            .execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            .await
            .unwrap();
        drop(client);
        scene.end().await;
    });
}

/// An owner as the guide makes one: not a superuser.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn owner_migrates_and_grants_and_defines_on_a_protected_server_and_others_define_nothing() {
    run(Backend::Postgres, async |database: Database| {
        let superuser = database.login();
        let [owner, member, other] = ["owner", "member", "other"].map(|name| Login {
            user: format!("{name}_{}", superuser.database),
            password: Some("nothing".into()),
            ..superuser.clone()
        });
        for Login { user, .. } in [&owner, &member, &other] {
            let create = format!("CREATE ROLE {user} LOGIN CREATEROLE PASSWORD 'nothing'");
            database.execute(&create).await.unwrap();
        }
        let (owns, joins) = (&owner.user, &member.user);
        let sql = format!(
            "ALTER DATABASE {} OWNER TO {owns}; GRANT {owns} TO {joins};
             GRANT CREATE ON DATABASE {0} TO {}",
            superuser.database, other.user
        );
        database.execute(&sql).await.unwrap();
        database.execute(&ServerProtection::sql()).await.unwrap();

        let (store, applied) = Store::migrate(&owner.url("")).await.unwrap();
        assert!(!applied.is_empty());
        let protection = store.server_protection().await.unwrap();
        assert_eq!(protection.faults, []);
        let (purpose, limits) = (RolePurpose::Runner, RoleLimits::Unchanged);
        store.grant_role(purpose, &other.user.parse().unwrap(), limits).await.unwrap();
        for login in [&superuser, &owner, &member] {
            let define = "CREATE TABLE cloacina.probe (x INT); DROP TABLE cloacina.probe;
                          CREATE TEMP TABLE probe (x INT)";
            login.connect().await.batch_execute(define).await.unwrap();
        }
        let client = other.connect().await;
        for define in ["CREATE SCHEMA mine", "CREATE TEMP TABLE mine (x INT)"] {
            let refused = client.batch_execute(define).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{define}");
        }
        assert_refused!(store.protect_server().await, StoreError::PermissionDenied(_));

        database.execute("DROP EVENT TRIGGER cloacina_refuse_definitions").await.unwrap();
        client.batch_execute("CREATE SCHEMA mine; DROP SCHEMA mine").await.unwrap();
        drop(client);
        database.execute(&format!("REASSIGN OWNED BY {owns} TO CURRENT_USER")).await.unwrap();
        for Login { user, .. } in [&member, &other, &owner] {
            database.execute(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await.unwrap();
        }
    });
}
