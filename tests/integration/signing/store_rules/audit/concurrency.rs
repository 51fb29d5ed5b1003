//! Many writers, and somebody who verifies meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signing_crypto::SigningKey;
use signing_trust::KeyManager;
use signing_trust::store::Store;
use tokio::task::JoinSet;

use super::forger::verified;
use crate::support::{World, kek, on_both_backends};

on_both_backends! {
    writers_at_once_on_two_pools_leave_whole_logs,
}

const WRITERS: usize = 8;

async fn writers_at_once_on_two_pools_leave_whole_logs(world: World) {
    let mut orgs = Vec::new();
    for name in ["one", "two", "three"] {
        orgs.push(world.org(name).await);
    }
    let other_pool = Store::open(&world.database.url()).await.unwrap();
    let pools = [world.keys.clone(), KeyManager::new(other_pool, Some(kek(1)))];
    let enough = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (keys, org) = (pools[writer % 2].clone(), orgs[writer % orgs.len()]);
        let enough = Arc::clone(&enough);
        writers.spawn(async move {
            let mut changes = 0;
            while !enough.load(Ordering::SeqCst) {
                let stranger = SigningKey::generate().unwrap().fingerprint();
                keys.deny_key(org, &stranger, None).await.unwrap();
                changes += 1;
            }
            changes
        });
    }
    // They write before, between and after, until each log has grown before our eyes.
    for &org in &orgs {
        while verified(&world, org).await.entries < 2 * WRITERS as i64 {}
    }
    enough.store(true, Ordering::SeqCst);
    let changes: i64 = writers.join_all().await.into_iter().sum();

    let mut entries = 0;
    for &org in &orgs {
        entries += verified(&world, org).await.entries;
    }
    assert_eq!(entries, orgs.len() as i64 + changes);
}
