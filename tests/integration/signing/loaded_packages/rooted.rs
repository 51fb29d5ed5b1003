//! A program that has pinned the root of an organization's trust.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use signing_loader::{
    FollowedPackage, GateError, LoadedPackages, StoreReader, TrustRoot, Verifier,
};
use signing_trust::store::OrganizationRef;

use super::host::{LIMIT, is_open, refusal, refuses_to_load, untrusted_reason};
use crate::support::{SOON, SignedTrust, on_both_backends, until};

on_both_backends! {
    rows_that_take_trust_away_close_the_gate,
    statement_without_the_key_closes_the_gate_and_one_with_it_opens_it,
    documents_that_expire_close_the_gate,
}

async fn host(signed: &SignedTrust) -> LoadedPackages {
    let root = TrustRoot::parse(signed.acme.sign_root(&signed.acme.root(1)).as_bytes()).unwrap();
    let store = StoreReader::open(&signed.world.database.url()).await.unwrap();
    let org = OrganizationRef::Id(signed.acme.org);
    let verifier = Verifier::organization(&store, org).await.unwrap().rooted(root);
    LoadedPackages::gate(&verifier, *LIMIT).unwrap()
}

async fn load(signed: &SignedTrust, loaded: &LoadedPackages) -> [FollowedPackage; 2] {
    let own = loaded.load(&*signed.package).await.unwrap();
    [own, loaded.load(&*signed.granted).await.unwrap()]
}

async fn rows_that_take_trust_away_close_the_gate(signed: SignedTrust) {
    let loaded = host(&signed).await;
    let [own, granted] = load(&signed, &loaded).await;
    signed.world.keys.revoke_trust(signed.acme.org, signed.vendor.org).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&granted)).await;
    untrusted_reason(&granted);
    assert!(is_open(&own));

    // Rows that give it are not believed.
    refuses_to_load(loaded.load(&*signed.hostile).await);
    assert_eq!(loaded.packages().len(), 2);
}

async fn statement_without_the_key_closes_the_gate_and_one_with_it_opens_it(signed: SignedTrust) {
    let loaded = host(&signed).await;
    let [own, granted] = load(&signed, &loaded).await;
    let mut statement = signed.acme_statement(2);
    statement["keys"] = json!([]);
    signed.replace(&signed.with_statement(&statement)).await;
    until(SOON, "the gate closes", async || !is_open(&own)).await;
    untrusted_reason(&own);
    assert!(is_open(&granted));

    signed.replace(&signed.with_statement(&signed.acme_statement(3))).await;
    until(SOON, "the gate opens", async || is_open(&own)).await;
    // An older one counts for nothing, and is not known to say nothing about the key.
    signed.replace(&signed.with_statement(&statement)).await;
    until(SOON, "the gate closes", async || !is_open(&own)).await;
    assert_eq!(refusal(&own).code(), "TrustDocumentRolledBack");
}

async fn documents_that_expire_close_the_gate(signed: SignedTrust) {
    let loaded = host(&signed).await;
    let [own, _] = load(&signed, &loaded).await;
    let mut statement = signed.acme_statement(2);
    let expiry = Utc::now() + TimeDelta::seconds(4);
    statement["expiresAt"] = expiry.to_rfc3339_opts(SecondsFormat::Secs, true).into();
    signed.replace(&signed.with_statement(&statement)).await;
    assert!(is_open(&own));
    until(SOON, "the gate closes", async || !is_open(&own)).await;
    assert!(Utc::now() >= expiry - TimeDelta::seconds(1));
    let refused = refusal(&own);
    assert!(matches!(refused, GateError::NoLongerTrusted { .. }), "{refused:?}");

    signed.replace(&signed.with_statement(&signed.acme_statement(3))).await;
    until(SOON, "the gate opens", async || is_open(&own)).await;
}
