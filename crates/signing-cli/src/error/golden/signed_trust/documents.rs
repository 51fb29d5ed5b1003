//! What is wrong with documents, bundles, drafts and state files.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use signing_crypto::{
    AddSignatureError, DocumentFault, DraftSignatureError, KeyError, MalformedBundle,
    MalformedDraft, MalformedTrustDocument, OrgId, PatternError, Role, RootChainError, RootDigest,
    ThresholdNotMet, TrustBundle, TrustDocumentKind, UnexpectedJson,
};
use signing_trust::{TrustRootError, VersionMemoryError};

use crate::error::golden::values;

pub(super) fn root_digest() -> RootDigest {
    "ef".repeat(32).parse().unwrap()
}

pub(super) fn not_json() -> UnexpectedJson {
    match TrustBundle::parse(b"{\"type\": 1}") {
        Err(MalformedBundle::Json(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

pub(super) fn malformed() -> MalformedTrustDocument {
    let fault = DocumentFault::Field { field: "version" };
    MalformedTrustDocument { kind: TrustDocumentKind::Root, fault }
}

pub(super) fn threshold() -> ThresholdNotMet {
    ThresholdNotMet {
        kind: TrustDocumentKind::Statement,
        version: values::document_version(7),
        role: Role::Trust,
        required: 2,
        found: 1,
    }
}

pub(super) fn other_org() -> OrgId {
    "11111111-2222-4333-8444-555555555555".parse().unwrap()
}

pub(super) fn chain() -> Vec<RootChainError> {
    vec![
        RootChainError::Organization { expected: values::org_id(), found: other_org() },
        RootChainError::Version {
            expected: values::document_version(2),
            found: values::document_version(3),
        },
        RootChainError::Last,
        RootChainError::Predecessor(threshold()),
        RootChainError::Own(threshold()),
    ]
}

pub(super) fn faults() -> Vec<DocumentFault> {
    let fingerprint = values::fingerprint();
    let (child, source) = (other_org(), PatternError::Length { found: 0 });
    vec![
        DocumentFault::Envelope(values::malformed_envelope()),
        DocumentFault::TooLarge { found: 5_000_000, limit: 4_194_304 },
        DocumentFault::Json(not_json()),
        DocumentFault::Field { field: "issuedAt" },
        DocumentFault::Key { fingerprint, source: KeyError::SmallOrder },
        DocumentFault::Patterns { child, source },
        DocumentFault::ExpiresBeforeIssued,
        DocumentFault::Duplicate { field: "keys", name: fingerprint.to_string() },
        DocumentFault::Role { role: Role::Root },
        DocumentFault::UnknownKey { role: Role::Trust, fingerprint },
        DocumentFault::TooManyKeys { field: "keys", found: 50_001 },
        DocumentFault::TooManyRootKeys { found: 49 },
        DocumentFault::SelfGrant,
    ]
}

pub(super) fn roots() -> [TrustRootError; 2] {
    [TrustRootError::Malformed(malformed()), TrustRootError::Unsigned(threshold())]
}

pub(super) fn bundles() -> Vec<MalformedBundle> {
    let org = values::org_id();
    vec![
        MalformedBundle::TooLarge { limit: 67_108_864 },
        MalformedBundle::Json(not_json()),
        MalformedBundle::Type { found: "urn:cloacina:trust-bundle:v2".into() },
        MalformedBundle::Field { field: "organization" },
        MalformedBundle::Duplicate { org },
        TrustBundle::new(org, BTreeMap::new()).unwrap_err(),
    ]
}

pub(super) fn drafts() -> Vec<MalformedDraft> {
    vec![
        MalformedDraft::TooLarge { limit: 11_000_000 },
        MalformedDraft::Json(not_json()),
        MalformedDraft::Type { found: "urn:cloacina:trust-draft:v2".into() },
        MalformedDraft::Field { field: "organization" },
        MalformedDraft::Document(malformed()),
        MalformedDraft::Organization {
            kind: TrustDocumentKind::Statement,
            expected: values::org_id(),
            found: other_org(),
        },
        MalformedDraft::NoRoot,
        MalformedDraft::CurrentRoot(threshold()),
        MalformedDraft::Version {
            kind: TrustDocumentKind::Root,
            expected: values::document_version(2),
            found: values::document_version(3),
        },
        MalformedDraft::Empty,
    ]
}

pub(super) fn signatures() -> Vec<DraftSignatureError> {
    let (fingerprint, kind) = (values::fingerprint(), TrustDocumentKind::Root);
    vec![
        DraftSignatureError::NoRole { fingerprint },
        DraftSignatureError::AlreadySigned { fingerprint },
        DraftSignatureError::Document {
            kind,
            fingerprint,
            source: AddSignatureError::Full { limit: 16 },
        },
        DraftSignatureError::Signer(values::wrong_signature()),
    ]
}

pub(super) fn memory() -> Vec<VersionMemoryError> {
    let path = || "/var/lib/runner/trust".into();
    let source = Arc::new(io::ErrorKind::PermissionDenied.into());
    vec![
        VersionMemoryError::File { path: path(), source },
        VersionMemoryError::Name { path: "seen.lock".into() },
        VersionMemoryError::Damaged { path: path(), fault: "a line cannot be read" },
        VersionMemoryError::Unasked,
    ]
}
