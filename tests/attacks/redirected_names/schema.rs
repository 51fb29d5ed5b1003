//! A role owns the schema before the store does, or may create objects in it.

use signing_trust::store::{RoleLimits, RolePurpose, SchemaFault, Store, StoreError};

use crate::support::{Backend, Database, World, assert_refused, run};

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn schema_of_another_role_is_not_migrated() {
    run(Backend::Postgres, async |database: Database| {
        let role = format!("cloacina_test_{}", uuid::Uuid::new_v4().simple());
        database.execute(&format!("CREATE ROLE {role}")).await.unwrap();
        let create = format!("CREATE SCHEMA cloacina AUTHORIZATION {role}");
        database.execute(&create).await.unwrap();
        assert_refused!(
            Store::migrate(&database.url()).await,
            StoreError::UnsafeSchema { schema, fault: SchemaFault::OwnedByAnother { owner } }
                if schema == "cloacina" && owner == role
        );
        let take = "ALTER SCHEMA cloacina OWNER TO CURRENT_USER";
        database.execute(take).await.unwrap();
        Store::migrate(&database.url()).await.unwrap();
        database.execute(&format!("DROP ROLE {role}")).await.unwrap();
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn store_is_refused_where_another_role_may_create_objects() {
    run(Backend::Postgres, async |world: World| {
        let role = world.role(RolePurpose::Runner).await;
        let (name, url) = (role.login.user.clone(), role.login.url(""));
        for schema in ["cloacina", "cloacina_views"] {
            for open_to in ["PUBLIC", name.as_str()] {
                let sql = format!("GRANT CREATE ON SCHEMA {schema} TO {open_to}");
                world.database.execute(&sql).await.unwrap();
                for url in [&url, &world.database.url()] {
                    assert_refused!(
                        Store::open(url).await,
                        StoreError::UnsafeSchema { schema: found, fault: SchemaFault::OpenTo { role } }
                            if found == schema && role == open_to
                    );
                }
                let granted = world
                    .store
                    .grant_role(
                        RolePurpose::Runner,
                        &"nobody".parse().unwrap(),
                        RoleLimits::OfPurpose,
                    )
                    .await;
                assert_refused!(granted, StoreError::UnsafeSchema { .. });
                let sql = format!("REVOKE CREATE ON SCHEMA {schema} FROM {open_to}");
                world.database.execute(&sql).await.unwrap();
                Store::open(&url).await.unwrap();
            }
        }
        role.remove().await;
    });
}

/// What was made while the role could goes on to be there.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn store_is_refused_that_has_another_roles_function() {
    run(Backend::Postgres, async |world: World| {
        let role = world.role(RolePurpose::Runner).await;
        let name = role.login.user.clone();
        let grant = format!("GRANT CREATE ON SCHEMA cloacina_views TO {name}");
        world.database.execute(&grant).await.unwrap();
        let plant = "CREATE FUNCTION cloacina_views.equal(uuid, uuid) RETURNS boolean
                     LANGUAGE sql AS 'SELECT true'";
        role.login.connect().await.batch_execute(plant).await.unwrap();
        let revoke = format!("REVOKE CREATE ON SCHEMA cloacina_views FROM {name}");
        world.database.execute(&revoke).await.unwrap();
        assert_refused!(
            Store::open(&role.login.url("")).await,
            StoreError::UnsafeSchema { fault: SchemaFault::ForeignObject { object }, .. }
                if object == "equal"
        );
        let drop = "DROP FUNCTION cloacina_views.equal(uuid, uuid)";
        world.database.execute(drop).await.unwrap();
        Store::open(&role.login.url("")).await.unwrap();
        role.remove().await;
    });
}
