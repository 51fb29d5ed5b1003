//! Somebody who may create organizations waits until one is deleted, and creates another
//! under its name: programs that know the old one by name would follow the new one. Or a new
//! role of the database gets the name of a signer's role.

use signing_crypto::NameKind;
use signing_trust::TrustError;
use signing_trust::store::{OrganizationRef, RolePurpose, StoreError};
use tokio_postgres::Client;

use crate::support::{Backend, World, assert_refused, on_both_backends, run};

on_both_backends! {
    name_of_a_deleted_organization_is_not_given_to_another,
    name_of_a_deleted_organization_is_not_given_to_another_by_sql,
}

async fn name_of_a_deleted_organization_is_not_given_to_another(world: World) {
    let old = world.vendor("acme").await;
    let named = || OrganizationRef::Name("acme".parse().unwrap());
    let create = async |name: &str| world.keys.create_organization(name.parse().unwrap()).await;
    assert_refused!(
        create("acme").await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Organization })
    );
    world.keys.delete_organization(old.org).await.unwrap();
    let deleted_at =
        world.store.organization(OrganizationRef::Id(old.org)).await.unwrap().deleted_at;

    assert_refused!(
        create("acme").await,
        TrustError::Store(StoreError::OrganizationNameRetired { org, at })
            if org == old.org && Some(at) == deleted_at
    );

    // Who names it finds nothing, rather than somebody else.
    assert_refused!(
        world.store.organization(named()).await,
        StoreError::OrganizationNotFound { .. }
    );
    create("acme-2").await.unwrap();
}

/// As a role of the database may, past the program.
async fn name_of_a_deleted_organization_is_not_given_to_another_by_sql(world: World) {
    let old = world.org("acme").await;
    world.keys.delete_organization(old).await.unwrap();
    let insert = |name: &str| {
        let id = world.database.id(signing_crypto::OrgId::random().as_uuid());
        format!(
            "INSERT INTO organizations (id, name, created_at)
             SELECT {id}, '{name}', created_at FROM organizations"
        )
    };

    world.database.refuses(&insert("acme"), world.database.not_unique()).await;
    world.database.execute(&insert("acme-2")).await.unwrap();
}

/// Whether the role of this name can sign for somebody.
async fn signs(client: &Client, role: &str) -> bool {
    let ask = "SELECT EXISTS (SELECT FROM cloacina.organizations
                              WHERE cloacina.acts_for($1::text::name, id))";
    client.query_one(ask, &[&role]).await.unwrap().get(0)
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_gets_the_name_of_a_signer_signs_for_nobody() {
    run(Backend::Postgres, async |world: World| {
        let signer = RolePurpose::Signer(world.org("acme").await);
        let (dropped, renamed) = (world.role(signer).await, world.role(signer).await);
        let names = [&dropped, &renamed].map(|role| role.login.user.clone());
        let client = world.database.connect().await;
        for name in &names {
            assert!(signs(&client, name).await);
        }
        dropped.remove().await;
        let moved = format!("{}_moved", names[1]);
        client.batch_execute(&format!("ALTER ROLE {} RENAME TO {moved}", names[1])).await.unwrap();
        for name in &names {
            client.batch_execute(&format!("CREATE ROLE {name}")).await.unwrap();
            assert!(!signs(&client, name).await);
        }
        assert!(signs(&client, &moved).await, "a role that is renamed stays the same");

        // The next grant forgets what was dropped.
        let bound = async || -> i64 {
            let ask = "SELECT count(*) FROM cloacina.role_organizations";
            client.query_one(ask, &[]).await.unwrap().get(0)
        };
        assert_eq!(bound().await, 2);
        let runner = world.role(RolePurpose::Runner).await;
        assert_eq!(bound().await, 1);
        runner.remove().await;
        for name in [&names[0], &names[1], &moved] {
            client.batch_execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).await.unwrap();
        }
    });
}
