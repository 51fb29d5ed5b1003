//! Revocations while others verify: nothing that starts after one has returned passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signing_crypto::OrgId;
use signing_trust::Freshness;
use signing_trust::store::Revocation;
use tokio::task::JoinSet;

use crate::support::{Runner, World, on_both_backends};

on_both_backends! {
    no_verification_that_starts_after_a_revocation_returned_passes,
}

const ROUNDS: usize = 200;

const VERIFIERS: usize = 4;

/// Which organizations have revoked, and how often each verifier has decided.
struct Race {
    orgs: Vec<OrgId>,
    /// Those before this one have, and their revocation has returned.
    revoked: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

/// Decides about the one that is being revoked and the one that was last, until all are.
async fn verify(mut runner: Runner, race: Arc<Race>) {
    loop {
        let revoked = race.revoked.load(Ordering::SeqCst);
        for index in [revoked, revoked.saturating_sub(1)] {
            let Some(&org) = race.orgs.get(index) else { continue };
            runner.org = org;
            let must_refuse = index < race.revoked.load(Ordering::SeqCst);
            match runner.decide().await.unwrap() {
                true => {
                    assert!(!must_refuse, "accepted after revocation {index} had returned");
                    race.accepted.fetch_add(1, Ordering::SeqCst);
                }
                false => {
                    race.refused.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        if revoked == race.orgs.len() {
            return;
        }
    }
}

async fn no_verification_that_starts_after_a_revocation_returned_passes(world: World) {
    let vendor = world.vendor("acme").await;
    let (mut orgs, mut rows) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let org = world.org(&format!("operator-{round}")).await;
        rows.push(world.trust(org, &vendor.key).await);
        orgs.push(org);
    }
    let counts = [(); 3].map(|()| AtomicUsize::new(0));
    let [revoked, accepted, refused] = counts;
    let race = Arc::new(Race { orgs, revoked, accepted, refused });

    let mut verifiers = JoinSet::new();
    for _ in 0..VERIFIERS {
        let url = world.database.url();
        let runner = Runner::start(&url, vendor.org, &vendor, Freshness::Strict).await;
        verifiers.spawn(verify(runner, race.clone()));
    }
    let decided = || (race.accepted.load(Ordering::SeqCst), race.refused.load(Ordering::SeqCst));
    for row in rows {
        // Each is revoked while somebody decides about it.
        let (accepted, _) = decided();
        while decided().0 == accepted {
            assert!(!verifiers.is_empty() && verifiers.try_join_next().is_none());
            tokio::task::yield_now().await;
        }
        world.keys.revoke_trusted_key(row.id, Revocation::retired()).await.unwrap();
        race.revoked.fetch_add(1, Ordering::SeqCst);
    }
    verifiers.join_all().await;
    let (accepted, refused) = decided();
    assert!(accepted >= ROUNDS && refused >= VERIFIERS, "{accepted} {refused}");
}
