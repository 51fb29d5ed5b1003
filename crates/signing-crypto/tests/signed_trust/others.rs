//! Documents made by securesystemslib (see `data/README.md`).

use signing_crypto::{
    DocumentFault, MalformedEnvelope, MalformedTrustDocument, Revocations, RootDocument,
    SignedDocument, TrustDocument, TrustStatement, VerifiedRoot,
};

use crate::example::{acme_revocations, acme_root_1, acme_statement};

const ROOT: &str = include_str!("../data/signed_trust/root.json");
const STATEMENT: &str = include_str!("../data/signed_trust/statement.json");
const REVOCATIONS: &str = include_str!("../data/signed_trust/revocations.json");

/// Whether it is a document of another kind, by the type of its payload.
fn is_of_another_kind<D: TrustDocument>(text: &str) -> bool {
    let Err(malformed) = parse::<D>(text) else { return false };
    matches!(malformed.fault, DocumentFault::Envelope(MalformedEnvelope::PayloadType { .. }))
}

fn parse<D: TrustDocument>(text: &str) -> Result<SignedDocument<D>, MalformedTrustDocument> {
    SignedDocument::parse(text.as_bytes())
}

#[test]
fn documents_of_securesystemslib_are_accepted() {
    let root = parse::<RootDocument>(ROOT).unwrap();
    let root = VerifiedRoot::pinned(&root).unwrap();
    assert_eq!(root.document(), &acme_root_1());
    let statement = root.verify(&parse::<TrustStatement>(STATEMENT).unwrap()).unwrap();
    assert_eq!(statement.document(), &acme_statement());
    let revocations = root.verify(&parse::<Revocations>(REVOCATIONS).unwrap()).unwrap();
    assert_eq!(revocations.document(), &acme_revocations());
}

#[test]
fn they_are_refused_with_one_signature_less_and_as_each_other() {
    let root = VerifiedRoot::pinned(&parse(ROOT).unwrap()).unwrap();
    let start = STATEMENT.find("\"sig\": \"").unwrap() + 8;
    let mut flipped = STATEMENT.to_owned();
    let other = if &flipped[start..=start] == "A" { "B" } else { "A" };
    flipped.replace_range(start..=start, other);
    let refused = root.verify(&parse::<TrustStatement>(&flipped).unwrap()).unwrap_err();
    assert_eq!((refused.required, refused.found), (2, 1));

    assert!(is_of_another_kind::<Revocations>(STATEMENT));
    assert!(is_of_another_kind::<TrustStatement>(REVOCATIONS));
    assert!(is_of_another_kind::<TrustStatement>(ROOT));
}

#[test]
fn they_are_not_written_as_we_write_them() {
    // So that the tests above show that exactly the signed bytes are kept.
    let root = parse::<RootDocument>(ROOT).unwrap();
    assert_ne!(root.digest(), crate::example::signed(&acme_root_1(), &[1]).digest());
}
