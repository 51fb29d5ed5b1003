//! Signed trust: documents, bundles, drafts, and what remembers their versions.

mod documents;

use std::sync::Arc;

use signing_crypto::{
    DocumentHeader, Fingerprint, MalformedDraft, MalformedTrustDocument, Role, RoleKeys,
    RootChainError, RootDocument, SignerCount, SigningKey, TrustDocumentKind,
};
use signing_loader::PackageError;
use signing_trust::{
    DecisionError, DocumentOwner, SignedTrustError, TakenAway, TrustError, UnusableClock,
};

use zeroize::Zeroizing;

use self::documents::{
    bundles, chain, drafts, faults, malformed, memory, other_org, root_digest, roots, signatures,
    threshold,
};
use super::{Sample, each, sample, values};
use crate::cli::RootSource;
use crate::error::{CliError, NotStated};

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(each(signed(), |error| TrustError::from(error).into()));
    samples.extend(each(chain(), |source| {
        let (org, version) = (values::org_id(), values::document_version(2));
        TrustError::from(SignedTrustError::RootChain { org, version, source }).into()
    }));
    samples.extend(each(faults(), |fault| {
        let kind = TrustDocumentKind::Statement;
        let source = MalformedTrustDocument { kind, fault };
        TrustError::from(SignedTrustError::Malformed { org: values::org_id(), source }).into()
    }));
    samples.extend(each(decision(), |error| PackageError::from(error).into()));
    samples.push(sample(PackageError::Decision(expired().into()), CliError::from));
    samples.extend(each(roots(), |source| CliError::TrustRoot {
        path: "acme.root.json".into(),
        source,
    }));
    samples.extend(each(bundles(), |source| CliError::TrustBundle {
        path: "acme.bundle.json".into(),
        source,
    }));
    samples.extend(each(drafts(), |source| CliError::TrustDraft {
        path: "acme.draft.json".into(),
        source,
    }));
    samples.extend(each(signatures(), CliError::from));
    samples.extend(each(memory(), CliError::from));
    samples.extend(each(trust(), CliError::from));
    samples.extend(each(taken_away(), |what| TrustError::DraftOutdated { what }.into()));
    samples.extend(each(not_stated(), key_not_stated));
    samples.extend(each(program(), |error| error));
    samples
}

fn not_stated() -> [NotStated; 7] {
    let (fingerprint, owner) = (values::fingerprint(), values::org_name());
    [
        NotStated::Id,
        NotStated::Organization { given: "core".to_owned() },
        NotStated::Key,
        NotStated::TooShort { digits: 16 },
        NotStated::Several(vec![fingerprint, Fingerprint::from_bytes([0xcd; 32])]),
        NotStated::KeyOfAnother { fingerprint, owner },
        NotStated::Documents(Box::new(CliError::NoTrustDocuments { org: values::org_name() })),
    ]
}

fn key_not_stated(source: NotStated) -> CliError {
    CliError::KeyNotStated { org: values::org_name(), given: "ci".to_owned(), source }
}

fn expired() -> SignedTrustError {
    expired_document(TrustDocumentKind::Statement)
}

fn expired_document(kind: TrustDocumentKind) -> SignedTrustError {
    SignedTrustError::Expired { org: owner(), kind, at: values::time() }
}

fn owner() -> DocumentOwner {
    DocumentOwner { id: values::org_id(), name: values::org_name() }
}

/// A root document with two of three keys for root documents and statements, and another for
/// revocations.
fn root_document() -> RootDocument {
    let keys: Vec<_> =
        (1..=4).map(|seed| SigningKey::from_seed(&Zeroizing::new([seed; 32]))).collect();
    let role = |keys: &[SigningKey], threshold| {
        let threshold = SignerCount::new(threshold).unwrap();
        RoleKeys::new(keys.iter().map(SigningKey::fingerprint), threshold).unwrap()
    };
    let header = DocumentHeader {
        org: values::org_id(),
        org_name: values::org_name(),
        version: values::document_version(1),
        issued_at: "2026-01-28T12:00:00Z".parse().unwrap(),
        expires_at: "2027-01-28T12:00:00Z".parse().unwrap(),
    };
    let roles = [role(&keys[..3], 2), role(&keys[..3], 2), role(&keys[3..], 1)];
    RootDocument::new(header, keys.iter().map(SigningKey::verifying_key), roles).unwrap()
}

fn renewable(kind: TrustDocumentKind, trust_root: Option<&RootSource>) -> CliError {
    let (org, root) = (values::org_name(), root_document());
    crate::signed_trust::expired(&org, kind, values::time(), &root, trust_root)
}

fn signed() -> Vec<SignedTrustError> {
    let (org, version) = (values::org_id(), values::document_version(2));
    let (kind, older) = (TrustDocumentKind::Revocations, values::document_version(1));
    vec![
        SignedTrustError::NoDocuments { org },
        SignedTrustError::Missing { org, kind: TrustDocumentKind::Root },
        SignedTrustError::PinnedRootMissing { org, digest: root_digest() },
        SignedTrustError::RootOfAnotherOrganization { expected: org, found: other_org() },
        SignedTrustError::RootConflict {
            org,
            version,
            expected: root_digest(),
            found: "fe".repeat(32).parse().unwrap(),
        },
        SignedTrustError::NotBundled { org },
        SignedTrustError::RootChain {
            org,
            version,
            source: RootChainError::Predecessor(threshold()),
        },
        SignedTrustError::Malformed { org, source: malformed() },
        SignedTrustError::AnotherOrganization { kind, expected: org, found: other_org() },
        SignedTrustError::Threshold { org, source: threshold() },
        SignedTrustError::IssuedLater {
            org: owner(),
            kind,
            issued_at: values::time(),
            now: values::time(),
        },
        SignedTrustError::Mixed {
            org,
            by: TrustDocumentKind::Statement,
            kind,
            required: version,
            found: older,
        },
        SignedTrustError::RolledBack { org: owner(), kind, seen: version, found: older },
        SignedTrustError::Replaced { org: owner(), kind, version },
        SignedTrustError::RevocationTakenBack { org: owner(), fingerprint: values::fingerprint() },
        SignedTrustError::Misfiled { org: owner(), kind, row: version, found: older },
        expired(),
        expired_document(TrustDocumentKind::Root),
        SignedTrustError::IncompleteBundle { org, child: other_org() },
        SignedTrustError::ExtraneousDocuments { org, other: other_org() },
        SignedTrustError::LastVersion { org, kind },
        SignedTrustError::Memory(memory().remove(0)),
    ]
}

fn decision() -> [DecisionError; 3] {
    [
        DecisionError::TooManyCandidates { found: 65, limit: 64 },
        DecisionError::SignedTrust(expired()),
        DecisionError::Clock(UnusableClock),
    ]
}

fn trust() -> Vec<TrustError> {
    vec![
        TrustError::Decision(expired().into()),
        TrustError::SignedTrustExists { org: values::org_name() },
        TrustError::Draft(MalformedDraft::Empty),
        TrustError::DraftForAnotherRoot {
            expected: root_digest(),
            found: "fe".repeat(32).parse().unwrap(),
        },
        TrustError::DraftOutdated { what: TakenAway::Key(values::fingerprint()) },
        TrustError::UnreadableTrust { fingerprint: values::fingerprint() },
        TrustError::Bundle(bundles().remove(0)),
    ]
}

fn taken_away() -> [TakenAway; 5] {
    let (key, vendor) = (values::fingerprint(), || "vendor".parse().unwrap());
    [
        TakenAway::Key(key),
        TakenAway::KeyUntil(key),
        TakenAway::Grant(vendor()),
        TakenAway::GrantWithin(vendor()),
        TakenAway::VersionsBelow("libworkflow.so".parse().unwrap(), "2.0.0".parse().unwrap()),
    ]
}

fn program() -> Vec<CliError> {
    let path = || "acme.json".into();
    vec![
        CliError::Decision(expired().into()),
        CliError::StateFile(memory().remove(1)),
        CliError::TrustRoot { path: path(), source: roots()[0].clone() },
        CliError::TrustBundle { path: path(), source: bundles().remove(2) },
        CliError::TrustDraft { path: path(), source: drafts().remove(2) },
        CliError::TrustDocument { path: path(), source: malformed() },
        CliError::UnknownTrustFile { path: path() },
        CliError::DraftSignature(signatures().remove(0)),
        CliError::RootNeeded,
        CliError::OtherRoot { expected: root_digest(), found: "fe".repeat(32).parse().unwrap() },
        CliError::NotSigned {
            draft: "acme.draft.json".into(),
            is_first: false,
            source: threshold(),
        },
        CliError::NotSigned {
            draft: "acme.draft.json".into(),
            is_first: true,
            source: threshold(),
        },
        renewable(TrustDocumentKind::Root, Some(&RootSource::File("acme-root.json".into()))),
        renewable(TrustDocumentKind::Statement, None),
        renewable(TrustDocumentKind::Revocations, Some(&RootSource::Digest(root_digest()))),
        CliError::ChildRefused {
            org: values::org_name(),
            child: "core".parse().unwrap(),
            source: Arc::new(expired()),
        },
        CliError::ChildRefused {
            org: values::org_name(),
            child: "core".parse().unwrap(),
            source: Arc::new(SignedTrustError::PinnedRootMissing {
                org: other_org(),
                digest: root_digest(),
            }),
        },
        CliError::NotARoot { path: path(), found: "a bundle" },
        CliError::RoleKeysNeeded { role: Role::Revocation },
        CliError::TooFewRoleKeys {
            role: Role::Root,
            found: 1,
            threshold: SignerCount::new(2).unwrap(),
        },
        CliError::DraftNeeded { missing: threshold() },
        CliError::ConfirmationNeeded,
        CliError::UnseenTrust { org: "acme".parse().unwrap() },
        CliError::NotConfirmed,
        CliError::NoTrustDocuments { org: "acme".parse().unwrap() },
        CliError::UnpublishedTrust { org: "acme".parse().unwrap(), changes: 2 },
        CliError::StillGiven {
            org: values::org_name(),
            taken: vec![
                TakenAway::Key(values::fingerprint()),
                TakenAway::Grant(values::org_name()),
            ],
        },
        CliError::NothingToPublish,
        key_not_stated(NotStated::Key),
        CliError::OtherKeyInRow {
            org: values::org_name(),
            given: "ci".to_owned(),
            expected: Fingerprint::from_bytes([0xcd; 32]),
            found: values::fingerprint(),
        },
        CliError::NotPublished {
            org: values::org_name(),
            fingerprint: values::fingerprint(),
            source: Box::new(CliError::DraftSignature(signatures().remove(0))),
        },
    ]
}
