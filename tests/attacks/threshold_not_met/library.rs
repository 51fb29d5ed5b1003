//! Somebody who has one of two keys signs alone.

use serde_json::json;
use signing_crypto::TrustDocumentKind;

use crate::support::{SignedTrust, signed as envelope, with_signed_trust};

with_signed_trust! {
    statement_of_one_of_two_keys_is_refused,
    root_of_one_of_two_keys_is_refused,
}

async fn statement_of_one_of_two_keys_is_refused(signed: SignedTrust) {
    let mut statement = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    let [one, other] = signed.acme.trust_keys;
    let mut documents = signed.documents();
    let mut with_signers = |keys: &[_]| {
        let text = envelope(TrustDocumentKind::Statement, &statement, keys);
        documents.get_mut(&signed.acme.org).unwrap().statement = Some(text);
        documents.clone()
    };
    for alone in [&[one][..], &[other], &[one, signed.attacker], &[one, signed.acme.root_keys[0]]] {
        signed.plant(&with_signers(alone)).await;
        signed.refuses(&signed.hostile, "is signed by 1 of the 2 keys of the trust role");
    }
    signed.plant(&with_signers(&[other, one])).await;
    signed.accepts(&signed.hostile);
}

async fn root_of_one_of_two_keys_is_refused(signed: SignedTrust) {
    let root = signed.acme.root(2);
    let mut documents = signed.documents();
    let one = envelope(TrustDocumentKind::Root, &root, &signed.acme.root_keys[..1]);
    documents.get_mut(&signed.acme.org).unwrap().roots.push(one);
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "is signed by 1 of the 2 keys of the root role");

    documents.get_mut(&signed.acme.org).unwrap().roots[1] = signed.acme.sign_root(&root);
    signed.plant(&documents).await;
    signed.accepts(&signed.package);
}
