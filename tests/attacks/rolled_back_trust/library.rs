//! Somebody who can write the database puts back documents that were replaced.

use serde_json::json;

use crate::support::{SignedTrust, with_signed_trust};

with_signed_trust! {
    statement_that_was_replaced_is_refused,
    revocations_that_were_replaced_are_refused,
    root_that_was_replaced_is_refused,
}

async fn statement_that_was_replaced_is_refused(signed: SignedTrust) {
    let mut trusting = signed.acme_statement(1);
    trusting["keys"] = json!([
        { "publicKey": signed.acme.release.base64() },
        { "publicKey": signed.attacker.base64() },
    ]);
    let before = signed.with_statement(&trusting);
    // The key is dropped, and the host learns of that.
    signed.plant(&signed.with_statement(&signed.acme_statement(2))).await;
    signed.accepts(&signed.package);

    signed.plant(&before).await;
    let refusal = "version 1 of the statement document";
    signed.refuses(&signed.hostile, refusal);
    signed.refuses(&signed.package, refusal);
}

async fn revocations_that_were_replaced_are_refused(signed: SignedTrust) {
    let before = signed.documents();
    let mut after = before.clone();
    let denied = signed.acme.revocations(2, &[signed.vendor.release]);
    after.get_mut(&signed.acme.org).unwrap().revocations =
        Some(signed.acme.sign_revocations(&denied));
    signed.plant(&before).await;
    signed.accepts(&signed.granted);
    signed.plant(&after).await;
    signed.refuses(&signed.granted, "denied it");

    signed.plant(&before).await;
    signed.refuses(&signed.granted, "version 1 of the revocations document");
}

async fn root_that_was_replaced_is_refused(signed: SignedTrust) {
    let before = signed.documents();
    let mut after = before.clone();
    let own = after.get_mut(&signed.acme.org).unwrap();
    own.roots.push(signed.acme.sign_root(&signed.acme.root(2)));
    signed.plant(&after).await;
    signed.accepts(&signed.package);

    signed.plant(&before).await;
    signed.refuses(&signed.package, "version 1 of the root document");
}
