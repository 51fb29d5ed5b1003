//! The rules that the tables enforce, no matter who writes them, and why a database with
//! tables of another program is refused.

use signing_trust::TrustLimits;
use signing_trust::store::{SchemaStatus, Store, StoreError};
use uuid::Uuid;

use super::audit::APPEND_ONLY;
use crate::support::{Database, World, assert_refused, on_both_backends};

on_both_backends! {
    database_whose_migrations_are_forgotten_holds_no_store,
    database_of_a_newer_program_is_refused_and_names_what_is_unknown,
    every_table_of_trust_raises_the_epoch,
    audit_log_is_append_only,
    organization_has_one_row_about_a_key_and_one_living_grant_to_another,
}

async fn database_whose_migrations_are_forgotten_holds_no_store(database: Database) {
    Store::migrate(&database.url()).await.unwrap();
    database.execute("DELETE FROM schema_migrations").await.unwrap();
    assert_refused!(Store::open(&database.url()).await, StoreError::NoStore);
    let back = "INSERT INTO schema_migrations (name) VALUES ('0001_initial')";
    database.execute(back).await.unwrap();
    let store = Store::open(&database.url()).await.unwrap();
    assert_eq!(store.schema_status().await.unwrap(), SchemaStatus::Current);
}

async fn database_of_a_newer_program_is_refused_and_names_what_is_unknown(database: Database) {
    Store::migrate(&database.url()).await.unwrap();
    let newer = "INSERT INTO schema_migrations (name) VALUES ('9999_future')";
    database.execute(newer).await.unwrap();
    assert_refused!(
        Store::open(&database.url()).await,
        StoreError::SchemaTooNew { unknown } if unknown == "9999_future"
    );
    assert_refused!(
        Store::migrate(&database.url()).await,
        StoreError::SchemaTooNew { unknown } if unknown == "9999_future"
    );
}

async fn every_table_of_trust_raises_the_epoch(world: World) {
    let (database, store) = (&world.database, &world.store);
    let [operator, vendor] = [world.org("operator").await, world.org("vendor").await]
        .map(|org| database.id(org.as_uuid()));
    let now = if database.is_sqlite() { "1" } else { "now()" };
    let (id, bytes) = (database.id(&Uuid::new_v4()), database.bytes(&[7; 32]));
    let tables = [
        ("organizations", format!("(id, name, created_at) VALUES ({id}, 'new', {now})")),
        (
            "trusted_keys",
            format!(
                "(id, org_id, fingerprint, created_at, revoked_at)
                 VALUES ({id}, {vendor}, {bytes}, {now}, {now})"
            ),
        ),
        (
            "trust_grants",
            format!(
                "(id, parent_org_id, child_org_id, created_at)
                 VALUES ({id}, {vendor}, {operator}, {now})"
            ),
        ),
        (
            "compromised_keys",
            format!("(fingerprint, declared_by, declared_at) VALUES ({bytes}, {vendor}, {now})"),
        ),
        (
            "version_floors",
            format!("(org_id, package_name, set_at) VALUES ({vendor}, 'a.so', {now})"),
        ),
        (
            "trust_documents",
            format!("(org_id, kind, version, envelope) VALUES ({vendor}, 'root', 1, '{{}}')"),
        ),
    ];
    for (table, row) in tables {
        let (condition, same) = match table {
            "compromised_keys" => (format!("fingerprint = {bytes}"), "declared_at"),
            "version_floors" => ("package_name = 'a.so'".into(), "set_at"),
            "trust_documents" => (format!("org_id = {vendor}"), "created_at"),
            _ => (format!("id = {id}"), "created_at"),
        };
        for sql in [
            format!("INSERT INTO {table} {row}"),
            format!("UPDATE {table} SET {same} = {same} WHERE {condition}"),
            format!("DELETE FROM {table} WHERE {condition}"),
        ] {
            let before = store.state().await.unwrap().trust_epoch;
            database.execute(&sql).await.unwrap();
            assert!(store.state().await.unwrap().trust_epoch > before, "{sql}");
        }
    }
}

async fn audit_log_is_append_only(world: World) {
    world.org("acme").await;
    for sql in ["UPDATE audit_log SET details = '{}'", "DELETE FROM audit_log"] {
        world.database.refuses(sql, APPEND_ONLY).await;
    }
}

async fn organization_has_one_row_about_a_key_and_one_living_grant_to_another(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let id = || world.database.id(&Uuid::new_v4());
    for sql in [
        format!(
            "INSERT INTO trusted_keys (id, org_id, fingerprint, created_at, revoked_at)
             SELECT {}, org_id, fingerprint, created_at, created_at FROM trusted_keys",
            id()
        ),
        format!(
            "INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at)
             SELECT {}, parent_org_id, child_org_id, created_at FROM trust_grants",
            id()
        ),
    ] {
        world.database.refuses(&sql, world.database.not_unique()).await;
    }
}
