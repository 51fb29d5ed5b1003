//! Somebody who can write the database brings documents of another store.

use signing_crypto::OrgId;

use crate::support::{SignedTrust, with_signed_trust};

with_signed_trust! {
    documents_of_another_store_do_not_count,
}

async fn documents_of_another_store_do_not_count(signed: SignedTrust) {
    signed.accepts(&signed.package);
    // The same keys and the same name, and another id: as a second store of the same people.
    let mut elsewhere = signed.acme.clone();
    elsewhere.org = OrgId::random();
    elsewhere.release = signed.attacker;
    let mut documents = signed.documents();
    documents.insert(signed.acme.org, elsewhere.documents(&elsewhere.statement(1)));
    signed.plant(&documents).await;
    signed.refuses(&signed.hostile, "document is of the organization");
    signed.refuses(&signed.package, "document is of the organization");
}
