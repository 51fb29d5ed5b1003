//! What a signature says about its version and its end.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use signing_crypto::SignatureEnvelope;
use signing_loader::{
    ClockSkewAllowance, PackageError, SignatureSource, VerificationError, package_statement,
};
use signing_trust::store::{Revocation, Store};
use signing_trust::{Freshness, KeyManager, PinnedKeys};

use super::verify;
use crate::support::{
    Vendor, World, assert_refused, check_package, check_package_offline, hide, on_both_backends,
    until, untrusted,
};

on_both_backends! {
    report_says_version_and_expiry,
    expired_signature_is_rejected,
    expired_signature_is_accepted_within_the_allowance_only,
    expired_signature_of_an_untrusted_key_is_untrusted,
    expired_signature_of_another_name_is_misnamed,
    expired_signature_of_other_bytes_is_expired,
    stored_signature_that_holds_is_found_behind_an_expired_one,
    pinned_keys_refuse_an_expired_signature_as_well,
    remembered_decision_does_not_hold_the_clock,
}

fn in_seconds(seconds: i64) -> DateTime<Utc> {
    (Utc::now() + TimeDelta::seconds(seconds)).trunc_subsecs(6)
}

fn allowance(seconds: u64) -> ClockSkewAllowance {
    ClockSkewAllowance::new(Duration::from_secs(seconds)).unwrap()
}

/// The vendor's signature that expires then.
async fn ending(world: &World, vendor: &Vendor, expiry: DateTime<Utc>) -> SignatureEnvelope {
    let statement = package_statement(&vendor.package).unwrap();
    let statement = statement.with_expiry(expiry.try_into().unwrap());
    world.keys.sign_statement(vendor.key.id, &statement).await.unwrap()
}

async fn report_says_version_and_expiry(world: World) {
    let vendor = world.vendor("acme").await;
    let expiry = in_seconds(3600);
    let statement = package_statement(&vendor.package).unwrap();
    let statement = statement.with_version("1.4.0+build".parse().unwrap());
    let statement = statement.with_expiry(expiry.try_into().unwrap());
    let signed = world.keys.sign_statement(vendor.key.id, &statement).await.unwrap();

    let source = SignatureSource::Memory(signed);
    let verified = world.verify(&vendor.package, vendor.org, source).await.unwrap();

    assert_eq!(verified.report().version().unwrap().as_str(), "1.4.0+build");
    assert_eq!(verified.report().expires_at(), Some(expiry));
    let plain = world.verify(&vendor.package, vendor.org, vendor.memory()).await.unwrap();
    assert_eq!((plain.report().version(), plain.report().expires_at()), (None, None));
}

async fn expired_signature_is_rejected(world: World) {
    let vendor = world.vendor("acme").await;
    for seconds in [0, -1, -1_000_000_000] {
        let expiry = in_seconds(seconds);
        let before = Utc::now();
        assert_refused!(
            verify(&world, &vendor, ending(&world, &vendor, expiry).await).await,
            PackageError::Verification(VerificationError::Expired { expired_at, now })
                if expired_at == expiry && now >= before
        );
    }
    verify(&world, &vendor, ending(&world, &vendor, in_seconds(3600)).await).await.unwrap();
}

async fn expired_signature_is_accepted_within_the_allowance_only(mut world: World) {
    let vendor = world.vendor("acme").await;
    let expired = ending(&world, &vendor, in_seconds(-120)).await;

    world.config.clock_skew_allowance = allowance(240);
    verify(&world, &vendor, expired.clone()).await.unwrap();

    world.config.clock_skew_allowance = allowance(120);
    assert_refused!(
        verify(&world, &vendor, expired).await,
        PackageError::Verification(VerificationError::Expired { .. })
    );
}

async fn expired_signature_of_an_untrusted_key_is_untrusted(world: World) {
    let vendor = world.vendor("acme").await;
    let expired = ending(&world, &vendor, in_seconds(-1)).await;
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();

    let refused = verify(&world, &vendor, expired).await;

    assert_eq!(untrusted(refused).0, Some(vendor.key.fingerprint));
}

async fn expired_signature_of_another_name_is_misnamed(world: World) {
    let vendor = world.vendor("acme").await;
    let expired = SignatureSource::Memory(ending(&world, &vendor, in_seconds(-1)).await);
    let other = world.path("other.so");
    std::fs::rename(&vendor.package, &other).unwrap();
    assert_refused!(
        world.verify(&other, vendor.org, expired).await,
        PackageError::Verification(VerificationError::WrongName { .. })
    );
}

async fn expired_signature_of_other_bytes_is_expired(world: World) {
    let vendor = world.vendor("acme").await;
    let expired = ending(&world, &vendor, in_seconds(-1)).await;
    let good = ending(&world, &vendor, in_seconds(3600)).await;
    std::fs::write(&vendor.package, "ACME").unwrap();
    assert_refused!(
        verify(&world, &vendor, expired).await,
        PackageError::Verification(VerificationError::Expired { .. })
    );
    assert_refused!(
        verify(&world, &vendor, good).await,
        PackageError::Verification(VerificationError::TamperedPackage { .. })
    );
}

async fn stored_signature_that_holds_is_found_behind_an_expired_one(world: World) {
    let vendor = world.vendor("acme").await;
    let verify =
        async || world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;
    let expired = ending(&world, &vendor, in_seconds(-1)).await;
    world.keys.store_signature(vendor.org, &expired).await.unwrap();
    assert_refused!(verify().await, PackageError::Verification(VerificationError::Expired { .. }));

    for end in [3600, -2] {
        let envelope = ending(&world, &vendor, in_seconds(end)).await;
        world.keys.store_signature(vendor.org, &envelope).await.unwrap();
    }

    assert!(verify().await.unwrap().report().expires_at().unwrap() > Utc::now());
}

async fn pinned_keys_refuse_an_expired_signature_as_well(world: World) {
    let vendor = world.vendor("acme").await;
    let pinned = PinnedKeys::from(vendor.key.public_key);
    let check = |envelope| {
        let source = SignatureSource::Memory(envelope);
        check_package_offline(&vendor.package, &world.config, &pinned, source)
    };
    check(ending(&world, &vendor, in_seconds(3600)).await).unwrap();
    assert_refused!(
        check(ending(&world, &vendor, in_seconds(0)).await),
        PackageError::Verification(VerificationError::Expired { .. })
    );
}

/// The vendor's key is decided about once, and the signature expires after that.
async fn remembered_decision_does_not_hold_the_clock(world: World) {
    let vendor = world.vendor("acme").await;
    let store = Store::open(&world.database.url()).await.unwrap();
    let minute = Duration::from_secs(60);
    let keys = KeyManager::new(store, None).with_freshness(Freshness::Bounded(minute));
    let check = async |envelope: &SignatureEnvelope| {
        let source = SignatureSource::Memory(envelope.clone());
        check_package(&vendor.package, vendor.org, &world.config, &keys, source).await
    };
    until(Duration::from_secs(10), "it answers from memory", async || {
        check(&vendor.signature).await.unwrap();
        hide(&world, true).await;
        let remembered = check(&vendor.signature).await.is_ok();
        hide(&world, false).await;
        remembered
    })
    .await;

    let expired = ending(&world, &vendor, in_seconds(0)).await;
    let good = ending(&world, &vendor, in_seconds(3600)).await;

    check(&good).await.unwrap();
    assert_refused!(
        check(&expired).await,
        PackageError::Verification(VerificationError::Expired { .. })
    );
}
