//! Somebody who can write the database leaves out a root document.

use crate::support::{SignedTrust, with_signed_trust};

with_signed_trust! {
    root_that_skips_one_is_refused,
}

async fn root_that_skips_one_is_refused(signed: SignedTrust) {
    let mut documents = signed.documents();
    let roots = [2, 3].map(|version| signed.acme.sign_root(&signed.acme.root(version)));
    let own = documents.get_mut(&signed.acme.org).unwrap();
    own.roots.push(roots[1].clone());
    signed.plant(&documents).await;
    signed.refuses(&signed.package, "it is version 3 of the root document, expected version 2");

    let own = documents.get_mut(&signed.acme.org).unwrap();
    own.roots.insert(1, roots[0].clone());
    signed.plant(&documents).await;
    signed.accepts(&signed.package);
}
