//! Somebody who can write the database appoints their own keys by the next root document.

use signing_crypto::TrustDocumentKind;

use crate::support::{SignedTrust, signed as envelope, with_signed_trust};

with_signed_trust! {
    root_that_its_predecessor_has_not_signed_is_refused,
}

async fn root_that_its_predecessor_has_not_signed_is_refused(signed: SignedTrust) {
    let mut theirs = signed.acme.clone();
    theirs.root_keys = [200, 201].map(crate::support::RawKey::of_seed);
    theirs.trust_keys = [202, 203].map(crate::support::RawKey::of_seed);
    theirs.release = signed.attacker;
    let root = theirs.root(2);
    let mut statement = theirs.statement(2);
    statement["grants"] = serde_json::json!([signed.vendor.granted()]);
    let statement = theirs.sign_statement(&statement);
    let [first, second] = signed.acme.root_keys;
    let [third, fourth] = theirs.root_keys;
    for (signers, refusal) in [
        (vec![third, fourth], "is signed by 0 of the 2 keys of the root role"),
        (vec![third, fourth, first], "is signed by 1 of the 2 keys of the root role"),
        (vec![first, second], "its own keys do not accept it"),
    ] {
        let mut documents = signed.documents();
        let own = documents.get_mut(&signed.acme.org).unwrap();
        own.roots.push(envelope(TrustDocumentKind::Root, &root, &signers));
        own.statement = Some(statement.clone());
        signed.plant(&documents).await;
        signed.refuses(&signed.hostile, refusal);
    }
    let mut documents = signed.documents();
    let own = documents.get_mut(&signed.acme.org).unwrap();
    let all = [first, second, third, fourth];
    own.roots.push(envelope(TrustDocumentKind::Root, &root, &all));
    own.statement = Some(statement);
    signed.plant(&documents).await;
    signed.accepts(&signed.hostile);
}
