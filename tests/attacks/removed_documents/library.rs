//! Somebody who can write the database removes documents.

use crate::support::{Documents, SignedTrust, with_signed_trust};

with_signed_trust! {
    document_that_is_missing_is_never_a_yes,
}

async fn document_that_is_missing_is_never_a_yes(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let acme = signed.acme.org;
    let without = |remove: fn(&mut signing_crypto::DocumentTexts)| -> Documents {
        let mut documents = signed.documents();
        remove(documents.get_mut(&acme).unwrap());
        documents
    };
    for (documents, refusal) in [
        (without(|own| own.statement = None), "has no statement document"),
        (without(|own| own.revocations = None), "has no revocations document"),
    ] {
        signed.plant(&documents).await;
        for package in [&signed.package, &signed.granted, &signed.hostile] {
            signed.refuses(package, refusal);
        }
    }
    // The root itself is pinned.
    signed.plant(&without(|own| own.roots.clear())).await;
    signed.accepts(&signed.package);
    signed.plant(&Documents::new()).await;
    signed.refuses(&signed.package, "");
}
