//! The same graphs as documents that are signed: what a store with a pinned root and a bundle
//! say must be what the rules say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use signing_crypto::{
    DocumentHeader, DocumentTexts, DocumentVersion, OrgId, PackageName, Revocations, RoleKeys,
    RootDocument, SignedDocument, SignerThreshold, SigningKey, TrustBundle,
};
use signing_trust::{
    BundledTrust, NewDocuments, SeenVersions, Signers, TrustError, TrustRoot, UntrustedReason,
};
use zeroize::Zeroizing;

use super::Random;
use super::changes::Graph;
use super::questions::{Accepted, PACKAGES};

/// Signs for every organization, in every role.
fn signer() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([7; 32]))
}

/// Every organization publishes what its rows trust, and a runner of each then decides as the
/// rules say, with the store and with a bundle.
pub(super) async fn publish_and_ask(graph: &Graph<'_>, random: &mut Random) {
    // Of whom a statement names the root, must have one.
    for _ in 0..2 {
        for org in living(graph) {
            publish(graph, org).await;
        }
    }
    for org in 0..graph.orgs.len() {
        let expected = expected(graph, org);
        assert_eq!(ask_store(graph, org).await, expected, "{graph}: {org} by its store");
        if graph.model.deleted.contains(&org) {
            continue;
        }
        let bundle = graph.world.keys.export_trust(graph.orgs[org]).await;
        let bundle = bundle.unwrap_or_else(|error| panic!("{graph}: {error:?}"));
        let accepted = ask_bundle(graph, &bundle, org).unwrap();
        assert_eq!(accepted, expected, "{graph}: {org} by its bundle");
        remove_documents(graph, &bundle, org, &accepted, random);
    }
}

/// What rows have taken away since counts at once for those who ask the store.
pub(super) async fn ask_after_less_trust(graph: &Graph<'_>) {
    for org in 0..graph.orgs.len() {
        let (accepted, expected) = (ask_store(graph, org).await, expected(graph, org));
        assert_eq!(accepted, expected, "{graph}: {org} by its store, after rows took trust away");
    }
}

fn living(graph: &Graph<'_>) -> Vec<usize> {
    (0..graph.orgs.len()).filter(|org| !graph.model.deleted.contains(org)).collect()
}

fn expected(graph: &Graph<'_>, org: usize) -> Accepted {
    let mut expected = Accepted::new();
    for key in 0..graph.keys.len() {
        for (package, name) in PACKAGES.iter().enumerate() {
            if graph.model.accepts(org, key, name) {
                expected.insert((org, key, package));
            }
        }
    }
    expected
}

async fn publish(graph: &Graph<'_>, org: usize) {
    let (keys, id) = (&graph.world.keys, graph.orgs[org]);
    let published = keys.published_trust(id, None).await.unwrap();
    let statement = published.as_ref().map(|documents| documents.statement());
    let version = match statement {
        Some(statement) => statement.header.version.next().unwrap(),
        None => DocumentVersion::FIRST,
    };
    let now = Utc::now();
    let header = |version| DocumentHeader {
        org: id,
        org_name: "graph".parse().unwrap(),
        version,
        issued_at: now.try_into().unwrap(),
        expires_at: (now + TimeDelta::days(1)).try_into().unwrap(),
    };
    let (signer, first) = (signer(), DocumentVersion::FIRST);
    let draft = keys.draft_trust(id, statement, &BTreeMap::new()).await.unwrap();
    let draft = draft.statement(header(version), first, first);
    let mut new = NewDocuments {
        statement: Some(SignedDocument::sign(&draft, &signer).unwrap()),
        ..NewDocuments::default()
    };
    if published.is_none() {
        let role = || RoleKeys::new([signer.fingerprint()], SignerThreshold::ONE).unwrap();
        let roles = [role(), role(), role()];
        let root = RootDocument::new(header(first), [signer.verifying_key()], roles).unwrap();
        let revocations = Revocations { header: header(first), denied: BTreeMap::new() };
        new.root = Some(SignedDocument::sign(&root, &signer).unwrap());
        new.revocations = Some(SignedDocument::sign(&revocations, &signer).unwrap());
    }
    let done = keys.publish_documents(id, &new).await;
    done.unwrap_or_else(|error| panic!("{graph}: {org} publishes: {error:?}"));
}

/// What a runner accepts that has pinned the organization's first root and asks the store.
async fn ask_store(graph: &Graph<'_>, org: usize) -> Accepted {
    let (keys, id) = (&graph.world.keys, graph.orgs[org]);
    let published = keys.published_documents(id).await.unwrap();
    let mut accepted = Accepted::new();
    // One that was deleted before it published anything has no root to be pinned.
    let Some(root) = published.get(&id).map(root_of) else { return accepted };
    let memory = Arc::new(Mutex::new(SeenVersions::default()));
    let rooted = keys.clone().rooted(id, root, memory);
    let fingerprints: Vec<_> = graph.keys.iter().map(SigningKey::fingerprint).collect();
    let all = Signers { named: fingerprints.clone(), anonymous: false };
    let anyone = Signers { named: vec![], anonymous: true };
    for (package, name) in PACKAGES.iter().enumerate() {
        let name: PackageName = name.parse().unwrap();
        let decision = rooted.decide(id, &all, &name).await;
        let decision = decision.unwrap_or_else(|error| panic!("{graph}: {error:?}"));
        let unnamed = rooted.decide(id, &anyone, &name).await.unwrap();
        for (key, fingerprint) in fingerprints.iter().enumerate() {
            let verdict = decision.about(fingerprint);
            let alone = rooted.decide(id, &Signers::one(*fingerprint), &name).await.unwrap();
            assert_eq!(alone.about(fingerprint).is_ok(), verdict.is_ok(), "{graph}: {key} alone");
            assert_eq!(unnamed.about(fingerprint).is_ok(), verdict.is_ok(), "{graph}: unnamed");
            assert!(
                !matches!(verdict, Err(UntrustedReason::NotSigned)),
                "{graph}: {key} was published"
            );
            if verdict.is_ok() {
                accepted.insert((org, key, package));
            }
        }
    }
    let other = rooted.decide(OrgId::random(), &all, &PACKAGES[0].parse().unwrap()).await;
    assert!(matches!(other, Err(TrustError::SignedTrust(_))), "{graph}: {other:?}");
    accepted
}

fn root_of(texts: &DocumentTexts) -> TrustRoot {
    TrustRoot::parse(texts.roots[0].as_bytes()).unwrap()
}

/// What a runner accepts that has a bundle; `None` if it refuses the bundle.
fn ask_bundle(graph: &Graph<'_>, bundle: &TrustBundle, org: usize) -> Option<Accepted> {
    let root = root_of(&DocumentTexts {
        roots: vec![graph_root(graph, bundle, org)?],
        ..DocumentTexts::default()
    });
    let bundle = TrustBundle::parse(bundle.to_json().unwrap().as_bytes()).unwrap();
    let trust = BundledTrust::verify(&bundle, &root).ok()?;
    let fingerprints: Vec<_> = graph.keys.iter().map(SigningKey::fingerprint).collect();
    let all = Signers { named: fingerprints.clone(), anonymous: false };
    let mut accepted = Accepted::new();
    for (package, name) in PACKAGES.iter().enumerate() {
        let decision = trust.decide(&all, &name.parse().unwrap(), Duration::ZERO).unwrap();
        for (key, fingerprint) in fingerprints.iter().enumerate() {
            if decision.about(fingerprint).is_ok() {
                accepted.insert((org, key, package));
            }
        }
    }
    Some(accepted)
}

fn graph_root(graph: &Graph<'_>, bundle: &TrustBundle, org: usize) -> Option<String> {
    bundle.documents().get(&graph.orgs[org])?.roots.first().cloned()
}

/// Whichever document is missing, nothing more is accepted.
fn remove_documents(
    graph: &Graph<'_>,
    bundle: &TrustBundle,
    org: usize,
    before: &Accepted,
    random: &mut Random,
) {
    let all: BTreeSet<OrgId> = bundle.documents().keys().copied().collect();
    for other in all {
        let mut documents = bundle.documents().clone();
        let texts = documents.get_mut(&other).unwrap();
        match random.below(4) {
            // The root stays, so that there is one to pin.
            0 if other != graph.orgs[org] => texts.roots.clear(),
            0 | 1 => texts.statement = None,
            2 => texts.revocations = None,
            _ if other != graph.orgs[org] => drop(documents.remove(&other)),
            _ => texts.statement = None,
        }
        let fewer = TrustBundle::new(bundle.org(), documents).unwrap();
        let accepted = ask_bundle(graph, &fewer, org).unwrap_or_default();
        assert!(accepted.is_subset(before), "{graph}: fewer documents made {accepted:?}");
    }
}
