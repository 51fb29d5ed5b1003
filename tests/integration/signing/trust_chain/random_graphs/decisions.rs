//! What is asked about a graph, in every way that there is to ask.

use std::collections::BTreeSet;

use signing_crypto::{Fingerprint, PackageName, SignatureEnvelope, SigningKey};
use signing_loader::{
    ClockSkewAllowance, PackageError, SignatureSource, VerificationError, package_statement,
};
use signing_trust::{KeyManager, Signers, TrustDecision, TrustPath, TrustedKey, UntrustedReason};
use tokio::task::JoinSet;

use super::Random;
use super::changes::Graph;
use crate::support::check_package;

/// Each is within other patterns.
pub(super) const PACKAGES: [&str; 3] = ["etl-a.so", "web.so", "etl-b"];

/// Every verdict that a graph can lead to.
pub(super) const VERDICTS: [&str; 13] = [
    "direct",
    "granted",
    "unknown",
    "compromised",
    "expired",
    "revoked",
    "denied",
    "revoked by child",
    "expired at child",
    "grant expired",
    "other packages",
    "child deleted",
    "organization deleted",
];

fn kind(verdict: &Result<TrustedKey, UntrustedReason>) -> &'static str {
    match verdict {
        Ok(TrustedKey { via: TrustPath::Direct { .. }, .. }) => "direct",
        Ok(TrustedKey { via: TrustPath::Granted { .. }, .. }) => "granted",
        Err(UntrustedReason::Unknown) => "unknown",
        Err(UntrustedReason::Compromised { .. }) => "compromised",
        Err(UntrustedReason::Expired { .. }) => "expired",
        Err(UntrustedReason::Revoked { .. }) => "revoked",
        Err(UntrustedReason::Denied { .. }) => "denied",
        Err(UntrustedReason::RevokedByChild { .. }) => "revoked by child",
        Err(UntrustedReason::ExpiredAtChild { .. }) => "expired at child",
        Err(UntrustedReason::GrantExpired { .. }) => "grant expired",
        Err(UntrustedReason::OtherPackages { .. }) => "other packages",
        Err(UntrustedReason::ChildDeleted { .. }) => "child deleted",
        Err(UntrustedReason::OrganizationDeleted { .. }) => "organization deleted",
        other => panic!("{other:?}"),
    }
}

/// What is accepted: organization, key, package.
pub(super) type Accepted = BTreeSet<(usize, usize, usize)>;

impl Graph<'_> {
    async fn decide(&self, org: usize, signers: &Signers, package: usize) -> TrustDecision {
        let package: PackageName = PACKAGES[package].parse().unwrap();
        let decided = self
            .world
            .keys
            .decide(self.orgs[org], signers, &package, ClockSkewAllowance::NONE)
            .await;
        decided.unwrap_or_else(|error| panic!("{self}: {error:?}"))
    }

    fn fingerprints(&self) -> Vec<Fingerprint> {
        self.keys.iter().map(SigningKey::fingerprint).collect()
    }

    fn accepts(&self, org: usize, key: usize, package: usize) -> bool {
        self.model.accepts(org, key, PACKAGES[package])
    }

    /// Compares a decision about all keys with the model.
    fn compare(&self, org: usize, package: usize, decision: &TrustDecision) {
        for (key, fingerprint) in self.fingerprints().iter().enumerate() {
            assert_eq!(
                decision.about(fingerprint).is_ok(),
                self.accepts(org, key, package),
                "{self}: {org} about {key} and {}: {:?}",
                PACKAGES[package],
                decision.about(fingerprint),
            );
        }
    }
}

/// Asks about all keys by name, and compares with the model.
pub(super) async fn ask_about_all_keys(
    graph: &Graph<'_>,
    seen: &mut BTreeSet<&'static str>,
) -> Accepted {
    let signers = Signers { named: graph.fingerprints(), unnamed: false };
    let mut accepted = Accepted::new();
    for org in 0..graph.orgs.len() {
        for package in 0..PACKAGES.len() {
            let decision = graph.decide(org, &signers, package).await;
            graph.compare(org, package, &decision);
            for (key, decided) in decision.keys().iter().enumerate() {
                seen.insert(kind(&decided.verdict));
                if decided.verdict.is_ok() {
                    accepted.insert((org, key, package));
                }
            }
        }
    }
    accepted
}

/// The same, and about each key alone, about keys that are not named, and in lists.
pub(super) async fn ask_everything(
    graph: &Graph<'_>,
    random: &mut Random,
    seen: &mut BTreeSet<&'static str>,
) -> Accepted {
    let accepted = ask_about_all_keys(graph, seen).await;
    let named = graph.fingerprints();
    for org in 0..graph.orgs.len() {
        for (key, fingerprint) in named.iter().enumerate() {
            let package = random.below(PACKAGES.len());
            let decision = graph.decide(org, &Signers::one(*fingerprint), package).await;
            assert_eq!(
                decision.about(fingerprint).is_ok(),
                graph.accepts(org, key, package),
                "{graph}: {org} about {key} alone and {}",
                PACKAGES[package],
            );
        }
        for package in 0..PACKAGES.len() {
            let half = named.iter().copied().filter(|_| random.one_in(2)).collect();
            for named in [vec![], half] {
                let anyone = Signers { named, unnamed: true };
                let decision = graph.decide(org, &anyone, package).await;
                graph.compare(org, package, &decision);
            }
        }
        list(graph, org).await;
    }
    ask_at_once(graph).await;
    accepted
}

/// Asks everything at once, of a program that has asked nothing before.
async fn ask_at_once(graph: &Graph<'_>) {
    let mut asked = JoinSet::new();
    for (org, id) in graph.orgs.iter().copied().enumerate() {
        for (key, fingerprint) in graph.fingerprints().into_iter().enumerate() {
            let package = (org + key) % PACKAGES.len();
            let keys = KeyManager::new(graph.world.store.clone(), None);
            asked.spawn(async move {
                let name = PACKAGES[package].parse().unwrap();
                let decided = keys
                    .decide(id, &Signers::one(fingerprint), &name, ClockSkewAllowance::NONE)
                    .await
                    .unwrap();
                (org, key, package, decided.about(&fingerprint).is_ok())
            });
        }
    }
    while let Some(answered) = asked.join_next().await {
        let (org, key, package, is_accepted) = answered.unwrap();
        assert_eq!(
            is_accepted,
            graph.accepts(org, key, package),
            "{graph}: {org} about {key} and {} among others",
            PACKAGES[package],
        );
    }
}

/// What is in the list is what is accepted for some package. All grants that are not for
/// everything are for one of the packages here at least, but for those for `nobody-?`.
async fn list(graph: &Graph<'_>, org: usize) {
    let keys = &graph.world.keys;
    let listed: BTreeSet<_> = keys
        .list_trusted_keys(graph.orgs[org])
        .await
        .unwrap()
        .iter()
        .map(|trusted| trusted.key.fingerprint())
        .collect();
    for (key, fingerprint) in graph.fingerprints().iter().enumerate() {
        let of_some = PACKAGES.iter().chain(&["nobody-1"]);
        let expected = of_some.clone().any(|name| graph.model.accepts(org, key, name));
        assert_eq!(listed.contains(fingerprint), expected, "{graph}: {org} lists {key}");
        let found = keys.find_trusted_key(graph.orgs[org], fingerprint).await.unwrap();
        let expected = graph.model.accepts(org, key, "of no pattern");
        assert_eq!(found.is_some(), expected, "{graph}: {org} finds {key}");
    }
}

/// Checks a package that one to three of the keys signed, and the same with a signature
/// less.
pub(super) async fn check_packages(graph: &Graph<'_>, random: &mut Random) {
    let package = random.below(PACKAGES.len());
    let path = graph.world.file(PACKAGES[package], b"no library");
    let statement = package_statement(&path).unwrap();
    let mut signers: Vec<_> = (0..graph.keys.len()).collect();
    while signers.len() > 3 {
        signers.swap_remove(random.below(signers.len()));
    }
    let mut fewer = signers.clone();
    fewer.swap_remove(random.below(fewer.len()));
    let envelope = |signers: &[usize]| {
        let (first, others) = signers.split_first()?;
        let mut envelope = SignatureEnvelope::sign(&statement, &graph.keys[*first]);
        for other in others {
            envelope.add_signature(&graph.keys[*other]).unwrap();
        }
        Some(envelope)
    };
    for (org, id) in graph.orgs.iter().enumerate() {
        let mut before = None;
        for signers in [&signers, &fewer] {
            let Some(envelope) = envelope(signers) else { continue };
            let source = SignatureSource::Memory(envelope);
            let (config, keys) = (&graph.world.config, &graph.world.keys);
            let is_accepted = match check_package(&path, *id, config, keys, source).await {
                Ok(_) => true,
                Err(PackageError::Verification(VerificationError::UntrustedSigner { .. })) => false,
                Err(other) => panic!("{graph}: {other:?}"),
            };
            let expected = signers.iter().any(|key| graph.accepts(org, *key, package));
            assert_eq!(is_accepted, expected, "{graph}: {org} about {signers:?}");
            assert!(before != Some(false) || !is_accepted, "{graph}: {org} accepts with less");
            before = Some(is_accepted);
        }
    }
}
