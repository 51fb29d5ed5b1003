//! Questions that many tasks ask at once are answered as if each were asked alone.

use signing_crypto::{OrgId, PackageName};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::{Revocation, Store, StoreError};
use signing_trust::{KeyManager, Signers, TrustDecision, TrustError, TrustLimits};
use tokio::task::JoinSet;

use crate::support::{World, on_both_backends};

on_both_backends! {
    questions_asked_at_once_are_each_answered_as_if_asked_alone,
    revocation_is_known_to_every_question_that_comes_after_it,
}

const ROUNDS: usize = 4;
const HOLDERS: usize = 120;

/// A program that has asked nothing before.
fn fresh(world: &World) -> KeyManager {
    KeyManager::new(world.store.clone(), None)
}

async fn questions_asked_at_once_are_each_answered_as_if_asked_alone(world: World) {
    let mut vendors = Vec::new();
    for number in 0..6 {
        vendors.push(world.vendor(&format!("vendor-{number}")).await);
    }
    let parent = world.org("parent").await;
    world.keys.grant_trust(parent, vendors[0].org, TrustLimits::default()).await.unwrap();
    world.keys.grant_trust(parent, vendors[1].org, TrustLimits::default()).await.unwrap();
    world.keys.deny_key(parent, &vendors[1].key.fingerprint, None).await.unwrap();
    // So many hold its key that the store looks for it in another way.
    for number in 0..HOLDERS {
        let holder = world.org(&format!("holder-{number}")).await;
        world.trust(holder, &vendors[0].key).await;
    }
    let floor = Some("1.2.3".parse().unwrap());
    world.keys.set_version_floor(parent, &"lib-1.so".parse().unwrap(), floor).await.unwrap();

    let orgs: Vec<OrgId> = vendors.iter().map(|vendor| vendor.org).chain([parent]).collect();
    let package = |number: usize| -> PackageName { format!("lib-{number}.so").parse().unwrap() };
    let mut alone = Vec::new();
    for org in &orgs {
        for (number, vendor) in vendors.iter().enumerate() {
            let signers = Signers::one(vendor.key.fingerprint);
            let decided = fresh(&world)
                .decide(*org, &signers, &package(number), ClockSkewAllowance::NONE)
                .await
                .unwrap();
            alone.push((*org, signers, package(number), decided));
        }
    }
    let nobody = OrgId::random();
    for _ in 0..ROUNDS {
        let mut asked = JoinSet::new();
        for (index, (org, signers, package, _)) in alone.iter().cloned().enumerate() {
            let (keys, lost) = (fresh(&world), signers.clone());
            let unknown = keys.clone();
            asked.spawn(async move {
                (Some(index), keys.decide(org, &signers, &package, ClockSkewAllowance::NONE).await)
            });
            let package = "lib-0.so".parse().unwrap();
            asked.spawn(async move {
                (None, unknown.decide(nobody, &lost, &package, ClockSkewAllowance::NONE).await)
            });
        }
        while let Some(answered) = asked.join_next().await {
            match answered.unwrap() {
                (Some(index), decided) => {
                    let (org, signers, _, expected) = &alone[index];
                    same(&decided.unwrap(), expected, &format!("{org} about {signers:?}"));
                }
                (None, decided) => assert!(
                    matches!(
                        decided,
                        Err(TrustError::Store(StoreError::OrganizationNotFound { .. }))
                    ),
                    "{decided:?}"
                ),
            }
        }
    }
}

/// But for the moment.
fn same(decided: &TrustDecision, expected: &TrustDecision, about: &str) {
    assert_eq!(decided.keys(), expected.keys(), "{about}");
    assert_eq!(decided.floor(), expected.floor(), "{about}");
}

async fn revocation_is_known_to_every_question_that_comes_after_it(world: World) {
    for round in 0..ROUNDS {
        let vendor = world.vendor(&format!("vendor-{round}")).await;
        // They go on asking while trust ends.
        let mut asking = JoinSet::new();
        for _ in 0..16 {
            let (store, org) = (world.store.clone(), vendor.org);
            let signers = Signers::one(vendor.key.fingerprint);
            asking.spawn(async move {
                while decide(&store, org, &signers).await {}
                // Once refused, always refused.
                !decide(&store, org, &signers).await
            });
        }
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        let mut after = JoinSet::new();
        for _ in 0..16 {
            let (store, org) = (world.store.clone(), vendor.org);
            let signers = Signers::one(vendor.key.fingerprint);
            after.spawn(async move { decide(&store, org, &signers).await });
        }
        assert!(after.join_all().await.iter().all(|accepted| !accepted), "round {round}");
        assert!(asking.join_all().await.iter().all(|refused| *refused), "round {round}");
    }
}

async fn decide(store: &Store, org: OrgId, signers: &Signers) -> bool {
    let keys = KeyManager::new(store.clone(), None);
    let decided =
        keys.decide(org, signers, &"package.so".parse().unwrap(), ClockSkewAllowance::NONE).await;
    decided.unwrap().trusted().next().is_some()
}
