//! Somebody who can write the database puts back documents that were replaced.

use serde_json::json;

use signing_crypto::TrustDocumentKind;

use crate::support::{
    Documents, Medium, Party, RawKey, SignedTrust, signed as envelope, with_signed_trust,
};

with_signed_trust! {
    statement_that_was_replaced_is_refused,
    revocations_that_were_replaced_are_refused,
    root_that_was_replaced_is_refused,
    other_document_of_the_same_version_is_refused,
    revocation_that_is_dropped_is_refused,
    document_that_is_kept_under_a_new_version_is_refused,
    organization_recovers_from_a_version_that_was_used_up,
    root_keys_that_were_replaced_lead_nowhere_any_more,
    role_that_keeps_a_key_keeps_its_versions,
    role_that_gets_its_keys_back_keeps_its_versions,
    keys_from_before_the_pinned_root_bring_no_old_statement_back,
    keys_from_before_the_pinned_root_bring_no_old_revocations_back,
    another_pin_forgets_nothing,
    another_pin_hides_no_root_that_is_withheld,
}

async fn statement_that_was_replaced_is_refused(signed: SignedTrust) {
    let mut trusting = signed.acme_statement(1);
    trusting["keys"] = json!([
        { "publicKey": signed.acme.release.base64() },
        { "publicKey": signed.attacker.base64() },
    ]);
    let before = signed.with_statement(&trusting);
    // The key is dropped, and the host learns of that.
    signed.plant(&signed.with_statement(&signed.acme_statement(2))).await;
    signed.accepts(&signed.package);

    signed.replace(&before).await;
    let refusal = "version 1 of the statement document";
    signed.refuses(&signed.hostile, refusal);
    signed.refuses(&signed.package, refusal);
}

async fn revocations_that_were_replaced_are_refused(signed: SignedTrust) {
    let before = signed.documents();
    let mut after = before.clone();
    let denied = signed.acme.revocations(2, &[signed.vendor.release]);
    after.get_mut(&signed.acme.org).unwrap().revocations =
        Some(signed.acme.sign_revocations(&denied));
    signed.plant(&before).await;
    signed.accepts(&signed.granted);
    signed.replace(&after).await;
    signed.refuses(&signed.granted, "denied it");

    signed.replace(&before).await;
    signed.refuses(&signed.granted, "version 1 of the revocations document");
}

async fn root_that_was_replaced_is_refused(signed: SignedTrust) {
    let before = signed.documents();
    let mut after = before.clone();
    let own = after.get_mut(&signed.acme.org).unwrap();
    own.roots.push(signed.acme.sign_root(&signed.acme.root(2)));
    signed.plant(&after).await;
    signed.accepts(&signed.package);

    signed.replace(&before).await;
    signed.refuses(&signed.package, "version 1 of the root document");
}

/// The signer has lost sight of the newest document, because somebody has removed it.
async fn other_document_of_the_same_version_is_refused(signed: SignedTrust) {
    signed.plant(&signed.with_statement(&signed.acme_statement(2))).await;
    signed.accepts(&signed.package);
    let mut other = signed.acme_statement(2);
    other["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    signed.replace(&signed.with_statement(&other)).await;
    signed.refuses(&signed.hostile, "another document than the one of that version");

    other["version"] = 3.into();
    signed.replace(&signed.with_statement(&other)).await;
    signed.accepts(&signed.hostile);
}

/// The key that signs revocations takes one back.
async fn revocation_that_is_dropped_is_refused(signed: SignedTrust) {
    let with = |version, denied: &[RawKey]| {
        let mut documents = signed.documents();
        let revocations = signed.acme.revocations(version, denied);
        documents.get_mut(&signed.acme.org).unwrap().revocations =
            Some(signed.acme.sign_revocations(&revocations));
        documents
    };
    signed.plant(&with(2, &[signed.vendor.release])).await;
    signed.refuses(&signed.granted, "denied it");
    signed.replace(&with(3, &[])).await;
    signed.refuses(&signed.granted, "no longer deny the key");

    // Beside a new statement as well: that says nothing about revocations.
    let mut documents = with(3, &[]);
    documents.get_mut(&signed.acme.org).unwrap().statement =
        Some(signed.acme.sign_statement(&signed.acme_statement(2)));
    signed.replace(&documents).await;
    signed.refuses(&signed.granted, "no longer deny the key");
    signed.replace(&with(3, &[signed.vendor.release])).await;
    signed.accepts(&signed.package);
}

/// A bundle has no rows.
async fn document_that_is_kept_under_a_new_version_is_refused(signed: SignedTrust) {
    signed.accepts(&signed.package);
    let id = signed.world.database.id(signed.acme.org.as_uuid());
    let sql = format!(
        "UPDATE trust_documents SET version = 9 WHERE org_id = {id} AND kind = 'statement'"
    );
    signed.world.database.execute(&sql).await.unwrap();
    match signed.medium {
        Medium::Store => {
            signed.refuses(&signed.package, "says version 9, and the document says version 1");
        }
        Medium::Bundle => signed.accepts(&signed.package),
    }
}

/// Somebody who had the key that signs revocations has used the highest version.
async fn organization_recovers_from_a_version_that_was_used_up(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut documents = signed.documents();
    documents.get_mut(&acme.org).unwrap().revocations =
        Some(acme.sign_revocations(&acme.revocations(u32::MAX, &[])));
    signed.plant(&documents).await;
    signed.accepts(&signed.package);

    let own = documents.get_mut(&acme.org).unwrap();
    own.revocations = Some(acme.sign_revocations(&acme.revocations(2, &[])));
    signed.replace(&documents).await;
    signed.refuses(&signed.package, "version 2 of the revocations document");

    // The next root document gives the role another key.
    let mut renewed = acme.clone();
    renewed.revocation_key = RawKey::of_seed(210);
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&renewed.root(2)));
    let mut revocations = renewed.revocations(2, &[]);
    revocations["rootVersion"] = 2.into();
    own.revocations = Some(renewed.sign_revocations(&revocations));
    signed.replace(&documents).await;
    signed.accepts(&signed.package);
}

/// Somebody has stolen the root keys that were replaced, and goes on from the pinned root.
async fn root_keys_that_were_replaced_lead_nowhere_any_more(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut renewed = acme.clone();
    renewed.root_keys = [220, 221].map(RawKey::of_seed);
    let root = |party: &Party, signers: [[RawKey; 2]; 2]| {
        envelope(TrustDocumentKind::Root, &party.root(2), signers.as_flattened())
    };
    let mut documents = signed.documents();
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(root(&renewed, [acme.root_keys, renewed.root_keys]));
    signed.plant(&documents).await;
    signed.accepts(&signed.package);

    let mut theirs = acme.clone();
    theirs.root_keys = [230, 231].map(RawKey::of_seed);
    theirs.trust_keys = [232, 233].map(RawKey::of_seed);
    theirs.release = signed.attacker;
    let mut statement = theirs.statement(9);
    statement["grants"] = json!([signed.vendor.granted()]);
    let forked = documents.get_mut(&acme.org).unwrap();
    forked.roots[1] = root(&theirs, [acme.root_keys, theirs.root_keys]);
    forked.roots.push(theirs.sign_root(&theirs.root(3)));
    forked.statement = Some(theirs.sign_statement(&statement));
    signed.replace(&documents).await;
    signed.refuses(&signed.hostile, "version 2 of the root document");

    // A host that has seen nothing follows the holders of the keys of the root that it pinned.
    signed.plant(&documents).await;
    signed.accepts(&signed.hostile);
}

/// A key that stays in its role has signed the documents that were replaced.
async fn role_that_keeps_a_key_keeps_its_versions(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut trusting = signed.acme_statement(1);
    trusting["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    let before = signed.with_statement(&trusting);
    signed.plant(&signed.with_statement(&signed.acme_statement(2))).await;
    signed.accepts(&signed.package);

    // A third key is added, so that two of three must sign.
    let mut root = acme.root(2);
    let third = RawKey::of_seed(240);
    root["keys"].as_array_mut().unwrap().push(third.base64().into());
    root["roles"]["trust"]["keyids"].as_array_mut().unwrap().push(third.fingerprint().into());
    let with_root = |documents: &Documents| {
        let mut documents = documents.clone();
        documents.get_mut(&acme.org).unwrap().roots.push(acme.sign_root(&root));
        documents
    };
    signed.replace(&with_root(&before)).await;
    signed.refuses(&signed.hostile, "version 1 of the statement document");
    signed.replace(&with_root(&signed.with_statement(&signed.acme_statement(2)))).await;
    signed.accepts(&signed.package);
}

async fn role_that_gets_its_keys_back_keeps_its_versions(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut other = acme.clone();
    other.revocation_key = RawKey::of_seed(210);
    let mut documents = signed.documents();
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&other.root(2)));
    own.revocations = Some(other.sign_revocations(&other.revocations(2, &[signed.vendor.release])));
    signed.plant(&documents).await;
    signed.refuses(&signed.granted, "denied it");

    // The first key has signed revocations without that key, before.
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&acme.root(3)));
    own.revocations = Some(acme.sign_revocations(&acme.revocations(1, &[])));
    signed.replace(&documents).await;
    signed.refuses(&signed.granted, "version 1 of the revocations document");
}

async fn keys_from_before_the_pinned_root_bring_no_old_statement_back(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut other = acme.clone();
    other.trust_keys = [220, 221].map(RawKey::of_seed);
    let mut documents = signed.documents();
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&other.root(2)));
    let mut statement = signed.acme_statement(7);
    statement["rootVersion"] = 2.into();
    own.statement = Some(other.sign_statement(&statement));
    signed.plant(&documents).await;
    std::fs::write(signed.root_file(), acme.sign_root(&other.root(2))).unwrap();
    signed.accepts(&signed.package);

    // The first keys, which the host has never seen in the role, had signed this one before.
    let mut trusting = signed.acme_statement(5);
    trusting["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&acme.root(3)));
    own.statement = Some(acme.sign_statement(&trusting));
    signed.replace(&documents).await;
    signed.refuses(&signed.hostile, "version 5 of the statement document");

    // What they sign now begins again at any number.
    let mut statement = signed.acme_statement(1);
    statement["rootVersion"] = 3.into();
    let own = documents.get_mut(&acme.org).unwrap();
    own.statement = Some(acme.sign_statement(&statement));
    signed.replace(&documents).await;
    signed.accepts(&signed.package);
}

async fn keys_from_before_the_pinned_root_bring_no_old_revocations_back(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut other = acme.clone();
    other.revocation_key = RawKey::of_seed(230);
    let mut documents = signed.documents();
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&other.root(2)));
    let mut denying = other.revocations(5, &[signed.vendor.release]);
    denying["rootVersion"] = 2.into();
    own.revocations = Some(other.sign_revocations(&denying));
    signed.plant(&documents).await;
    std::fs::write(signed.root_file(), acme.sign_root(&other.root(2))).unwrap();
    signed.accepts(&signed.package);
    signed.refuses(&signed.granted, "denied it");

    // The first key, which the host has never seen in the role, had signed these before.
    let own = documents.get_mut(&acme.org).unwrap();
    own.roots.push(acme.sign_root(&acme.root(3)));
    own.revocations = Some(acme.sign_revocations(&acme.revocations(3, &[])));
    signed.replace(&documents).await;
    signed.refuses(&signed.granted, "version 3 of the revocations document");

    // What it signs now begins again at any number.
    let mut denying = acme.revocations(1, &[signed.vendor.release]);
    denying["rootVersion"] = 3.into();
    let own = documents.get_mut(&acme.org).unwrap();
    own.revocations = Some(acme.sign_revocations(&denying));
    signed.replace(&documents).await;
    signed.accepts(&signed.package);
    signed.refuses(&signed.granted, "denied it");
}

/// The host pins a later root, and remembers in the same file.
async fn another_pin_forgets_nothing(signed: SignedTrust) {
    let acme = &signed.acme;
    let mut documents = signed.with_statement(&signed.acme_statement(2));
    documents.get_mut(&acme.org).unwrap().roots.push(acme.sign_root(&acme.root(2)));
    signed.plant(&documents).await;
    signed.accepts(&signed.package);

    std::fs::write(signed.root_file(), acme.sign_root(&acme.root(2))).unwrap();
    signed.accepts(&signed.package);
    let own = documents.get_mut(&acme.org).unwrap();
    own.statement = Some(acme.sign_statement(&signed.acme_statement(1)));
    signed.replace(&documents).await;
    signed.refuses(&signed.package, "version 1 of the statement document");
}

/// What leads from one pin to the other is remembered, so it does not help to withhold the root
/// document that was seen last.
async fn another_pin_hides_no_root_that_is_withheld(signed: SignedTrust) {
    let acme = &signed.acme;
    let documents = |roots: std::ops::RangeInclusive<u32>, statement| {
        let mut documents = signed.with_statement(&signed.acme_statement(statement));
        documents.get_mut(&acme.org).unwrap().roots =
            roots.map(|version| acme.sign_root(&acme.root(version))).collect();
        documents
    };
    let pin = |version| {
        std::fs::write(signed.root_file(), acme.sign_root(&acme.root(version))).unwrap();
    };
    signed.plant(&documents(1..=4, 2)).await;
    for (first, then) in [(1, 2), (1, 3), (3, 1), (2, 1)] {
        std::fs::remove_file(signed.state_file()).ok();
        pin(first);
        signed.replace(&documents(1..=4, 2)).await;
        signed.accepts(&signed.package);

        pin(then);
        signed.replace(&documents(1..=3, 1)).await;
        signed.refuses(&signed.package, "version 3 of the root document");
        signed.replace(&documents(1..=4, 2)).await;
        signed.accepts(&signed.package);
    }
}
