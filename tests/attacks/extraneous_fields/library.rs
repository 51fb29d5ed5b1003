//! Somebody adds fields to what is signed and to what holds it.

use serde_json::json;
use signing_crypto::TrustDocumentKind;

use crate::support::{Medium, SignedTrust, payload_type, signed_as, with_signed_trust};

with_signed_trust! {
    field_that_is_not_known_is_refused,
    field_that_is_there_twice_is_refused,
    documents_that_belong_to_nobody_are_refused,
}

async fn field_that_is_not_known_is_refused(signed: SignedTrust) {
    let acme = &signed.acme;
    signed.accepts(&signed.package);
    let mut statement = signed.acme_statement(1);
    statement["keys"][0]["onlyOnTuesdays"] = true.into();
    signed.plant(&signed.with_statement(&statement)).await;
    signed.refuses(&signed.package, "its payload is not the expected JSON");

    let mut root = acme.root(2);
    root["roles"]["everything"] = json!({ "keyids": [], "threshold": 1 });
    let mut documents = signed.documents();
    documents.get_mut(&acme.org).unwrap().roots.push(acme.sign_root(&root));
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "its payload is not the expected JSON");
}

async fn field_that_is_there_twice_is_refused(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let statement = signed.acme_statement(1).to_string();
    let twice = statement.replacen('{', r#"{"denied":[],"#, 1);
    let kind = TrustDocumentKind::Statement;
    let text = signed_as(&payload_type(kind), twice.as_bytes(), &signed.acme.trust_keys);
    let mut documents = signed.documents();
    documents.get_mut(&signed.acme.org).unwrap().statement = Some(text);
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "its payload is not the expected JSON");
}

/// A store has documents of everybody. A bundle has those that count.
async fn documents_that_belong_to_nobody_are_refused(signed: SignedTrust) {
    let stranger = signed.world.org("stranger").await;
    let mut theirs = signed.vendor.clone();
    theirs.org = stranger;
    theirs.release = signed.attacker;
    let mut documents = signed.documents();
    documents.insert(stranger, theirs.documents(&theirs.statement(1)));
    signed.plant(&documents).await;
    match signed.medium {
        Medium::Store => {
            signed.refuses(&signed.hostile, "trusted");
            signed.accepts(&signed.package);
        }
        Medium::Bundle => {
            signed.refuses(&signed.package, "the bundle has documents of");
            let mut bundle = signed.bundle(&signed.documents());
            bundle["comment"] = "see the other bundle".into();
            std::fs::write(signed.bundle_file(), bundle.to_string()).unwrap();
            signed.refuses(&signed.package, "is not a trust bundle");
        }
    }
}
