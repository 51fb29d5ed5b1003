//! How the server answers when there is much in the store: never by reading all of it.

use std::time::Duration;

use signing_crypto::{Fingerprint, OrgId};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::support::{Backend, Vendor, World, run};

/// How often each question is asked: far more often than a test reads a table for
/// any other reason.
const QUESTIONS: i64 = 100;

/// What the server has counted since it began.
#[derive(Clone, Copy, Debug)]
struct Scans {
    /// Readings of a table from end to end.
    whole: i64,
    /// Readings of an index on trusted keys.
    index: i64,
}

async fn scans(client: &Client) -> Scans {
    let counted = "SELECT coalesce(sum(seq_scan), 0)::bigint,
                          coalesce(sum(idx_scan) FILTER (WHERE relname = 'trusted_keys'), 0)::bigint
                   FROM pg_stat_user_tables
                   WHERE relname IN ('organizations', 'trusted_keys', 'trust_grants')";
    let row = client.query_one(counted, &[]).await.unwrap();
    Scans { whole: row.get(0), index: row.get(1) }
}

/// What was counted when `least` more readings of the index have been: the server
/// counts a little later than it reads.
async fn scans_after(client: &Client, before: Scans, least: i64) -> Scans {
    let counted = async {
        loop {
            let now = scans(client).await;
            if now.index >= before.index + least {
                return now;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), counted).await.expect("the server counts no index scans")
}

/// 2,000 organisations with 5 keys each, 100 of which `org` granted trust.
async fn fill(world: &World, org: OrgId, vendor: &Vendor) {
    let database = &world.database;
    let (org, key) = (database.id(org.as_uuid()), database.bytes(vendor.key.public_key.as_bytes()));
    let sql = format!(
        "INSERT INTO organizations (id, name, created_at)
         SELECT gen_random_uuid(), 'org-' || n, now() FROM generate_series(1, 2000) n;
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         SELECT gen_random_uuid(), o.id, sha256(convert_to(o.name || '/' || n, 'UTF8')), {key}, now()
         FROM organizations o CROSS JOIN generate_series(1, 5) n WHERE o.name LIKE 'org-%';
         INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at)
         SELECT gen_random_uuid(), {org}, o.id, now()
         FROM organizations o WHERE o.name LIKE 'org-%' ORDER BY o.name LIMIT 100;
         INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at)
         SELECT gen_random_uuid(), o.id, {org}, now()
         FROM organizations o WHERE o.name LIKE 'org-%'"
    );
    database.execute(&sql).await.unwrap();
    database.execute("ANALYZE").await.unwrap();
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn decision_reads_no_table_from_end_to_end() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let org = world.org("operator").await;
        fill(&world, org, &vendor).await;
        let client = world.database.connect().await;
        for keys in [1, 16] {
            let before = scans(&client).await;
            for _ in 0..QUESTIONS {
                let keys = (0..keys).map(|n| Fingerprint::from_bytes([n; 32])).collect();
                world.keys.store().trust_facts(org, keys).await.unwrap();
            }
            // Each question looks at the organisation and at each of its children.
            let after = scans_after(&client, before, QUESTIONS).await;
            assert!(after.whole - before.whole < QUESTIONS, "{before:?} {after:?}");
        }
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn table_that_is_read_from_end_to_end_is_counted() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        fill(&world, vendor.org, &vendor).await;
        let client = world.database.connect().await;
        let before = scans(&client).await;
        for _ in 0..QUESTIONS {
            let unindexed = "SELECT count(*) FROM trusted_keys WHERE name = 'release'";
            client.query_one(unindexed, &[]).await.unwrap();
        }
        let counted = async {
            while scans(&client).await.whole - before.whole < QUESTIONS {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), counted).await.expect("a whole reading is not counted");
    });
}
