//! What a change is said to bring about, whether it gives trust or takes it away, is what it does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use signing_crypto::{Fingerprint, OrgId, PackagePatterns, SignatureId};
use signing_trust::store::StoreError;
use signing_trust::{
    AffectedSignatures, OrganizationKeys, PlannedSuccessor, Resign, TrustError, TrustImpact,
    TrustLimits, TrustPath, TrustedKey,
};

use super::graph::{Graph, ORGS, PACKAGES, Random, everything};
use crate::support::{World, assert_refused, forget_signers, on_both_backends};

on_both_backends! {
    foreseen_gains_are_what_is_accepted_then_on_random_graphs,
    foreseen_rotation_is_what_happens_on_random_graphs,
    what_a_command_refuses_is_not_foreseen,
}

const GRAPHS: u64 = 5;

/// A change, which is first foreseen and then made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Grant,
    ReplaceGrant,
    Trust,
    TrustAgain,
    Reinstate,
    ReinstateUnknown,
    SetFloor,
    UnsetFloor,
}

const STEPS: [Step; 8] = [
    Step::Grant,
    Step::ReplaceGrant,
    Step::Trust,
    Step::TrustAgain,
    Step::Reinstate,
    Step::ReinstateUnknown,
    Step::SetFloor,
    Step::UnsetFloor,
];

type Path = (Fingerprint, Option<OrgId>, TrustLimits);

fn path(key: &TrustedKey) -> Path {
    let child = match &key.via {
        TrustPath::Granted { child, .. } => Some(*child),
        _ => None,
    };
    (key.key.fingerprint(), child, key.limits.clone())
}

/// What organizations accept.
struct Accepted {
    paths: BTreeMap<OrgId, Vec<Path>>,
    signatures: BTreeMap<OrgId, BTreeSet<SignatureId>>,
    packages: BTreeMap<OrgId, BTreeSet<String>>,
}

impl Accepted {
    async fn of(world: &World, graph: &Graph) -> Self {
        let mut paths = BTreeMap::new();
        for org in &graph.orgs {
            let keys = world.keys.list_trusted_keys(*org).await.unwrap();
            paths.insert(*org, keys.iter().map(path).collect());
        }
        let signatures = graph.accepted_signatures(world).await;
        Self { paths, signatures, packages: graph.accepted(world).await }
    }

    fn keys(&self, org: OrgId) -> BTreeSet<Fingerprint> {
        self.paths[&org].iter().map(|(key, ..)| *key).collect()
    }
}

/// Of each organization that has any, what only the first has.
fn only_in<T: Clone + Ord>(
    these: &BTreeMap<OrgId, BTreeSet<T>>,
    others: &BTreeMap<OrgId, BTreeSet<T>>,
) -> BTreeMap<OrgId, BTreeSet<T>> {
    let nothing = BTreeSet::new();
    let only = these.iter().map(|(org, all)| {
        let others = others.get(org).unwrap_or(&nothing);
        (*org, all.difference(others).cloned().collect::<BTreeSet<_>>())
    });
    only.filter(|(_, only)| !only.is_empty()).collect()
}

fn signatures(affected: &[AffectedSignatures]) -> BTreeMap<OrgId, BTreeSet<SignatureId>> {
    let ids = |one: &AffectedSignatures| one.signatures.iter().map(|kept| kept.id).collect();
    affected.iter().map(|one| (one.org.id, ids(one))).collect()
}

fn packages(affected: &[AffectedSignatures]) -> BTreeMap<OrgId, BTreeSet<String>> {
    let names = |one: &AffectedSignatures| -> BTreeSet<_> {
        one.packages.iter().map(|(_, name)| name.to_string()).collect()
    };
    let all = affected.iter().map(|one| (one.org.id, names(one)));
    all.filter(|(_, names)| !names.is_empty()).collect()
}

fn of(list: &[OrganizationKeys], org: OrgId) -> Vec<Path> {
    let keys = list.iter().filter(|keys| keys.org.id == org).flat_map(|keys| &keys.keys);
    keys.map(path).collect()
}

fn assert_signatures_foreseen(
    impact: &TrustImpact,
    before: &Accepted,
    after: &Accepted,
    what: &str,
) {
    let gained = only_in(&after.signatures, &before.signatures);
    assert_eq!(signatures(&impact.gains), gained, "{what}");
    assert_eq!(packages(&impact.gains), only_in(&after.packages, &before.packages), "{what}");
    let lost = only_in(&before.signatures, &after.signatures);
    assert_eq!(signatures(&impact.losses), lost, "{what}");
    assert_eq!(packages(&impact.losses), only_in(&before.packages, &after.packages), "{what}");
}

fn assert_foreseen(impact: &TrustImpact, before: &Accepted, after: &Accepted, what: &str) {
    assert_signatures_foreseen(impact, before, after, what);
    for (org, paths) in &after.paths {
        let (now, then) = (before.keys(*org), after.keys(*org));
        let is_new = |path: &&Path| !before.paths[org].contains(path);
        let (otherwise, accepted): (Vec<_>, Vec<_>) =
            paths.iter().filter(is_new).cloned().partition(|(key, ..)| now.contains(key));
        assert_eq!(of(&impact.accepted, *org), accepted, "{what}");
        assert_eq!(of(&impact.accepted_otherwise, *org), otherwise, "{what}");
        let refused: BTreeSet<_> = of(&impact.refused, *org).into_iter().map(|key| key.0).collect();
        assert_eq!(refused, now.difference(&then).copied().collect(), "{what}");
    }
}

impl Graph {
    /// Prepares a step, and returns what is then foreseen of it, what was accepted before, and
    /// what is accepted after it.
    async fn foresee_and_make(
        &self,
        world: &World,
        step: Step,
        random: &mut Random,
    ) -> (TrustImpact, Accepted, Accepted) {
        let keys = &world.keys;
        let place = random.below(ORGS);
        let (org, child) =
            (self.orgs[place], self.orgs[(place + 1 + random.below(ORGS - 1)) % ORGS]);
        let mut key = self.keys[random.below(ORGS)].clone();
        let only = |number: usize| {
            let path = self.paths[number].file_name().unwrap().to_str().unwrap().to_owned();
            PackagePatterns::new(vec![path]).unwrap()
        };
        let scope = TrustLimits {
            packages: random.often().then(|| only(random.below(PACKAGES))),
            expires_at: random.often().then(|| Utc::now() + TimeDelta::days(3)),
        };
        let until = scope.expires_at;
        let path = &self.paths[random.below(PACKAGES)];
        let name = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let floor = Some("1.0.0".parse().unwrap());
        match step {
            Step::Grant => drop(keys.revoke_trust(org, child).await.unwrap()),
            Step::ReplaceGrant => {
                keys.grant_trust(org, child, TrustLimits::default()).await.unwrap();
            }
            // A new key, which also signs without its name.
            Step::Trust => {
                key = world.key(org, &format!("late-{}", random.0)).await;
                for (place, path) in self.paths.iter().enumerate() {
                    let mut signature = world.sign(path, &key).await;
                    if place == 0 {
                        signature = forget_signers(&signature);
                    }
                    keys.store_signature(child, &signature).await.unwrap();
                }
            }
            Step::TrustAgain => {
                key = world.key(org, &format!("again-{}", random.0)).await;
                world.trust(org, &key).await;
            }
            Step::Reinstate => {
                world.trust(org, &key).await;
                drop(keys.deny_key(org, &key.fingerprint, None).await.unwrap());
            }
            Step::ReinstateUnknown => {
                key = world.key(child, &format!("unknown-{}", random.0)).await;
                world.trust(child, &key).await;
                drop(keys.grant_trust(org, child, TrustLimits::default()).await.unwrap());
                let signature = world.sign(path, &key).await;
                keys.store_signature(org, &signature).await.unwrap();
                drop(keys.deny_key(org, &key.fingerprint, None).await.unwrap());
            }
            Step::SetFloor => drop(keys.set_version_floor(org, &name, None).await.unwrap()),
            Step::UnsetFloor => {
                drop(keys.set_version_floor(org, &name, floor.clone()).await.unwrap());
            }
        }
        let own = keys.store().own_trusted_keys(org).await.unwrap();
        let row = own.iter().find(|row| row.fingerprint == key.fingerprint).map(|row| row.id);

        let before = Accepted::of(world, self).await;
        let rows = everything(world, self).await;
        let impact = match step {
            Step::Grant | Step::ReplaceGrant => keys.grant_impact(org, child, scope.clone()).await,
            Step::Trust | Step::TrustAgain => {
                keys.trusted_public_key_impact(org, &key.public_key, None, until).await
            }
            Step::Reinstate | Step::ReinstateUnknown => {
                keys.trusted_key_reinstatement_impact(row.unwrap()).await
            }
            Step::SetFloor => keys.version_floor_impact(org, &name, floor.clone()).await,
            Step::UnsetFloor => keys.version_floor_impact(org, &name, None).await,
        };
        let impact = impact.unwrap();
        assert_eq!(everything(world, self).await, rows, "it changed something");

        match step {
            Step::Grant | Step::ReplaceGrant => {
                drop(keys.grant_trust(org, child, scope).await.unwrap());
            }
            Step::Trust | Step::TrustAgain => {
                let trusted = keys.trust_public_key(org, &key.public_key, None, until).await;
                drop(trusted.unwrap());
            }
            Step::Reinstate | Step::ReinstateUnknown => {
                let note = "by mistake".parse().unwrap();
                drop(keys.reinstate_trusted_key(row.unwrap(), &note).await.unwrap());
            }
            Step::SetFloor => drop(keys.set_version_floor(org, &name, floor).await.unwrap()),
            Step::UnsetFloor => drop(keys.set_version_floor(org, &name, None).await.unwrap()),
        }
        let after = Accepted::of(world, self).await;
        // Asked again, it says that nothing is left to gain.
        if step == Step::Trust {
            let again = keys.trusted_public_key_impact(org, &key.public_key, None, until).await;
            assert_eq!(again.unwrap(), TrustImpact::default());
        }
        (impact, before, after)
    }
}

async fn foreseen_gains_are_what_is_accepted_then_on_random_graphs(world: World) {
    let mut seen: BTreeMap<Step, [usize; 5]> = BTreeMap::new();
    for seed in 0..GRAPHS {
        let graph = Graph::random(&world, seed).await;
        let mut random = Random(seed + 1000);
        for step in STEPS {
            let (impact, before, after) = graph.foresee_and_make(&world, step, &mut random).await;
            assert_foreseen(&impact, &before, &after, &format!("graph {seed}, {step:?}"));
            let TrustImpact { accepted, accepted_otherwise, refused, gains, losses, .. } = impact;
            let counts = seen.entry(step).or_default();
            counts[0] += accepted.len();
            counts[1] += accepted_otherwise.len();
            counts[2] += refused.len();
            counts[3] += gains.len();
            counts[4] += losses.len();
        }
    }
    // Graphs in which nothing is ever gained would show nothing.
    let has = |step, place: usize| assert!(seen[&step][place] > 0, "{step:?} {place}: {seen:?}");
    for step in [Step::Grant, Step::Trust, Step::Reinstate, Step::ReinstateUnknown] {
        has(step, 0);
    }
    for step in [Step::Grant, Step::Trust, Step::ReinstateUnknown, Step::UnsetFloor] {
        has(step, 3);
    }
    has(Step::TrustAgain, 1);
    has(Step::ReplaceGrant, 1);
    has(Step::ReplaceGrant, 4);
    has(Step::SetFloor, 4);
    for (step, [accepted, _, refused, ..]) in seen {
        if matches!(step, Step::SetFloor | Step::UnsetFloor) {
            assert_eq!((accepted, refused), (0, 0), "a floor is not about keys");
        }
    }
}

/// Organizations that refuse the old key accept what the successor signs again.
async fn foreseen_rotation_is_what_happens_on_random_graphs(world: World) {
    let keys = &world.keys;
    let (mut accepted, mut gained) = (0, 0);
    for seed in 0..GRAPHS {
        let graph = Graph::random(&world, seed).await;
        let place = seed as usize % ORGS;
        let old = &graph.keys[place];
        for org in graph.orgs.iter().filter(|org| **org != old.org_id) {
            drop(keys.deny_key(*org, &old.fingerprint, None).await.unwrap());
        }
        for path in &graph.paths {
            let signature = world.sign(path, old).await;
            keys.store_signature(old.org_id, &signature).await.unwrap();
        }
        for resign in [Resign::Leave, Resign::All, Resign::All] {
            let before = Accepted::of(&world, &graph).await;
            let rows = everything(&world, &graph).await;
            let impact = keys.rotation_impact(old.id, None, resign.clone()).await.unwrap();
            assert_eq!(everything(&world, &graph).await, rows, "it changed something");
            let rotation = keys.rotate_signing_key(old.id, None, resign.clone()).await.unwrap();
            let after = Accepted::of(&world, &graph).await;

            let what = format!("graph {seed}, {resign:?}");
            assert_eq!(impact.signatures, rotation.signatures, "{what}");
            assert_signatures_foreseen(&impact.trust, &before, &after, &what);
            let successor = match &impact.successor {
                PlannedSuccessor::Made(key) => key.name.clone(),
                PlannedSuccessor::ToBeMade(name) => name.clone(),
            };
            let new = rotation.successor.into_inner();
            assert_eq!(successor, new.name, "{what}");
            for (org, paths) in &after.paths {
                let is_new =
                    |path: &&Path| path.0 == new.fingerprint && !before.paths[org].contains(path);
                let then = paths.iter().filter(is_new).map(|(_, child, limits)| (child, limits));
                let foreseen = of(&impact.trust.accepted, *org);
                let foreseen = foreseen.iter().map(|(_, child, limits)| (child, limits));
                assert!(foreseen.eq(then), "{what}");
            }
            accepted += impact.trust.accepted.len();
            gained += impact.trust.gains.len();
        }
    }
    assert!(accepted > 0 && gained > 0, "{accepted} {gained}");
}

async fn what_a_command_refuses_is_not_foreseen(world: World) {
    let (acme, vendor) = (world.org("acme").await, world.org("vendor").await);
    let key = world.key(acme, "release").await;
    let keys = &world.keys;
    let foresee = async || keys.trusted_public_key_impact(acme, &key.public_key, None, None).await;

    assert_eq!(foresee().await.unwrap().accepted.len(), 1);
    let past = Some(Utc::now() - TimeDelta::hours(1));
    let expired = keys.trusted_public_key_impact(acme, &key.public_key, None, past).await;
    assert_refused!(expired, TrustError::ExpiryPast { .. });
    let scope = TrustLimits { packages: None, expires_at: past };
    assert_refused!(keys.grant_impact(acme, vendor, scope).await, TrustError::ExpiryPast { .. });
    let scope = TrustLimits::default;
    assert_refused!(
        keys.grant_impact(acme, acme, scope()).await,
        TrustError::SelfGrant { org } if org.as_str() == "acme"
    );
    for (parent, child) in [(acme, OrgId::random()), (OrgId::random(), acme)] {
        assert_refused!(
            keys.grant_impact(parent, child, scope()).await,
            TrustError::Store(StoreError::OrganizationNotFound { .. })
        );
    }

    let row = world.trust(acme, &key).await;
    assert_eq!(foresee().await.unwrap(), TrustImpact::default());
    drop(keys.deny_key(acme, &key.fingerprint, None).await.unwrap());
    assert_refused!(
        foresee().await,
        TrustError::PreviouslyRevoked { fingerprint, .. } if fingerprint == key.fingerprint
    );
    assert_eq!(keys.trusted_key_reinstatement_impact(row.id).await.unwrap().accepted.len(), 1);
    keys.reinstatable_signing_key(key.id).await.unwrap();

    drop(keys.danger_declare_compromised(vendor, &key.fingerprint, None).await.unwrap());
    assert_refused!(foresee().await, TrustError::Store(StoreError::Compromised { .. }));
    assert_refused!(
        keys.trusted_key_reinstatement_impact(row.id).await,
        TrustError::Store(StoreError::Compromised { .. })
    );
    assert_refused!(
        keys.reinstatable_signing_key(key.id).await,
        TrustError::Store(StoreError::Compromised { .. })
    );

    keys.delete_organization(vendor).await.unwrap();
    for (parent, child) in [(acme, vendor), (vendor, acme)] {
        assert_refused!(
            keys.grant_impact(parent, child, scope()).await,
            TrustError::Store(StoreError::OrganizationDeleted { org }) if org == vendor
        );
    }
    assert_refused!(
        keys.version_floor_impact(vendor, &"a.so".parse().unwrap(), None).await,
        TrustError::Store(StoreError::OrganizationDeleted { org }) if org == vendor
    );
}
