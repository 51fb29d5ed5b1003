//! What a revocation is said to end is what it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use signing_crypto::{OrgId, SignatureId};
use signing_loader::{SignatureSource, package_statement};
use signing_trust::store::{GrantScope, Revocation, RevocationReason, SigningKeyRecord};
use signing_trust::{OrganizationLoss, RevocationImpact};

use crate::support::{World, check_package, on_both_backends};

on_both_backends! {
    what_is_foreseen_is_what_happens_on_random_graphs,
}

const GRAPHS: u64 = 6;
const ORGS: usize = 4;
const PACKAGES: usize = 4;
const STEPS: usize = 5;

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

/// Organizations with a key each, that trust, grant and keep signatures at random.
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

    /// Which packages each organization accepts by what is kept.
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

impl Graph {
    /// Which of the kept signatures each organization accepts, each alone.
    async fn accepted_signatures(&self, world: &World) -> BTreeMap<OrgId, BTreeSet<SignatureId>> {
        let mut accepted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (org, path) in self.orgs.iter().flat_map(|org| self.paths.iter().map(move |p| (org, p)))
        {
            let digest = *package_statement(path.as_path()).unwrap().digest();
            for kept in world.keys.find_signatures(*org, digest).await.unwrap() {
                let source = SignatureSource::Memory(kept.envelope.unwrap());
                if check_package(path, *org, &world.config, &world.keys, source).await.is_ok() {
                    accepted.entry(*org).or_default().insert(kept.id);
                }
            }
        }
        accepted
    }

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
    ) -> RevocationImpact {
        let (keys, fingerprint) = (&world.keys, &key.fingerprint);
        let reason = match step {
            1 => RevocationReason::Retired,
            _ => RevocationReason::Compromised,
        };
        let holders = keys.who_trusts(fingerprint).await.unwrap();
        let row = holders.first().filter(|_| step == 0).map(|(_, row)| row.id);
        let impact = match (step, row) {
            (_, Some(row)) => keys.trusted_key_impact(row).await,
            (2, _) => keys.denial_impact(who, fingerprint).await,
            (3, _) => keys.compromise_impact(who, fingerprint).await,
            _ => keys.signing_key_impact(key.id, reason).await,
        };
        foreseen().await;
        match (step, row) {
            (_, Some(row)) => drop(keys.revoke_trusted_key(row).await.unwrap()),
            (2, _) => drop(keys.deny_key(who, fingerprint, None).await.unwrap()),
            (3, _) => {
                drop(keys.danger_declare_compromised(who, fingerprint, None).await.unwrap());
            }
            _ => {
                let revocation = Revocation { reason, note: None };
                keys.revoke_signing_key_because(key.id, revocation).await.unwrap();
            }
        }
        impact.unwrap()
    }
}

/// Every row of the tables that say who accepts what, and the epoch.
async fn everything(world: &World, graph: &Graph) -> String {
    let store = &world.store;
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

/// The kept signatures that are lost, of each organization that loses any.
fn foreseen_signatures(impact: &RevocationImpact) -> BTreeMap<OrgId, BTreeSet<SignatureId>> {
    let ids = |loss: &OrganizationLoss| loss.signatures.iter().map(|lost| lost.id).collect();
    impact.losses.iter().map(|loss| (loss.org.id, ids(loss))).collect()
}

fn foreseen(impact: &RevocationImpact) -> BTreeMap<OrgId, BTreeSet<String>> {
    let names = |loss: &OrganizationLoss| {
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
