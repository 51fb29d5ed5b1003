//! Somebody who can write the database grants trust to an organization without a root.

use signing_trust::TrustLimits;

use crate::support::{Medium, SignedTrust, sign, with_signed_trust};

with_signed_trust! {
    child_that_only_rows_grant_trust_to_does_not_count,
    child_without_documents_does_not_count,
}

async fn child_that_only_rows_grant_trust_to_does_not_count(signed: SignedTrust) {
    let keys = &signed.world.keys;
    let unrooted = signed.world.org("unrooted").await;
    keys.grant_trust(signed.acme.org, unrooted, TrustLimits::default()).await.unwrap();
    let theirs = crate::support::RawKey::of_seed(77);
    keys.trust_public_key(unrooted, &theirs.verifying_key(), None, None).await.unwrap();
    let package = signed.world.hostile_package("libunrooted.so");
    sign(&package, theirs);
    signed.refuses(&package, "trusted");
    signed.accepts(&signed.granted);
}

async fn child_without_documents_does_not_count(signed: SignedTrust) {
    signed.accepts(&signed.granted);
    let mut documents = signed.documents();
    documents.remove(&signed.vendor.org);
    signed.plant(&documents).await;
    match signed.medium {
        Medium::Store => {
            signed.refuses(&signed.granted, "has published no signed trust");
            signed.accepts(&signed.package);
        }
        // Somebody has taken them out.
        Medium::Bundle => signed.refuses(&signed.package, "the bundle lacks the documents"),
    }
}
