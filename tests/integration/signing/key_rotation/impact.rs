//! What a revocation is said to end is what it ends.

mod gains;
mod graph;

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{OrgId, SignatureId};
use signing_trust::store::{Revocation, RevocationReason, SigningKeyRecord, StoreError};
use signing_trust::{AffectedSignatures, PlannedSuccessor, Resign, TrustError, TrustImpact};

use self::graph::{Graph, ORGS, everything};
use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    what_is_foreseen_is_what_happens_on_random_graphs,
    name_of_a_revoked_key_is_free_for_a_successor_as_foreseen,
    name_of_a_key_that_signs_is_not_free_for_a_successor_as_foreseen,
}

const GRAPHS: u64 = 6;
const STEPS: usize = 5;

impl Graph {
    /// What is foreseen of one step, and what is then done: a trusted key is revoked, a
    /// signing key retired, a key denied, then declared compromised, by an organization
    /// that may know nothing of it, and a signing key revoked as compromised.
    async fn foresee_and_do(
        &self,
        world: &World,
        step: usize,
        key: &SigningKeyRecord,
        who: OrgId,
        foreseen: impl AsyncFnOnce(),
    ) -> TrustImpact {
        let (keys, fingerprint) = (&world.keys, &key.fingerprint);
        let reason = match step {
            1 => RevocationReason::Retired,
            _ => RevocationReason::Compromised,
        };
        let holders = keys.store().organizations_trusting(*fingerprint).await.unwrap();
        let row = holders.first().filter(|_| step == 0).map(|(_, row)| row.id);
        let impact = match (step, row) {
            (_, Some(row)) => keys.trusted_key_impact(row).await,
            (2, _) => keys.denial_impact(who, fingerprint).await,
            (3, _) => keys.compromise_impact(who, fingerprint).await,
            _ => keys.signing_key_impact(key.id, reason).await,
        };
        foreseen().await;
        match (step, row) {
            (_, Some(row)) => {
                keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
            }
            (2, _) => drop(keys.deny_key(who, fingerprint, None).await.unwrap()),
            (3, _) => {
                drop(keys.danger_declare_compromised(who, fingerprint, None).await.unwrap());
            }
            _ => {
                let revocation = Revocation { reason, note: None };
                keys.revoke_signing_key(key.id, revocation).await.unwrap();
            }
        }
        impact.unwrap()
    }
}

/// The stored signatures that are lost, of each organization that loses any.
fn foreseen_signatures(impact: &TrustImpact) -> BTreeMap<OrgId, BTreeSet<SignatureId>> {
    let ids = |loss: &AffectedSignatures| loss.signatures.iter().map(|lost| lost.id).collect();
    impact.losses.iter().map(|loss| (loss.org.id, ids(loss))).collect()
}

fn foreseen(impact: &TrustImpact) -> BTreeMap<OrgId, BTreeSet<String>> {
    let names = |loss: &AffectedSignatures| {
        loss.packages.iter().map(|(_, name)| name.to_string()).collect::<BTreeSet<_>>()
    };
    let losses = impact.losses.iter().map(|loss| (loss.org.id, names(loss)));
    losses.filter(|(_, names)| !names.is_empty()).collect()
}

async fn what_is_foreseen_is_what_happens_on_random_graphs(world: World) {
    let mut lost_something = [0; STEPS];
    for seed in 0..GRAPHS {
        let graph = Graph::random(&world, seed).await;
        for (step, losses) in lost_something.iter_mut().enumerate() {
            let key = &graph.keys[(seed as usize + step) % ORGS];
            let who = graph.orgs[(seed as usize + 2 * step + 1) % ORGS];
            let before = graph.accepted(&world).await;
            let signatures = graph.accepted_signatures(&world).await;
            let rows = everything(&world, &graph).await;
            let unchanged = async || {
                assert_eq!(everything(&world, &graph).await, rows, "it changed something");
            };
            let impact = graph.foresee_and_do(&world, step, key, who, unchanged).await;

            let after = graph.accepted(&world).await;
            let mut lost = BTreeMap::new();
            for (org, names) in &before {
                assert!(after[org].is_subset(names), "a revocation made something good");
                let gone: BTreeSet<_> = names.difference(&after[org]).cloned().collect();
                if !gone.is_empty() {
                    lost.insert(*org, gone);
                }
            }
            assert_eq!(foreseen(&impact), lost, "graph {seed}, step {step}");
            *losses += lost.len();

            let after = graph.accepted_signatures(&world).await;
            let lost = signatures.into_iter().filter_map(|(org, before)| {
                let left = after.get(&org).cloned().unwrap_or_default();
                let lost: BTreeSet<_> = before.difference(&left).copied().collect();
                (!lost.is_empty()).then_some((org, lost))
            });
            let lost: BTreeMap<_, _> = lost.collect();
            assert_eq!(foreseen_signatures(&impact), lost, "graph {seed}, step {step}");
        }
    }
    // Graphs in which nothing is ever lost would show nothing; retiring loses nothing.
    let [trusted, retired, denied, declared, compromised] = lost_something;
    assert_eq!(retired, 0);
    for lost in [trusted, denied, declared, compromised] {
        assert!(lost > 0, "{lost_something:?}");
    }
}

async fn name_of_a_revoked_key_is_free_for_a_successor_as_foreseen(world: World) {
    let acme = world.vendor("acme").await;
    let other = world.key(acme.org, "other").await;
    world.keys.revoke_signing_key(other.id, Revocation::retired()).await.unwrap();
    let (id, name) = (acme.key.id, Some(other.name.clone()));

    let impact = world.keys.rotation_impact(id, name.clone(), Resign::Leave).await.unwrap();
    assert_eq!(impact.successor, PlannedSuccessor::ToBeMade(other.name.clone()));
    let rotation = world.keys.rotate_signing_key(id, name, Resign::Leave).await.unwrap();
    assert_eq!(rotation.successor.into_inner().name, other.name);
}

async fn name_of_a_key_that_signs_is_not_free_for_a_successor_as_foreseen(world: World) {
    let acme = world.vendor("acme").await;
    let other = world.key(acme.org, "other").await;
    let (id, name) = (acme.key.id, Some(other.name));

    let impact = world.keys.rotation_impact(id, name.clone(), Resign::Leave).await;
    assert_refused!(impact, TrustError::Store(StoreError::NameTaken { .. }));
    let rotation = world.keys.rotate_signing_key(id, name, Resign::Leave).await;
    assert_refused!(rotation, TrustError::Store(StoreError::NameTaken { .. }));
    assert_eq!(world.store.signing_keys(acme.org).await.unwrap().len(), 2);
}
