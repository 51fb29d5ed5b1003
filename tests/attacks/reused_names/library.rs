//! Somebody who may create organizations waits until one is deleted, and creates another
//! under its name: programs that know the old one by name would follow the new one.

use signing_crypto::NameKind;
use signing_trust::TrustError;
use signing_trust::store::{OrganizationRef, StoreError};

use crate::support::{World, assert_refused, on_both_backends};

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
    assert_refused!(world.store.organization(named()).await, StoreError::OrganizationNotFound);
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
