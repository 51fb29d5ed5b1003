//! Somebody who has a key of one role signs a document of another.

use serde_json::json;
use signing_crypto::TrustDocumentKind;

use crate::support::{SignedTrust, signed as envelope, with_signed_trust};

with_signed_trust! {
    revocation_key_signs_no_statement,
    trust_keys_sign_no_root,
    document_of_one_kind_is_not_one_of_another,
}

async fn revocation_key_signs_no_statement(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let mut statement = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    let mut documents = signed.documents();
    documents.get_mut(&signed.acme.org).unwrap().statement = Some(envelope(
        TrustDocumentKind::Statement,
        &statement,
        &[signed.acme.revocation_key, signed.acme.root_keys[0], signed.acme.root_keys[1]],
    ));
    signed.plant(&documents).await;
    signed.refuses(&signed.hostile, "is signed by 0 of the 2 keys of the trust role");
}

async fn trust_keys_sign_no_root(signed: SignedTrust) {
    let root = signed.acme.root(2);
    let mut documents = signed.documents();
    let own = documents.get_mut(&signed.acme.org).unwrap();
    own.roots.push(envelope(TrustDocumentKind::Root, &root, &signed.acme.trust_keys));
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "is signed by 0 of the 2 keys of the root role");

    documents.get_mut(&signed.acme.org).unwrap().roots[1] = signed.acme.sign_root(&root);
    signed.plant(&documents).await;
    signed.accepts(&signed.package);
}

/// The keys of every role have signed it, as a document of another kind.
async fn document_of_one_kind_is_not_one_of_another(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let acme = &signed.acme;
    let keys = [&acme.root_keys[..], &acme.trust_keys, &[acme.revocation_key]].concat();
    let revocations = envelope(TrustDocumentKind::Revocations, &signed.acme_statement(1), &keys);
    let mut documents = signed.documents();
    documents.get_mut(&acme.org).unwrap().statement = Some(revocations);
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "its payload type is");
}
