//! The same graphs as documents that are signed: what a store with a pinned root and a bundle
//! say must be what the rules say.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use signing_crypto::{
    DocumentHeader, DocumentVersion, DraftDocuments, OrgId, PackageName, Revocations, RoleKeys,
    RootDocument, SignedDocument, SignerCount, SigningKey, TrustBundle,
};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::{
    BundledTrust, DecisionError, Signers, TrustAnchor, TrustError, TrustReader, TrustRoot,
    UntrustedReason, VerifiedDocuments,
};
use zeroize::Zeroizing;

use super::Random;
use super::changes::Graph;
use super::decisions::{Accepted, PACKAGES};

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
        let anchor = TrustAnchor::from(TrustRoot::from(first_root(graph, org).digest()));
        let bundle = graph.world.keys.export_trust(graph.orgs[org], &anchor).await;
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
    // The publisher has made the first root document, and remembers it.
    let anchor = TrustAnchor::from(TrustRoot::from(first_root(graph, org).digest()));
    let published = keys.published_trust(id, &anchor).await.unwrap();
    let statement = published.as_ref().map(VerifiedDocuments::statement);
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
    let roots =
        (0..graph.orgs.len()).map(|other| (graph.orgs[other], first_root(graph, other).digest()));
    let content = keys.statement_content(id, statement, &roots.collect()).await.unwrap();
    let statement = content.statement(header(version), first, first);
    let statement = SignedDocument::sign(&statement, &signer).unwrap();
    let root = first_root(graph, org);
    let draft = match published {
        Some(_) => DraftDocuments::following(id, root, None, Some(statement), None),
        None => {
            let revocations =
                Revocations { header: header(first), root_version: first, denied: BTreeMap::new() };
            let revocations = SignedDocument::sign(&revocations, &signer).unwrap();
            DraftDocuments::first(id, root, Some(statement), Some(revocations))
        }
    };
    let done = keys.publish_documents(&draft.unwrap(), &anchor).await;
    done.unwrap_or_else(|error| panic!("{graph}: {org} publishes: {error:?}"));
}

/// The same whenever it is made.
fn first_root(graph: &Graph<'_>, org: usize) -> SignedDocument<RootDocument> {
    let signer = signer();
    let role = || RoleKeys::new([signer.fingerprint()], SignerCount::ONE).unwrap();
    let header = DocumentHeader {
        org: graph.orgs[org],
        org_name: "graph".parse().unwrap(),
        version: DocumentVersion::FIRST,
        issued_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires_at: "2999-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = RootDocument::new(header, [signer.verifying_key()], [role(), role(), role()]);
    SignedDocument::sign(&root.unwrap(), &signer).unwrap()
}

/// What a runner accepts that has pinned the organization's first root and asks the store.
async fn ask_store(graph: &Graph<'_>, org: usize) -> Accepted {
    let (keys, id) = (&graph.world.keys, graph.orgs[org]);
    let mut accepted = Accepted::new();
    // One that was deleted before it published anything has no documents.
    if keys.unverified_documents(id).await.unwrap().is_none() {
        return accepted;
    }
    let root = TrustRoot::parse(first_root(graph, org).to_json().as_bytes()).unwrap();
    let rooted = TrustReader::from(keys).rooted(id, root.into());
    let fingerprints: Vec<_> = graph.keys.iter().map(SigningKey::fingerprint).collect();
    let all = Signers { named: fingerprints.clone(), unnamed: false };
    let anyone = Signers { named: vec![], unnamed: true };
    for (package, name) in PACKAGES.iter().enumerate() {
        let name: PackageName = name.parse().unwrap();
        let decision = rooted.decide(id, &all, &name, ClockSkewAllowance::NONE).await;
        let decision = decision.unwrap_or_else(|error| panic!("{graph}: {error:?}"));
        let unnamed = rooted.decide(id, &anyone, &name, ClockSkewAllowance::NONE).await.unwrap();
        for (key, fingerprint) in fingerprints.iter().enumerate() {
            let verdict = decision.about(fingerprint);
            let alone = rooted
                .decide(id, &Signers::one(*fingerprint), &name, ClockSkewAllowance::NONE)
                .await
                .unwrap();
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
    let other = rooted
        .decide(OrgId::random(), &all, &PACKAGES[0].parse().unwrap(), ClockSkewAllowance::NONE)
        .await;
    assert!(
        matches!(other, Err(TrustError::Decision(DecisionError::SignedTrust(_)))),
        "{graph}: {other:?}"
    );
    accepted
}

/// What a runner accepts that has a bundle; `None` if it refuses the bundle.
fn ask_bundle(graph: &Graph<'_>, bundle: &TrustBundle, org: usize) -> Option<Accepted> {
    let root = TrustRoot::from(first_root(graph, org).digest());
    let bundle = TrustBundle::parse(bundle.to_json().unwrap().as_bytes()).unwrap();
    let trust = BundledTrust::verify(&bundle, &root.into()).ok()?;
    let fingerprints: Vec<_> = graph.keys.iter().map(SigningKey::fingerprint).collect();
    let all = Signers { named: fingerprints.clone(), unnamed: false };
    let mut accepted = Accepted::new();
    for (package, name) in PACKAGES.iter().enumerate() {
        let decision =
            trust.decide(&all, &name.parse().unwrap(), ClockSkewAllowance::NONE).unwrap();
        for (key, fingerprint) in fingerprints.iter().enumerate() {
            if decision.about(fingerprint).is_ok() {
                accepted.insert((org, key, package));
            }
        }
    }
    Some(accepted)
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
