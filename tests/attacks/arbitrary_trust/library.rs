//! Somebody who can write the database trusts a key of their own.

use serde_json::json;

use crate::support::{RawKey, SignedTrust, with_signed_trust};

with_signed_trust! {
    rows_alone_trust_nobody,
    documents_that_the_attacker_has_signed_trust_nobody,
    statement_that_was_edited_trusts_nobody,
    key_that_the_organization_has_signed_is_trusted,
}

/// The rows trust the attacker's key, in the name of both organizations.
async fn rows_alone_trust_nobody(signed: SignedTrust) {
    signed.accepts(&signed.package);
    signed.accepts(&signed.granted);
    signed.refuses(&signed.hostile, "trusted");
}

async fn documents_that_the_attacker_has_signed_trust_nobody(signed: SignedTrust) {
    let mut theirs = signed.acme.clone();
    theirs.root_keys = [signed.attacker; 2];
    theirs.trust_keys = [signed.attacker; 2];
    theirs.release = signed.attacker;
    let mut documents = signed.documents();
    // Signed by one key for each role.
    let mut root = theirs.root(1);
    for role in ["root", "trust"] {
        root["roles"][role] = json!({ "keyids": [signed.attacker.fingerprint()], "threshold": 1 });
    }
    root["keys"] = json!([signed.attacker.base64(), theirs.revocation_key.base64()]);
    let own = documents.get_mut(&signed.acme.org).unwrap();
    own.roots =
        vec![one_signature(signing_crypto::TrustDocumentKind::Root, &root, signed.attacker)];
    let statement = theirs.statement(1);
    own.statement = Some(one_signature(
        signing_crypto::TrustDocumentKind::Statement,
        &statement,
        signed.attacker,
    ));
    signed.plant(&documents).await;
    signed.refuses(&signed.hostile, "has the digest");
}

fn one_signature(
    kind: signing_crypto::TrustDocumentKind,
    document: &serde_json::Value,
    key: RawKey,
) -> String {
    crate::support::signed(kind, document, &[key])
}

/// The signatures stay as they are, and the statement changes.
async fn statement_that_was_edited_trusts_nobody(signed: SignedTrust) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let mut documents = signed.documents();
    let own = documents.get_mut(&signed.acme.org).unwrap();
    let mut envelope: serde_json::Value =
        serde_json::from_str(own.statement.as_ref().unwrap()).unwrap();
    let mut statement = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    envelope["payload"] = STANDARD.encode(statement.to_string()).into();
    own.statement = Some(envelope.to_string());
    signed.plant(&documents).await;
    signed.refuses(&signed.hostile, "is signed by 0 of the 2 keys of the trust role");
    signed.refuses(&signed.package, "is signed by 0 of the 2 keys of the trust role");
}

/// The sibling: the same key, once those who may have signed for it.
async fn key_that_the_organization_has_signed_is_trusted(signed: SignedTrust) {
    let mut statement = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    signed.plant(&signed.with_statement(&statement)).await;
    signed.accepts(&signed.hostile);
    assert!(signed.canary().exists());
}
