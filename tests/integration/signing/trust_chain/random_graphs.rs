//! Random changes, after each of which the store must say what the rules say.

use std::collections::BTreeSet;

use signing_crypto::{OrgId, SigningKey, VerifyingKey};
use signing_trust::Signers;

use crate::support::{World, on_both_backends};

on_both_backends! {
    decisions_agree_with_a_naive_evaluator_after_every_change,
}

const ORGS: usize = 5;
const KEYS: usize = 4;
const CHANGES: usize = 120;

/// The rules, word for word, over sets.
#[derive(Default)]
struct Model {
    trusted: BTreeSet<(usize, usize)>,
    refused: BTreeSet<(usize, usize)>,
    grants: BTreeSet<(usize, usize)>,
    deleted: BTreeSet<usize>,
}

impl Model {
    /// Whether `org` accepts `key`.
    fn accepts(&self, org: usize, key: usize) -> bool {
        let itself = |org| {
            !self.deleted.contains(&org)
                && self.trusted.contains(&(org, key))
                && !self.refused.contains(&(org, key))
        };
        let inherited =
            || (0..ORGS).any(|child| self.grants.contains(&(org, child)) && itself(child));
        !self.deleted.contains(&org)
            && !self.refused.contains(&(org, key))
            && (itself(org) || inherited())
    }
}

/// Knuth's generator: a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Makes a random change in both. The store may refuse it, and then changes nothing.
async fn change(
    world: &World,
    orgs: &[OrgId],
    keys: &[VerifyingKey],
    model: &mut Model,
    random: &mut Random,
) {
    let manager = &world.keys;
    let (org, other, key) = (random.below(ORGS), random.below(ORGS), random.below(KEYS));
    let (id, fingerprint) = (orgs[org], keys[key].fingerprint());
    match random.below(20) {
        0..7 => {
            if manager.trust_public_key(id, &keys[key], None).await.is_ok() {
                model.trusted.insert((org, key));
            }
        }
        7..14 => {
            if manager.grant_trust(id, orgs[other]).await.is_ok() {
                model.grants.insert((org, other));
            }
        }
        14..16 => {
            if manager.revoke_trust(id, orgs[other]).await.is_ok() {
                model.grants.remove(&(org, other));
            }
        }
        16..19 => {
            if manager.deny_key(id, &fingerprint, None).await.is_ok() {
                model.refused.insert((org, key));
            }
        }
        // Or soon nobody is left.
        _ => {
            if model.deleted.len() < 2 && manager.delete_organization(id).await.is_ok() {
                model.deleted.insert(org);
            }
        }
    }
}

async fn decisions_agree_with_a_naive_evaluator_after_every_change(world: World) {
    let mut orgs = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        orgs.push(world.org(name).await);
    }
    let keys = [(); KEYS].map(|()| SigningKey::generate().unwrap().verifying_key());
    let named: Vec<_> = keys.iter().map(VerifyingKey::fingerprint).collect();
    let signers = Signers { named: named.clone(), anonymous: false };
    let (mut model, mut random) = (Model::default(), Random(20_260_128));
    let mut accepted = 0;

    for step in 0..CHANGES {
        change(&world, &orgs, &keys, &mut model, &mut random).await;
        for (org, id) in orgs.iter().enumerate() {
            let decision =
                world.keys.decide(*id, &signers, &"lib.so".parse().unwrap()).await.unwrap();
            for (key, fingerprint) in named.iter().enumerate() {
                let accepts = decision.about(fingerprint).is_ok();
                assert_eq!(accepts, model.accepts(org, key), "step {step}, {org} about {key}");
                accepted += usize::from(accepts);
            }
        }
    }
    // A run in which nobody trusts anybody would show nothing.
    assert!(accepted > CHANGES && accepted < CHANGES * ORGS * KEYS, "{accepted}");
    assert_eq!(model.deleted.len(), 2);
}
