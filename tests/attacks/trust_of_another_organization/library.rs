//! Somebody who can write the database shows documents of another organization.

use crate::support::{SignedTrust, with_signed_trust};

with_signed_trust! {
    documents_of_another_organization_do_not_count,
    statement_of_another_organization_does_not_count,
    organization_that_took_the_name_is_not_followed,
}

async fn documents_of_another_organization_do_not_count(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let mut documents = signed.documents();
    let theirs = documents[&signed.vendor.org].clone();
    documents.insert(signed.acme.org, theirs);
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "document is of the organization");
}

async fn statement_of_another_organization_does_not_count(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let mut documents = signed.documents();
    let theirs = documents[&signed.vendor.org].statement.clone();
    documents.get_mut(&signed.acme.org).unwrap().statement = theirs;
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "the statement document is of the organization");
}

/// The host asks about `acme` by its name, which another has now. A bundle names its
/// organization by id alone.
async fn organization_that_took_the_name_is_not_followed(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let (acme, vendor) = (signed.acme.org, signed.vendor.org);
    let mut documents = signed.documents();
    let database = &signed.world.database;
    for (org, name) in [(acme, "former"), (vendor, "acme")] {
        let id = database.id(org.as_uuid());
        let rename = format!("UPDATE organizations SET name = '{name}' WHERE id = {id}");
        database.execute(&rename).await.unwrap();
    }
    signed.plant(&documents).await;
    let mut bundle = signed.bundle(&documents);
    bundle["organization"] = vendor.to_string().into();
    std::fs::write(signed.bundle_file(), bundle.to_string()).unwrap();
    signed.refuses(&signed.granted, "the pinned root is of the organization");
    documents.clear();
}
