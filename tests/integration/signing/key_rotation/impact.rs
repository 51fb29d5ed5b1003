//! What a revocation is said to end is what it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use signing_crypto::OrgId;
use signing_loader::{SignatureSource, check_package};
use signing_trust::RevocationImpact;
use signing_trust::store::{GrantScope, Revocation, RevocationReason, SigningKeyRecord};

use crate::support::{World, on_both_backends};

on_both_backends! {
    what_is_foreseen_is_what_happens_on_random_graphs,
}

const GRAPHS: u64 = 6;
const ORGS: usize = 4;
const PACKAGES: usize = 4;

/// Knuth's generator: a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn often(&mut self) -> bool {
        self.below(3) > 0
    }
}

/// Organisations with a key each, that trust, grant and keep signatures at random.
struct Graph {
    orgs: Vec<OrgId>,
    keys: Vec<SigningKeyRecord>,
    paths: Vec<PathBuf>,
}

impl Graph {
    async fn random(world: &World, seed: u64) -> Self {
        let mut random = Random(seed);
        let (mut orgs, mut keys, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..ORGS {
            let org = world.org(&format!("g{seed}.{number}")).await;
            keys.push(world.key(org, "release").await);
            orgs.push(org);
        }
        for number in 0..PACKAGES {
            let content = format!("{seed}.{number}");
            paths.push(world.file(&format!("p{seed}.{number}.so"), content.as_bytes()));
        }
        for (place, org) in orgs.iter().enumerate() {
            for key in &keys {
                if random.often() {
                    world.trust(*org, key).await;
                }
            }
            for (other, child) in orgs.iter().enumerate() {
                if other != place && random.often() {
                    let only = format!("p{seed}.{}.so", random.below(PACKAGES));
                    let packages = random
                        .often()
                        .then(|| signing_crypto::PackagePatterns::new(vec![only]).unwrap());
                    let scope = GrantScope { packages, expires_at: None };
                    world.keys.grant_limited_trust(*org, *child, scope).await.unwrap();
                }
            }
            for path in &paths {
                let mut signature = world.sign(path, &keys[random.below(ORGS)]).await;
                if random.often() {
                    let other = keys[random.below(ORGS)].id;
                    // Perhaps the same one, and then it has signed already.
                    let _ = world.keys.add_signature(other, &mut signature).await;
                }
                if random.often() {
                    world.keys.store_signature(*org, &signature).await.unwrap();
                }
            }
        }
        Self { orgs, keys, paths }
    }

    /// Which packages each organisation accepts by what is kept.
    async fn accepted(&self, world: &World) -> BTreeMap<OrgId, BTreeSet<String>> {
        let mut accepted = BTreeMap::new();
        for org in &self.orgs {
            let mut names = BTreeSet::new();
            for path in &self.paths {
                let (config, source) = (&world.config, SignatureSource::Database);
                if let Ok(report) = check_package(path, *org, config, &world.keys, source).await {
                    names.insert(report.name().to_string());
                }
            }
            accepted.insert(*org, names);
        }
        accepted
    }
}

/// Every row of the tables that say who accepts what, and the epoch.
async fn everything(world: &World, graph: &Graph) -> String {
    let store = world.keys.store();
    let mut all = store.heartbeat().await.unwrap().state.to_string();
    for org in &graph.orgs {
        all += &format!(
            "{:?}{:?}{:?}{:?}{:?}",
            store.signing_keys(*org).await.unwrap(),
            store.own_trusted_keys(*org).await.unwrap(),
            store.grants_from(*org).await.unwrap(),
            store.kept_signatures(*org, None, 100).await.unwrap(),
            store.audit_log(*org).await.unwrap(),
        );
    }
    all
}

fn foreseen(impact: &RevocationImpact) -> BTreeMap<OrgId, BTreeSet<String>> {
    let names = |loss: &signing_trust::OrganizationLoss| {
        loss.packages.iter().map(|(_, name)| name.to_string()).collect::<BTreeSet<_>>()
    };
    let losses = impact.losses.iter().map(|loss| (loss.org.id, names(loss)));
    losses.filter(|(_, names)| !names.is_empty()).collect()
}

async fn what_is_foreseen_is_what_happens_on_random_graphs(world: World) {
    let mut lost_something = 0;
    for seed in 0..GRAPHS {
        let graph = Graph::random(&world, seed).await;
        // First a trusted key, then the signing key as retired, then as compromised.
        for step in 0..3 {
            let key = &graph.keys[(seed as usize + step) % ORGS];
            let holders = world.keys.who_trusts(&key.fingerprint).await.unwrap();
            let before = graph.accepted(&world).await;
            let rows = everything(&world, &graph).await;
            let reason = match step {
                1 => RevocationReason::Retired,
                _ => RevocationReason::Compromised,
            };
            let trusted = holders.first().filter(|_| step == 0).map(|(_, row)| row.id);
            let impact = match trusted {
                Some(id) => world.keys.trusted_key_impact(id).await.unwrap(),
                None => world.keys.signing_key_impact(key.id, reason).await.unwrap(),
            };
            assert_eq!(everything(&world, &graph).await, rows, "it changed something");

            match trusted {
                Some(id) => drop(world.keys.revoke_trusted_key(id).await.unwrap()),
                None => {
                    let revocation = Revocation { reason, note: None };
                    world.keys.revoke_signing_key_because(key.id, revocation).await.unwrap();
                }
            }

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
            lost_something += lost.len();
        }
    }
    // Graphs in which nothing is ever lost would show nothing.
    assert!(lost_something > 4, "{lost_something}");
}
