use super::*;
use crate::dsse::{MalformedEnvelope, SignerCount};
use crate::key::SigningKey;
use crate::names::StatementTime;
use crate::signed_trust::{DocumentFault, DocumentHeader, DocumentVersion, RoleKeys};

fn header(org: OrgId, version: u32) -> DocumentHeader {
    DocumentHeader {
        org,
        org_name: "acme".parse().unwrap(),
        version: DocumentVersion::new(version).unwrap(),
        issued_at: "2026-01-28T12:00:00Z".parse().unwrap(),
        expires_at: "2027-01-28T12:00:00Z".parse::<StatementTime>().unwrap(),
    }
}

/// A root document whose keys have every role, of which `threshold` must sign.
fn root(org: OrgId, version: u32, keys: &[&SigningKey], threshold: usize) -> RootDocument {
    let threshold = SignerCount::new(threshold).unwrap();
    let fingerprints = || keys.iter().map(|key| key.fingerprint());
    let roles = Role::ALL.map(|_| RoleKeys::new(fingerprints(), threshold).unwrap());
    let public = keys.iter().map(|key| key.verifying_key());
    RootDocument::new(header(org, version), public, roles).unwrap()
}

fn revocations(org: OrgId) -> Revocations {
    later_revocations(org, 1)
}

fn later_revocations(org: OrgId, version: u32) -> Revocations {
    Revocations {
        header: header(org, version),
        root_version: DocumentVersion::FIRST,
        denied: Default::default(),
    }
}

/// A first root document and revocations, which nobody has signed.
fn draft(keys: &[&SigningKey], threshold: usize) -> DraftDocuments {
    let org = OrgId::random();
    let root = SignedDocument::unsigned(&root(org, 1, keys, threshold)).unwrap();
    let revocations = SignedDocument::unsigned(&revocations(org)).unwrap();
    DraftDocuments::first(org, root, None, Some(revocations)).unwrap()
}

#[test]
fn a_draft_goes_round_until_enough_keys_have_signed() {
    let keys = [SigningKey::generate().unwrap(), SigningKey::generate().unwrap()];
    let mut draft = draft(&[&keys[0], &keys[1]], 2);
    assert_eq!(draft.missing().len(), 2);
    for (number, key) in keys.iter().enumerate() {
        let kinds = draft.sign(key).unwrap();
        assert_eq!(kinds, [TrustDocumentKind::Root, TrustDocumentKind::Revocations]);
        draft = DraftDocuments::parse(draft.to_json().as_bytes()).unwrap();
        assert_eq!(draft.missing().is_empty(), number == 1);
    }
}

#[test]
fn a_key_signs_a_draft_once_and_only_if_it_has_a_role() {
    let (key, stranger) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let mut draft = draft(&[&key], 1);
    let unsigned = draft.clone();
    assert!(matches!(draft.sign(&stranger), Err(DraftSignatureError::NoRole { .. })));
    assert_eq!(draft, unsigned);
    draft.sign(&key).unwrap();
    let signed = draft.clone();
    assert!(matches!(draft.sign(&key), Err(DraftSignatureError::AlreadySigned { .. })));
    assert_eq!(draft, signed);
}

#[test]
fn a_new_root_document_needs_the_keys_of_the_current_one_too() {
    let (old, new) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let org = OrgId::random();
    let current = SignedDocument::sign(&root(org, 1, &[&old], 1), &old).unwrap();
    let next = SignedDocument::unsigned(&root(org, 2, &[&new], 1)).unwrap();
    let mut draft = DraftDocuments::following(org, current, Some(next), None, None).unwrap();
    draft.sign(&new).unwrap();
    assert_eq!(draft.missing().len(), 1);
    draft.sign(&old).unwrap();
    assert_eq!(draft.missing(), []);
}

#[test]
fn documents_that_do_not_belong_together_are_no_draft() {
    let key = SigningKey::generate().unwrap();
    let (org, other) = (OrgId::random(), OrgId::random());
    let signed =
        |org, version| SignedDocument::sign(&root(org, version, &[&key], 1), &key).unwrap();
    let theirs = SignedDocument::unsigned(&revocations(other)).unwrap();
    let ours = SignedDocument::unsigned(&revocations(org)).unwrap();
    let new =
        |current, next, revocations| DraftDocuments::new(org, current, next, None, revocations);
    assert!(new(Some(signed(org, 1)), None, Some(ours.clone())).is_ok());
    let mixed = new(Some(signed(org, 1)), None, Some(theirs));
    assert!(matches!(mixed, Err(MalformedDraft::Organization { .. })));
    assert!(matches!(new(None, None, Some(ours)), Err(MalformedDraft::NoRoot)));
    assert!(matches!(new(Some(signed(org, 1)), None, None), Err(MalformedDraft::Empty)));
    assert!(new(Some(signed(org, 1)), Some(signed(org, 2)), None).is_ok());
    let skipped = new(Some(signed(org, 1)), Some(signed(org, 3)), None);
    assert!(matches!(skipped, Err(MalformedDraft::Version { .. })));
    assert!(matches!(new(None, Some(signed(org, 2)), None), Err(MalformedDraft::Version { .. })));
    let later = || Some(SignedDocument::unsigned(&later_revocations(org, 2)).unwrap());
    assert!(new(Some(signed(org, 1)), None, later()).is_ok());
    // They would count beside a root document that the draft does not show.
    assert!(matches!(
        new(None, Some(signed(org, 1)), later()),
        Err(MalformedDraft::Version { kind: TrustDocumentKind::Revocations, .. })
    ));
    let unsigned = SignedDocument::unsigned(&root(org, 1, &[&key], 1)).unwrap();
    let unbelieved = new(Some(unsigned), Some(signed(org, 2)), None);
    assert!(matches!(unbelieved, Err(MalformedDraft::CurrentRoot(_))));
}

#[test]
fn a_draft_is_read_strictly() {
    let key = SigningKey::generate().unwrap();
    let text = draft(&[&key], 1).to_json();
    assert!(DraftDocuments::parse(text.as_bytes()).is_ok());
    let refused = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        DraftDocuments::parse(changed.as_bytes()).unwrap_err()
    };
    let newer = refused("trust-draft:v1", "trust-draft:v2");
    assert!(matches!(newer, MalformedDraft::Type { .. }), "{newer:?}");
    let more = refused("{\"type\"", "{\"more\":1,\"type\"");
    assert!(matches!(more, MalformedDraft::Json(_)), "{more:?}");
    let org = refused("\"organization\":\"", "\"organization\":\"x");
    assert!(matches!(org, MalformedDraft::Field { field: "organization" }), "{org:?}");
    for (from, to) in [
        ("{\"type\"", "{\"statement\":null,\"type\""),
        ("payloadType\":\"application", "payloadType\":\"text"),
    ] {
        let document = refused(from, to);
        assert!(matches!(document, MalformedDraft::Document(_)), "{document:?}");
    }
}

#[test]
fn a_document_that_nobody_has_signed_is_read_in_a_draft_only() {
    let org = OrgId::random();
    let unsigned = SignedDocument::unsigned(&revocations(org)).unwrap().to_json();
    assert!(SignedDocument::<Revocations>::parse_unsigned(unsigned.as_bytes()).is_ok());
    let refused = SignedDocument::<Revocations>::parse(unsigned.as_bytes()).unwrap_err().fault;
    assert!(
        matches!(
            refused,
            DocumentFault::Envelope(MalformedEnvelope::SignatureCount { found: 0, .. })
        ),
        "{refused:?}"
    );
}
