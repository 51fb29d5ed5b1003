//! Reading is neither announced nor logged.

use signing_crypto::PackageDigest;
use signing_trust::Signers;
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::OrganizationRef;

use super::recorded_store::{RecordedStore, seed_key};
use crate::support::on_both_backends;

on_both_backends! {
    questions_are_neither_told_nor_logged,
}

async fn questions_are_neither_told_nor_logged(recorded: RecordedStore) {
    let (keys, org) = (&recorded.keys, recorded.org);
    let id = recorded.signing_key().await;
    let fingerprint = seed_key().fingerprint();

    keys.get_signing_key(id).await.unwrap();
    keys.store().organizations().await.unwrap();
    keys.store().organization(OrganizationRef::Id(org)).await.unwrap();
    keys.store().children_of(org).await.unwrap();
    keys.store().signing_keys(org).await.unwrap();
    keys.list_trusted_keys(org).await.unwrap();
    keys.store().own_trusted_keys(org).await.unwrap();
    keys.find_trusted_key(org, &fingerprint).await.unwrap();
    keys.store().organizations_trusting(fingerprint).await.unwrap();
    keys.find_signatures(org, PackageDigest::from_bytes([7; 32])).await.unwrap();
    let (signers, name) = (Signers::one(fingerprint), "a.so".parse().unwrap());
    let _ = keys.decide(org, &signers, &name, ClockSkewAllowance::NONE).await.unwrap();
    keys.verify_audit_log(org, &[]).await.unwrap();

    recorded.told_nothing();
    recorded.logged(&["key.signing.created"]).await;
}
