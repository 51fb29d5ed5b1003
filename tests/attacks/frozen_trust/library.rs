//! Somebody who can write the database shows a host the same documents for longer than they
//! are meant to count.

use signing_crypto::TrustDocumentKind;

use crate::support::{SignedTrust, in_days, signed as envelope, with_signed_trust};

with_signed_trust! {
    documents_count_until_they_expire,
    documents_of_a_child_count_until_they_expire,
}

async fn documents_count_until_they_expire(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let acme = &signed.acme;
    let ended = |document: &serde_json::Value| {
        let mut document = document.clone();
        document["issuedAt"] = in_days(-2).into();
        document["expiresAt"] = in_days(-1).into();
        document
    };
    for kind in TrustDocumentKind::ALL {
        let mut documents = signed.documents();
        let own = documents.get_mut(&acme.org).unwrap();
        match kind {
            // The pinned root is followed by one that has expired.
            TrustDocumentKind::Root => own.roots.push(acme.sign_root(&ended(&acme.root(2)))),
            TrustDocumentKind::Statement => {
                own.statement = Some(acme.sign_statement(&ended(&signed.acme_statement(1))));
            }
            _ => {
                let revocations = ended(&acme.revocations(1, &[]));
                own.revocations = Some(acme.sign_revocations(&revocations));
            }
        }
        signed.plant(&documents).await;
        signed.refuses(&signed.package, &format!("the {kind} document of acme expired"));
    }
}

async fn documents_of_a_child_count_until_they_expire(signed: SignedTrust) {
    signed.accepts(&signed.granted);
    let mut documents = signed.documents();
    let mut statement = signed.vendor.statement(1);
    statement["issuedAt"] = in_days(-2).into();
    statement["expiresAt"] = in_days(-1).into();
    documents.get_mut(&signed.vendor.org).unwrap().statement =
        Some(envelope(TrustDocumentKind::Statement, &statement, &signed.vendor.trust_keys));
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "the statement document of");
    signed.accepts(&signed.package);
}
