//! What many ask at once costs the server fewer statements than there are questions.

use std::time::Duration;

use signing_trust::store::Store;
use signing_trust::{KeyManager, Signers};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::support::{Backend, Database, Vendor, World, run, until};

const QUESTIONS: i64 = 100;

/// How many statements the server has answered for programs that have ended: it counts
/// them by the time that their connections are closed.
async fn answered(client: &Client) -> i64 {
    let others = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until(Duration::from_secs(60), "the connections are closed", async || {
        client.query_one(others, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    let counted = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    client.query_one(counted, &[]).await.unwrap().get(0)
}

/// Asks so many questions as a program of its own, which then ends.
async fn ask(database: &Database, vendor: &Vendor, at_once: bool) {
    let store = Store::open(&database.url()).await.unwrap();
    let mut asked = JoinSet::new();
    for _ in 0..QUESTIONS {
        let (keys, org) = (KeyManager::new(store.clone(), None), vendor.org);
        let signers = Signers::one(vendor.key.fingerprint);
        asked.spawn(async move {
            let decided = keys.decide(org, &signers, &"package.so".parse().unwrap()).await;
            assert_eq!(decided.unwrap().trusted().count(), 1);
        });
        if !at_once {
            asked.join_next().await.unwrap().unwrap();
        }
    }
    asked.join_all().await;
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn questions_asked_at_once_are_fewer_statements_than_one_by_one() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let World { keys, database, .. } = world;
        drop(keys);
        let client = database.connect().await;
        let before = answered(&client).await;
        ask(&database, &vendor, false).await;
        let one_by_one = answered(&client).await - before;
        assert!(one_by_one >= QUESTIONS, "{one_by_one}");
        // Those that would have to wait too long are asked alone, on a busy machine even
        // all: but not always.
        until(Duration::from_secs(60), "fewer statements than questions", async || {
            let before = answered(&client).await;
            ask(&database, &vendor, true).await;
            answered(&client).await - before < QUESTIONS / 2
        })
        .await;
    });
}
