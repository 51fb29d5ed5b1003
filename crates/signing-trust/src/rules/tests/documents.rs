//! Where signed documents are asked for, a child gives nothing without them.

use std::sync::Arc;

use signing_crypto::TrustDocumentKind;

use super::*;
use crate::document_error::{DocumentOwner, SignedTrustError};
use crate::snapshot::{DocumentsOfChild, Expiry};

/// What is decided about a child's key, if its documents are in this state.
fn verdict_with(documents: DocumentsOfChild) -> Result<(), UntrustedReason> {
    let mut trust = known(&[own(None), granted("vendor", active(&key(1)))]);
    trust.grants[0].documents = documents;
    let signers = Signers::one(key(1).fingerprint());
    let decision = rules::decide(&trust, &signers, Packages::Named(&PACKAGE), context());
    decision.keys()[0].verdict.clone().map(drop)
}

fn counting_until(minute: u32) -> Expiry {
    Expiry {
        org: Arc::new(DocumentOwner { id: OrgId::random(), name: "vendor".parse().unwrap() }),
        kind: TrustDocumentKind::Revocations,
        at: at(minute),
        issued: (at(0), TrustDocumentKind::Root),
    }
}

#[track_caller]
fn assert_refused(documents: DocumentsOfChild, code: &str) {
    match verdict_with(documents) {
        Err(UntrustedReason::ChildDocuments { child_name, fault }) => {
            assert_eq!((child_name.as_str(), fault.code()), ("vendor", code));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_child_gives_nothing_from_the_moment_when_its_documents_expire() {
    verdict_with(DocumentsOfChild::NotAsked).unwrap();
    verdict_with(DocumentsOfChild::UntilExpiry(counting_until(41))).unwrap();
    assert_refused(DocumentsOfChild::UntilExpiry(counting_until(40)), "TrustDocumentExpired");
}

#[test]
fn a_child_gives_nothing_by_documents_that_were_refused() {
    let org = OrgId::random();
    let fault = Arc::new(SignedTrustError::NoDocuments { org });
    let code = fault.code();
    assert_refused(DocumentsOfChild::Refused(fault), code);
}

#[test]
fn a_clock_that_is_behind_is_told_of_the_document_that_was_issued_last() {
    let issued = (at(40) + chrono::TimeDelta::hours(25), TrustDocumentKind::Statement);
    match verdict_with(DocumentsOfChild::UntilExpiry(Expiry { issued, ..counting_until(41) })) {
        Err(UntrustedReason::ChildDocuments { fault, .. }) => {
            assert_eq!(fault.code(), "TrustDocumentIssuedLater");
            assert!(fault.to_string().starts_with("the statement document of vendor was issued"));
        }
        other => panic!("{other:?}"),
    }
}
