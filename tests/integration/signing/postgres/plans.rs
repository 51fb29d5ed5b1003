//! How the server answers when there is much in the store: by its indexes.

use std::collections::BTreeSet;

use serde_json::Value;
use signing_crypto::{Fingerprint, OrgId, SigningKey};
use signing_trust::store::{RolePurpose, snapshot_statements, trust_documents_statement};
use tokio_postgres::Client;

use crate::support::{Backend, Role, Vendor, World, run};

/// 10,000 organizations with 10 keys each, 100 of which `org` granted trust, and each of
/// which also trusts the key of `vendor`: everybody's.
async fn fill(world: &World, org: OrgId, vendor: &Vendor) {
    let database = &world.database;
    let (org, key) = (database.id(org.as_uuid()), database.bytes(vendor.key.public_key.as_bytes()));
    let popular = database.bytes(vendor.key.fingerprint.as_bytes());
    let sql = format!(
        "INSERT INTO organizations (id, name, created_at)
         SELECT gen_random_uuid(), 'org-' || n, now() FROM generate_series(1, 10000) n;
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         SELECT gen_random_uuid(), o.id, sha256(convert_to(o.name || '/' || n, 'UTF8')), {key}, now()
         FROM organizations o CROSS JOIN generate_series(1, 10) n WHERE o.name LIKE 'org-%';
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         SELECT gen_random_uuid(), o.id, {popular}, {key}, now()
         FROM organizations o WHERE o.name LIKE 'org-%';
         INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at)
         SELECT gen_random_uuid(), {org}, o.id, now()
         FROM organizations o WHERE o.name LIKE 'org-%' ORDER BY o.name LIMIT 100;
         INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at)
         SELECT gen_random_uuid(), o.id, {org}, now()
         FROM organizations o WHERE o.name LIKE 'org-%';
         INSERT INTO compromised_keys (fingerprint, declared_by, declared_at)
         SELECT sha256(convert_to('stolen-' || n, 'UTF8')), {org}, now()
         FROM generate_series(1, 2000) n;
         INSERT INTO version_floors (org_id, package_name, floor, set_at)
         SELECT o.id, 'lib-' || n || '.so', '1.0.0', now()
         FROM organizations o CROSS JOIN generate_series(1, 5) n"
    );
    database.execute(&sql).await.unwrap();
    database.execute("ANALYZE").await.unwrap();
}

/// Runs a statement as the store does, and says how the server did it.
async fn explain(client: &Client, statement: &str, org: OrgId, key: &Fingerprint) -> Plan {
    // The settings of the store's own connections.
    let prepare = format!(
        "SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1;
         DEALLOCATE ALL; PREPARE question AS {statement}"
    );
    client.batch_execute(&prepare).await.unwrap();
    let types = "SELECT unnest(parameter_types)::text FROM pg_prepared_statements
                 WHERE name = 'question'";
    let rows = client.query(types, &[]).await.unwrap();
    let value = |kind: String| match kind.as_str() {
        "uuid" => format!("'{org}'"),
        "uuid[]" => format!("ARRAY['{org}'::uuid]"),
        "bytea" => format!("'\\x{key}'"),
        "bytea[]" => format!("ARRAY['\\x{key}'::bytea]"),
        "text" => "'libworkflow.so'".into(),
        "text[]" => "ARRAY['libworkflow.so']".into(),
        "bigint" => "4097".into(),
        other => panic!("a parameter of type {other}"),
    };
    let values: Vec<_> = rows.iter().map(|row| value(row.get(0))).collect();
    let explain =
        format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE question ({})", values.join(", "));
    let messages = client.simple_query(&explain).await.unwrap();
    let text = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    let json: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let mut plan = Plan::default();
    plan.read(&json[0]["Plan"]);
    plan
}

/// How the server answered.
#[derive(Debug, Default)]
struct Plan {
    /// The tables that it would read from end to end.
    whole: BTreeSet<String>,
    /// The indexes that it has used.
    used: BTreeSet<String>,
    /// How often it has looked into an index.
    look_ups: u64,
    /// How many rows it has found there, whether or not it had a use for them.
    rows: f64,
}

impl Plan {
    fn read(&mut self, node: &Value) {
        let text = |field: &str| node[field].as_str().map(str::to_owned);
        let loops = node["Actual Loops"].as_u64().unwrap();
        if node["Node Type"].as_str().unwrap() == "Seq Scan" {
            self.whole.extend(text("Relation Name"));
        }
        if let Some(index) = text("Index Name")
            && loops > 0
        {
            self.used.insert(index);
            self.look_ups += loops;
            let rows = |field: &str| node[field].as_f64().unwrap_or_default();
            let read = rows("Actual Rows") + rows("Rows Removed by Filter");
            self.rows += read * loops as f64;
        }
        for part in node["Plans"].as_array().into_iter().flatten() {
            self.read(part);
        }
    }

    #[track_caller]
    fn is_by_index(&self) {
        // It has one row.
        let besides = self.whole.iter().find(|table| *table != "store_state");
        assert_eq!(besides, None, "{self:?}");
    }
}

async fn world_full_of_organizations(world: &World) -> (OrgId, Vendor) {
    let vendor = world.vendor("acme").await;
    let org = world.org("operator").await;
    fill(world, org, &vendor).await;
    (org, vendor)
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn decision_about_a_key_that_few_hold_takes_a_few_look_ups() {
    run(Backend::Postgres, async |world: World| {
        let (org, vendor) = world_full_of_organizations(&world).await;
        let client = world.database.connect().await;
        let held = format!(
            "SELECT encode(k.fingerprint, 'hex') FROM trusted_keys k
             JOIN trust_grants g ON g.child_org_id = k.org_id
             WHERE g.parent_org_id = '{org}' AND k.fingerprint <> '\\x{}' LIMIT 1",
            vendor.key.fingerprint
        );
        let row = client.query_one(&held, &[]).await.unwrap();
        let held: Fingerprint = row.get::<_, String>(0).parse().unwrap();
        let unknown = SigningKey::generate().unwrap().fingerprint();
        let [named, _] = snapshot_statements();
        for key in [held, unknown] {
            let plan = explain(&client, &named, org, &key).await;
            plan.is_by_index();
            assert!(plan.used.contains("trusted_keys_holders"), "{plan:?}");
            // Were the grants gone through, it would be more than a hundred.
            assert!(plan.look_ups <= 15, "{plan:?}");
        }
    });
}

/// A runner reads through views, which changes nothing about that.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn decision_of_a_runners_role_takes_a_few_look_ups() {
    run(Backend::Postgres, async |world: World| {
        let (org, _) = world_full_of_organizations(&world).await;
        let role = Role::create(&world.database, &world.store, RolePurpose::Runner).await;
        let client = role.login.connect().await;
        let unknown = SigningKey::generate().unwrap().fingerprint();
        let [named, _] = snapshot_statements();
        let plan = explain(&client, &named, org, &unknown).await;
        plan.is_by_index();
        assert!(plan.used.contains("trusted_keys_holders"), "{plan:?}");
        assert!(plan.look_ups <= 15, "{plan:?}");
        drop(client);
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn decision_about_everybodys_key_goes_through_the_grants() {
    run(Backend::Postgres, async |world: World| {
        let (org, vendor) = world_full_of_organizations(&world).await;
        let client = world.database.connect().await;
        let [named, _] = snapshot_statements();
        let plan = explain(&client, &named, org, &vendor.key.fingerprint).await;
        plan.is_by_index();
        assert!(plan.used.contains("trust_grants_live"), "{plan:?}");
        // One for each grant, to the key, to the organization, and to what compromised it;
        // were the holders gone through, it would be thousands.
        assert!((100..=400).contains(&plan.look_ups), "{plan:?}");
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn search_for_all_possible_signers_looks_at_the_grants_only() {
    run(Backend::Postgres, async |world: World| {
        let (org, vendor) = world_full_of_organizations(&world).await;
        let client = world.database.connect().await;
        let [_, all] = snapshot_statements();
        let plan = explain(&client, &all, org, &vendor.key.fingerprint).await;
        assert!(!plan.whole.contains("trusted_keys"), "{plan:?}");
        assert!(!plan.whole.contains("trust_grants"), "{plan:?}");
    });
}

/// Of each organization, and of one kind, no more is read than counts, however much there is.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn trust_documents_of_the_granted_are_looked_up_and_superseded_ones_are_not_read() {
    run(Backend::Postgres, async |world: World| {
        let (org, vendor) = world_full_of_organizations(&world).await;
        let sql = format!(
            "INSERT INTO trust_documents (org_id, kind, version, envelope)
             SELECT o.id, kind, version, '{{}}' FROM organizations o
             CROSS JOIN (VALUES ('root', 2), ('statement', 5), ('revocations', 3)) k (kind, most)
             CROSS JOIN LATERAL generate_series(1, most) version;
             INSERT INTO trust_documents (org_id, kind, version, envelope)
             SELECT child_org_id, 'statement', version, '{{}}' FROM (
                 SELECT child_org_id FROM trust_grants WHERE parent_org_id = '{org}' LIMIT 1
             ) child CROSS JOIN generate_series(6, 5000) version;
             ANALYZE"
        );
        world.database.execute(&sql).await.unwrap();
        let role = Role::create(&world.database, &world.store, RolePurpose::Runner).await;
        for client in [world.database.connect().await, role.login.connect().await] {
            let statement = trust_documents_statement();
            let plan = explain(&client, &statement, org, &vendor.key.fingerprint).await;
            plan.is_by_index();
            assert!(plan.used.contains("trust_documents_pkey"), "{plan:?}");
            // For each of 101 organizations three kinds and the four gaps between them, and for
            // each grant the organization.
            assert!((700..=850).contains(&plan.look_ups), "{plan:?}");
            // For each grant itself, the organization and four documents. The child of which
            // there are 5,000 statements has no more.
            assert!((600.0..=700.0).contains(&plan.rows), "{plan:?}");
        }
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn table_that_is_read_from_end_to_end_is_noticed() {
    run(Backend::Postgres, async |world: World| {
        let (org, vendor) = world_full_of_organizations(&world).await;
        let client = world.database.connect().await;
        let unindexed = "SELECT count(*) FROM trusted_keys WHERE name = $1";
        let plan = explain(&client, unindexed, org, &vendor.key.fingerprint).await;
        assert!(plan.whole.contains("trusted_keys"), "{plan:?}");
    });
}
