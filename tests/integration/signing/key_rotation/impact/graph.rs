//! Organizations with keys, trust and stored signatures at random, and what they accept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use signing_crypto::{OrgId, SignatureId};
use signing_loader::{SignatureSource, package_statement};
use signing_trust::TrustLimits;
use signing_trust::store::SigningKeyRecord;

use crate::support::{World, check_package};

pub(super) const ORGS: usize = 4;
pub(super) const PACKAGES: usize = 4;

/// Knuth's generator: a failure can be repeated.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    pub(super) fn often(&mut self) -> bool {
        self.below(3) > 0
    }
}

/// Organizations with a key each, that trust, grant and keep signatures at random.
pub(super) struct Graph {
    pub(super) orgs: Vec<OrgId>,
    pub(super) keys: Vec<SigningKeyRecord>,
    pub(super) paths: Vec<PathBuf>,
}

impl Graph {
    pub(super) async fn random(world: &World, seed: u64) -> Self {
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
                    let scope = TrustLimits { packages, expires_at: None };
                    world.keys.grant_trust(*org, *child, scope).await.unwrap();
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
    pub(super) async fn accepted(&self, world: &World) -> BTreeMap<OrgId, BTreeSet<String>> {
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

    /// Which of the stored signatures each organization accepts, each alone.
    pub(super) async fn accepted_signatures(
        &self,
        world: &World,
    ) -> BTreeMap<OrgId, BTreeSet<SignatureId>> {
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
}

/// Every row of the tables that say who accepts what, and the epoch.
pub(super) async fn everything(world: &World, graph: &Graph) -> String {
    let store = &world.store;
    let mut all = store.heartbeat().await.unwrap().state.to_string();
    for org in &graph.orgs {
        all += &format!(
            "{:?}{:?}{:?}{:?}{:?}",
            store.signing_keys(*org).await.unwrap(),
            store.own_trusted_keys(*org).await.unwrap(),
            store.children_of(*org).await.unwrap(),
            store.stored_signatures(*org, None, 100).await.unwrap(),
            store.audit_log(*org).await.unwrap(),
        );
    }
    all
}
