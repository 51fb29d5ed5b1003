//! Every right on every table, tried by the role itself.

use std::collections::BTreeSet;

use signing_trust::store::RolePurpose;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::role;
use crate::support::{Backend, World, run};

/// What a purpose may do: a column of a table where it is not all of them.
fn expected(purpose: RolePurpose) -> BTreeSet<String> {
    let runner = [
        "SELECT store_state",
        "SELECT trust_history",
        "SELECT schema_migrations",
        "SELECT organizations",
        "SELECT trusted_keys",
        "SELECT trust_grants",
        "SELECT compromised_keys",
        "SELECT version_floors",
        "SELECT package_signatures",
    ];
    let signer = ["SELECT signing_keys", "INSERT package_signatures"];
    let admin = [
        "INSERT organizations",
        "INSERT signing_keys",
        "INSERT trusted_keys",
        "INSERT trust_grants",
        "INSERT compromised_keys",
        "INSERT version_floors",
        "SELECT audit_heads",
        "SELECT audit_log",
        "INSERT audit_heads",
        "INSERT audit_log",
        "UPDATE audit_heads.sequence",
        "UPDATE audit_heads.entry_hash",
        "UPDATE store_state.kek_id",
        "UPDATE organizations.deleted_at",
        "UPDATE signing_keys.revoked_at",
        "UPDATE signing_keys.revocation_reason",
        "UPDATE signing_keys.revocation_note",
        "UPDATE signing_keys.wrapped_key",
        "UPDATE trusted_keys.revoked_at",
        "UPDATE trusted_keys.revocation_reason",
        "UPDATE trusted_keys.revocation_note",
        "UPDATE trusted_keys.public_key",
        "UPDATE trusted_keys.name",
        "UPDATE trusted_keys.expires_at",
        "UPDATE trust_grants.revoked_at",
        "UPDATE version_floors.floor",
        "UPDATE version_floors.set_at",
        "UPDATE package_signatures.envelope",
        "UPDATE package_signatures.envelope_digest",
    ];
    let rights: &[&[&str]] = match purpose {
        RolePurpose::Runner => &[&runner],
        RolePurpose::Signer => &[&runner, &signer],
        RolePurpose::Admin => &[&runner, &signer, &admin],
    };
    rights.concat().into_iter().map(str::to_owned).collect()
}

/// What the role behind `client` may do. Nothing that it tries lasts.
async fn found(client: &Client, tables: &[(String, Vec<String>)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, columns) in tables {
        for (verb, sql) in [
            ("INSERT", format!("INSERT INTO {table} DEFAULT VALUES")),
            ("DELETE", format!("DELETE FROM {table}")),
            ("TRUNCATE", format!("TRUNCATE {table}")),
            ("LOCK", format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT")),
            ("ALTER", format!("ALTER TABLE {table} DISABLE TRIGGER USER")),
            ("DROP", format!("DROP TABLE {table} CASCADE")),
        ] {
            if is_allowed(client, &sql).await {
                found.insert(format!("{verb} {table}"));
            }
        }
        for verb in ["SELECT", "UPDATE"] {
            let mut allowed = Vec::new();
            for column in columns {
                let sql = match verb {
                    "SELECT" => format!("SELECT {column} FROM {table}"),
                    _ => format!("UPDATE {table} SET {column} = NULL"),
                };
                if is_allowed(client, &sql).await {
                    allowed.push(format!("{verb} {table}.{column}"));
                }
            }
            match allowed.len() == columns.len() {
                true => found.extend([format!("{verb} {table}")]),
                false => found.extend(allowed),
            }
        }
    }
    found
}

/// Whether Postgres has nothing against it but what the statement itself lacks.
async fn is_allowed(client: &Client, sql: &str) -> bool {
    client.batch_execute("BEGIN").await.unwrap();
    let tried = client.batch_execute(sql).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    match tried {
        Ok(()) => true,
        Err(error) => {
            let code = error.code().unwrap_or_else(|| panic!("{sql}: {error}"));
            assert_ne!(*code, SqlState::SYNTAX_ERROR, "{sql}");
            *code != SqlState::INSUFFICIENT_PRIVILEGE
        }
    }
}

/// Every table of the store, with its columns.
async fn tables(world: &World) -> Vec<(String, Vec<String>)> {
    let sql = "SELECT table_name::text, array_agg(column_name::text)
               FROM information_schema.columns WHERE table_schema = 'public'
               GROUP BY table_name";
    let rows = world.database.connect().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn postgres_lets_each_role_do_what_its_purpose_needs_and_no_more() {
    run(Backend::Postgres, async |world: World| {
        // With rows, so that what is tried on them is not idle.
        let vendor = world.vendor("acme").await;
        world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let operator = world.org("operator").await;
        world.keys.grant_trust(operator, vendor.org).await.unwrap();
        let tables = tables(&world).await;
        assert_eq!(tables.len(), 12, "{tables:?}");

        for purpose in [RolePurpose::Runner, RolePurpose::Signer, RolePurpose::Admin] {
            let role = role(&world, purpose).await;
            let client = role.login.connect().await;
            assert_eq!(found(&client, &tables).await, expected(purpose), "{purpose:?}");
            drop(client);
            role.remove().await;
        }
        let owner = found(&world.database.connect().await, &tables).await;
        assert!(owner.contains("DELETE trusted_keys"), "{owner:?}");
        assert!(world.verdict(operator, &vendor).await.is_ok());
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn another_purpose_takes_the_rights_of_the_one_before_away() {
    run(Backend::Postgres, async |world: World| {
        let tables = tables(&world).await;
        let role = role(&world, RolePurpose::Admin).await;
        let client = role.login.connect().await;
        for purpose in [RolePurpose::Runner, RolePurpose::Admin, RolePurpose::Signer] {
            let store = world.keys.store();
            store.grant_role(purpose, &role.login.user).await.unwrap();
            assert_eq!(found(&client, &tables).await, expected(purpose), "{purpose:?}");
        }
        role.remove().await;
    });
}
