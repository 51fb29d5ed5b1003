//! Somebody who can write the database makes documents that do not end.

use std::time::{Duration, Instant};

use signing_crypto::TrustDocumentKind;

use crate::support::{Medium, SignedTrust, with_signed_trust};

with_signed_trust! {
    document_that_does_not_end_is_refused,
    child_with_a_document_that_does_not_end_is_refused_alone,
    chain_of_roots_that_does_not_end_is_refused,
}

/// Far longer than it takes to refuse, and far shorter than to read on.
const BOUND: Duration = Duration::from_secs(30);

/// A statement with this many bytes of blanks in it.
fn padded(statement: &serde_json::Value, bytes: usize, signed: &SignedTrust) -> String {
    let payload = format!("{}{statement}", " ".repeat(bytes));
    crate::support::signed_as(
        &crate::support::payload_type(TrustDocumentKind::Statement),
        payload.as_bytes(),
        &signed.acme.trust_keys,
    )
}

async fn document_that_does_not_end_is_refused(signed: SignedTrust) {
    // The sibling: as large as it may be.
    let mut documents = signed.documents();
    let statement = signed.acme_statement(1);
    let most = signing_crypto::MAX_TRUST_STATEMENT_SIZE - statement.to_string().len();
    documents.get_mut(&signed.acme.org).unwrap().statement =
        Some(padded(&statement, most, &signed));
    signed.plant(&documents).await;
    signed.accepts(&signed.package);

    documents.get_mut(&signed.acme.org).unwrap().statement =
        Some(padded(&statement, 8 * signing_crypto::MAX_TRUST_STATEMENT_SIZE, &signed));
    signed.plant_without_limits(&documents).await;
    let begun = Instant::now();
    signed.refuses(&signed.package, "");
    assert!(begun.elapsed() < BOUND);
}

async fn child_with_a_document_that_does_not_end_is_refused_alone(signed: SignedTrust) {
    let mut documents = signed.documents();
    let statement = signed.vendor.statement(1);
    documents.get_mut(&signed.vendor.org).unwrap().statement =
        Some(padded(&statement, 8 * signing_crypto::MAX_TRUST_STATEMENT_SIZE, &signed));
    signed.plant_without_limits(&documents).await;
    signed.refuses(&signed.granted, "");
    signed.accepts(&signed.package);
}

async fn chain_of_roots_that_does_not_end_is_refused(signed: SignedTrust) {
    let mut documents = signed.documents();
    let own = documents.get_mut(&signed.acme.org).unwrap();
    // The sibling: a chain of three.
    own.roots.extend([2, 3].map(|version| signed.acme.sign_root(&signed.acme.root(version))));
    signed.plant(&documents).await;
    signed.accepts(&signed.package);

    let own = documents.get_mut(&signed.acme.org).unwrap();
    let count = match signed.medium {
        Medium::Store => 1_000,
        Medium::Bundle => 10_000,
    };
    let last = own.roots[2].clone();
    own.roots.extend(std::iter::repeat_n(last, count));
    signed.plant(&documents).await;
    let begun = Instant::now();
    signed.refuses(&signed.package, "");
    assert!(begun.elapsed() < BOUND);
}
