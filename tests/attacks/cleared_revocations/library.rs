//! Somebody who can write the database takes back a revocation.

use serde_json::json;

use crate::support::{Medium, SignedTrust, with_signed_trust};

with_signed_trust! {
    denial_that_was_published_outlives_the_rows,
    revocation_by_a_row_counts_at_once,
}

async fn denial_that_was_published_outlives_the_rows(signed: SignedTrust) {
    signed.accepts(&signed.granted);
    // The rows trust the key as before.
    let fingerprint = signed.vendor.release.fingerprint();
    let mut statement = signed.acme_statement(1);
    statement["denied"] = json!([
        { "fingerprint": fingerprint, "at": crate::support::in_days(-1) },
    ]);
    signed.plant(&signed.with_statement(&statement)).await;
    signed.refuses(&signed.granted, "denied it");

    let mut documents = signed.documents();
    let denied = signed.acme.revocations(1, &[signed.vendor.release]);
    documents.get_mut(&signed.acme.org).unwrap().revocations =
        Some(signed.acme.sign_revocations(&denied));
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "denied it");

    let mut documents = signed.documents();
    let denied = signed.vendor.revocations(1, &[signed.vendor.release]);
    documents.get_mut(&signed.vendor.org).unwrap().revocations =
        Some(signed.vendor.sign_revocations(&denied));
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "revoked it");
}

/// A bundle does not learn of it.
async fn revocation_by_a_row_counts_at_once(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let keys = &signed.world.keys;
    let release = signed.acme.release.verifying_key().fingerprint();
    keys.deny_key(signed.acme.org, &release, None).await.unwrap();
    match signed.medium {
        Medium::Store => signed.refuses(&signed.package, "revoked its trust in it"),
        Medium::Bundle => signed.accepts(&signed.package),
    }
    signed.accepts(&signed.granted);
}
