//! Every right on every table, tried by the role itself.

use std::collections::BTreeSet;

use signing_trust::TrustLimits;
use signing_trust::store::{RoleLimits, RolePurpose};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::role;
use crate::support::{Backend, World, run};

/// What a purpose may do: a column where it is not all of them.
fn expected(purpose: RolePurpose) -> BTreeSet<String> {
    let read = [
        "schema_migrations",
        "store_state",
        "trust_history",
        "organizations",
        "trusted_keys",
        "trust_grants",
        "compromised_keys",
        "version_floors",
        "trust_documents",
        "package_signatures",
    ];
    let signature = ["id", "org_id", "package_digest", "envelope", "envelope_digest"];
    let mut rights = BTreeSet::new();
    let schema = match purpose {
        RolePurpose::Admin => "cloacina",
        _ => "cloacina_views",
    };
    rights.extend(read.map(|table| format!("SELECT {schema}.{table}")));
    if purpose == RolePurpose::Runner {
        return rights;
    }
    rights
        .extend(["signing_keys", "signature_locks"].map(|name| format!("SELECT {schema}.{name}")));
    rights.extend(signature.map(|name| format!("INSERT {schema}.package_signatures.{name}")));
    rights.extend([format!("UPDATE {schema}.signature_locks.locked")]);
    if purpose != RolePurpose::Admin {
        return rights;
    }
    let admin = [
        "SELECT audit_heads",
        "SELECT audit_log",
        "SELECT kek_lock",
        "INSERT organizations",
        "INSERT signing_keys",
        "INSERT trusted_keys",
        "INSERT trust_grants",
        "INSERT compromised_keys",
        "INSERT version_floors",
        "INSERT trust_documents.org_id",
        "INSERT trust_documents.kind",
        "INSERT trust_documents.version",
        "INSERT trust_documents.envelope",
        "INSERT audit_heads",
        "INSERT audit_log",
        "INSERT signature_locks",
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
        "UPDATE kek_lock",
        "DELETE package_signatures",
        // The right to update or delete any row of a table is one to lock it.
        "LOCK package_signatures",
    ];
    rights.extend(admin.map(|right| right.replacen(' ', " cloacina.", 1)));
    rights
}

/// What the role behind `client` may do. Nothing that it tries lasts.
async fn found(client: &Client, tables: &[(String, Vec<String>)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, columns) in tables {
        let kind = if table.starts_with("cloacina_views.") { "VIEW" } else { "TABLE" };
        let mut statements = vec![
            ("DELETE", format!("DELETE FROM {table}")),
            ("LOCK", format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT")),
            ("ALTER", format!("ALTER {kind} {table} RENAME TO another")),
            ("DROP", format!("DROP {kind} {table} CASCADE")),
        ];
        if kind == "TABLE" {
            statements.push(("TRUNCATE", format!("TRUNCATE {table}")));
        }
        for (verb, sql) in statements {
            if is_allowed(client, &sql).await {
                found.insert(format!("{verb} {table}"));
            }
        }
        for verb in ["SELECT", "INSERT", "UPDATE"] {
            let mut allowed = Vec::new();
            for column in columns {
                let sql = match verb {
                    "SELECT" => format!("SELECT {column} FROM {table}"),
                    "INSERT" => {
                        format!("INSERT INTO {table} ({column}) SELECT NULL WHERE FALSE")
                    }
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

/// Every table and view of the store, with its columns.
async fn tables(world: &World) -> Vec<(String, Vec<String>)> {
    let sql = "SELECT format('%s.%s', table_schema, table_name),
                      array_agg(column_name::text)
               FROM information_schema.columns WHERE table_schema LIKE 'cloacina%'
               GROUP BY table_schema, table_name";
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
        world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
        let tables = tables(&world).await;
        assert_eq!(tables.len(), 16 + 15, "{tables:?}");

        let signer = RolePurpose::Signer(vendor.org);
        for purpose in [RolePurpose::Runner, signer, RolePurpose::Admin] {
            let role = role(&world, purpose).await;
            let client = role.login.connect().await;
            assert_eq!(found(&client, &tables).await, expected(purpose), "{purpose:?}");
            drop(client);
            role.remove().await;
        }
        let owner = found(&world.database.connect().await, &tables).await;
        assert!(owner.contains("DELETE cloacina.trusted_keys"), "{owner:?}");
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
        let signer = RolePurpose::Signer(world.org("acme").await);
        for purpose in [RolePurpose::Runner, RolePurpose::Admin, signer] {
            let store = &world.store;
            store.grant_role(purpose, &role.name(), RoleLimits::OfPurpose).await.unwrap();
            assert_eq!(found(&client, &tables).await, expected(purpose), "{purpose:?}");
        }
        role.remove().await;
    });
}
