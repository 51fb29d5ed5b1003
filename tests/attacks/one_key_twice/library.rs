//! Somebody who has one of two keys signs twice with it.

use serde_json::{Value, json};
use signing_crypto::TrustDocumentKind;

use crate::support::{SignedTrust, signed as envelope, with_signed_trust};

with_signed_trust! {
    key_that_signs_twice_counts_once,
}

async fn key_that_signs_twice_counts_once(signed: SignedTrust) {
    let mut statement = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    let [one, other] = signed.acme.trust_keys;
    let genuine = envelope(TrustDocumentKind::Statement, &statement, &[one]);
    let genuine: Value = serde_json::from_str(&genuine).unwrap();
    let signature = &genuine["signatures"][0]["sig"];
    let name = one.fingerprint();
    let again = [
        (json!({ "keyid": name, "sig": signature }), "names the key"),
        (json!({ "keyid": name.to_uppercase(), "sig": signature }), "is signed by 1 of the 2"),
        (json!({ "keyid": other.fingerprint(), "sig": signature }), "is signed by 1 of the 2"),
        (json!({ "sig": signature }), "is signed by 1 of the 2"),
    ];
    for (second, refusal) in again {
        let mut twice = genuine.clone();
        twice["signatures"].as_array_mut().unwrap().push(second);
        let mut documents = signed.documents();
        documents.get_mut(&signed.acme.org).unwrap().statement = Some(twice.to_string());
        signed.plant(&documents).await;
        signed.refuses(&signed.hostile, refusal);
    }
    let both = envelope(TrustDocumentKind::Statement, &statement, &[one, other]);
    let mut documents = signed.documents();
    documents.get_mut(&signed.acme.org).unwrap().statement = Some(both);
    signed.plant(&documents).await;
    signed.accepts(&signed.hostile);
}
