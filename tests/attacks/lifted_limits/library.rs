//! Who may limit a role, and what a role cannot take back.

use signing_trust::KeyManager;
use signing_trust::store::{RoleLimits, RoleName, RolePurpose, Store, StoreError};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::support::{Backend, Database, Login, Role, World, assert_refused, run};

async fn connections(world: &World, role: &str) -> i32 {
    let sql = "SELECT rolconnlimit FROM pg_roles WHERE rolname = $1";
    world.database.connect().await.query_one(sql, &[&role]).await.unwrap().get(0)
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_cannot_raise_its_number_of_connections() {
    run(Backend::Postgres, async |world: World| {
        let role = world.role(RolePurpose::Runner).await;
        let name = role.login.user.clone();
        assert_eq!(connections(&world, &name).await, 50);
        let client = role.login.connect().await;
        let raise = format!("ALTER ROLE {name} CONNECTION LIMIT 90");
        let refused = client.batch_execute(&raise).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        let store = &world.store;
        store
            .grant_role(RolePurpose::Runner, &role.name(), RoleLimits::Connections(3))
            .await
            .unwrap();
        assert_eq!(connections(&world, &name).await, 3);
        store.grant_role(RolePurpose::Runner, &role.name(), RoleLimits::Unchanged).await.unwrap();
        assert_eq!(connections(&world, &name).await, 3);
        drop(client);
        role.remove().await;
    });
}

/// An owner without any other right makes the store; what it may not do is said.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn owner_without_the_right_to_limit_roles_is_told_and_gives_rights_without() {
    run(Backend::Postgres, async |database: Database| {
        let name = format!("cloacina_test_{}", Uuid::new_v4().simple());
        let (owner, runs) = (format!("{name}_owner"), format!("{name}_runner"));
        for sql in [
            format!("CREATE ROLE {owner} LOGIN PASSWORD 'owner'"),
            format!("CREATE ROLE {runs} LOGIN PASSWORD 'runner'"),
            format!(
                "DO $$ BEGIN EXECUTE format(
                     'GRANT CREATE ON DATABASE %I TO {owner}', current_database()); END $$"
            ),
        ] {
            database.execute(&sql).await.unwrap();
        }
        let login = |user: &str, password: &str| Login {
            user: user.into(),
            password: Some(password.into()),
            ..database.login()
        };
        let owned = login(&owner, "owner").url("");
        let (store, _) = Store::migrate(&owned).await.unwrap();
        let runner: RoleName = runs.parse().unwrap();
        assert_refused!(
            store.grant_role(RolePurpose::Runner, &runner, RoleLimits::OfPurpose).await,
            StoreError::LimitsNotAllowed { role } if role == runs
        );
        let refused = Store::open(&login(&runs, "runner").url("")).await;
        assert_refused!(refused, StoreError::PermissionDenied(_));
        store.grant_role(RolePurpose::Runner, &runner, RoleLimits::Unchanged).await.unwrap();

        let keys = KeyManager::new(store.clone(), None);
        let acme = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
        let runner = Store::open(&login(&runs, "runner").url("")).await.unwrap();
        assert_eq!(runner.organizations().await.unwrap().len(), 1);
        let superuser = Store::open(&database.url()).await.unwrap();
        let role = Role::create(&database, &superuser, RolePurpose::Signer(acme)).await;
        Store::open(&role.login.url("")).await.unwrap();
        role.remove().await;
        for sql in
            [&owner, &runs].map(|role| format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
        {
            database.execute(&sql).await.unwrap();
        }
    });
}
