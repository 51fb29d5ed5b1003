//! Questions about no key, about many, and about one that is named many times.

use signing_crypto::{Fingerprint, OrgId};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::{Revocation, StoreError};
use signing_trust::{Signers, TrustError, TrustLimits, UntrustedReason};

use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    question_about_no_key_is_answered_and_asks_the_store,
    question_about_more_keys_than_a_statement_has_parameters_is_answered,
    key_that_is_named_many_times_is_asked_about_once,
}

fn named(named: Vec<Fingerprint>) -> Signers {
    Signers { named, unnamed: false }
}

async fn question_about_no_key_is_answered_and_asks_the_store(world: World) {
    let vendor = world.vendor("acme").await;
    let package = "package.so".parse().unwrap();
    let nobody = named(Vec::new());
    let decision =
        world.keys.decide(vendor.org, &nobody, &package, ClockSkewAllowance::NONE).await.unwrap();
    assert_eq!(decision.trusted().count(), 0);

    let unknown =
        world.keys.decide(OrgId::random(), &nobody, &package, ClockSkewAllowance::NONE).await;
    assert_refused!(unknown, TrustError::Store(StoreError::OrganizationNotFound { .. }));
    let sql = "UPDATE store_state SET schema_version = schema_version + 1";
    world.database.execute(sql).await.unwrap();
    let newer = world.keys.decide(vendor.org, &nobody, &package, ClockSkewAllowance::NONE).await;
    assert_refused!(newer, TrustError::Store(StoreError::SchemaTooNew { .. }));
}

async fn question_about_more_keys_than_a_statement_has_parameters_is_answered(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let package = "package.so".parse().unwrap();
    let stranger = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Fingerprint::from_bytes(bytes)
    };
    // Postgres takes 65,535.
    let mut signers = named((0..70_000).map(stranger).collect());
    let accepted = async |signers: &Signers, org| {
        let decision =
            world.keys.decide(org, signers, &package, ClockSkewAllowance::NONE).await.unwrap();
        let refused = decision.about(&stranger(69_999)).map(|_| ());
        assert_eq!(refused, Err(UntrustedReason::Unknown));
        decision.trusted().count()
    };
    for org in [vendor.org, operator] {
        assert_eq!(accepted(&signers, org).await, 0);
    }
    signers.named.push(vendor.key.fingerprint);
    for org in [vendor.org, operator] {
        assert_eq!(accepted(&signers, org).await, 1);
    }
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    for org in [vendor.org, operator] {
        assert_eq!(accepted(&signers, org).await, 0);
    }
}

async fn key_that_is_named_many_times_is_asked_about_once(world: World) {
    let vendor = world.vendor("acme").await;
    let key = vendor.key.fingerprint;
    let key_rows = async |keys: &[Fingerprint]| {
        world.store.trust_in_keys(vendor.org, keys).await.unwrap().key_rows
    };
    let once = key_rows(&[key]).await;
    assert_eq!(once.len(), 1);
    assert_eq!(key_rows(&[key; 100]).await, once);
    let stranger = Fingerprint::from_bytes([0; 32]);
    assert_eq!(key_rows(&[key, stranger, key, stranger]).await, once);
}
