//! Somebody who can write the database shows documents of different times together.

use serde_json::json;

use crate::support::{RawKey, SignedTrust, with_signed_trust};

with_signed_trust! {
    statement_beside_older_revocations_is_refused,
    statement_beside_an_older_root_is_refused,
    statement_of_keys_that_the_root_has_dropped_is_refused,
}

async fn statement_beside_older_revocations_is_refused(signed: SignedTrust) {
    let mut statement = signed.acme_statement(2);
    statement["revocationsVersion"] = 2.into();
    let old = signed.with_statement(&statement);
    let mut new = old.clone();
    let revocations = signed.acme.revocations(2, &[]);
    new.get_mut(&signed.acme.org).unwrap().revocations =
        Some(signed.acme.sign_revocations(&revocations));

    signed.plant(&old).await;
    signed.refuses(&signed.package, "counts with version 2 or later of the revocations document");
    signed.plant(&new).await;
    signed.accepts(&signed.package);
}

async fn statement_beside_an_older_root_is_refused(signed: SignedTrust) {
    let mut statement = signed.acme_statement(2);
    statement["rootVersion"] = 2.into();
    let old = signed.with_statement(&statement);
    let mut new = old.clone();
    new.get_mut(&signed.acme.org).unwrap().roots.push(signed.acme.sign_root(&signed.acme.root(2)));

    signed.plant(&old).await;
    signed.refuses(&signed.package, "counts with version 2 or later of the root document");
    signed.plant(&new).await;
    signed.accepts(&signed.package);
}

async fn statement_of_keys_that_the_root_has_dropped_is_refused(signed: SignedTrust) {
    let mut renewed = signed.acme.clone();
    renewed.trust_keys = [200, 201].map(RawKey::of_seed);
    let root = renewed.root(2);
    let mut old = signed.documents();
    old.get_mut(&signed.acme.org).unwrap().roots.push(signed.acme.sign_root(&root));
    let mut new = old.clone();
    let mut statement = renewed.statement(2);
    statement["grants"] = json!([signed.vendor.granted()]);
    new.get_mut(&signed.acme.org).unwrap().statement = Some(renewed.sign_statement(&statement));

    signed.plant(&old).await;
    signed.refuses(&signed.package, "is signed by 0 of the 2 keys of the trust role");
    signed.plant(&new).await;
    signed.accepts(&signed.package);
}
