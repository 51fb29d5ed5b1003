//! Somebody who can write the database replaces the documents of an organization that was
//! granted trust.

use crate::support::{Medium, RawKey, SignedTrust, with_signed_trust};

with_signed_trust! {
    child_with_another_root_does_not_count,
    child_whose_root_was_rotated_counts,
}

async fn child_with_another_root_does_not_count(signed: SignedTrust) {
    signed.accepts(&signed.granted);
    let mut theirs = signed.vendor.clone();
    theirs.root_keys = [200, 201].map(RawKey::of_seed);
    theirs.trust_keys = [202, 203].map(RawKey::of_seed);
    theirs.release = signed.attacker;
    let mut documents = signed.documents();
    documents.insert(theirs.org, theirs.documents(&theirs.statement(1)));
    signed.plant(&documents).await;
    let refusal = match signed.medium {
        Medium::Store => "has no root document with the digest",
        Medium::Bundle => "it is neither trusted directly nor through a grant",
    };
    signed.refuses(&signed.hostile, refusal);
    signed.refuses(&signed.granted, refusal);
    signed.accepts(&signed.package);
}

/// The sibling: the new root follows the one that the grant names.
async fn child_whose_root_was_rotated_counts(signed: SignedTrust) {
    let mut renewed = signed.vendor.clone();
    renewed.trust_keys = [202, 203].map(RawKey::of_seed);
    let mut documents = signed.documents();
    let own = documents.get_mut(&signed.vendor.org).unwrap();
    own.roots.push(signed.vendor.sign_root(&renewed.root(2)));
    own.statement = Some(renewed.sign_statement(&renewed.statement(2)));
    signed.plant(&documents).await;
    signed.accepts(&signed.granted);
}
