//! The lowest version of a package that an organization accepts.

use signing_crypto::{PackageVersion, SignatureEnvelope};
use signing_loader::{
    LoadError, PackageError, SignatureSource, VerificationError, package_statement,
};
use signing_trust::{PinnedKeys, TrustLimits};

use super::verify;
use crate::support::{Vendor, World, assert_refused, check_package_offline, on_both_backends};

on_both_backends! {
    version_below_the_floor_is_rejected,
    floor_is_the_asking_organizations_and_about_one_name,
    floor_raised_after_verification_keeps_a_lower_version_from_loading,
    stored_signature_of_a_high_version_is_found_behind_a_low_one,
    pinned_keys_know_no_floor,
}

fn version(text: &str) -> PackageVersion {
    text.parse().unwrap()
}

async fn signed_as(world: &World, vendor: &Vendor, text: &str) -> SignatureEnvelope {
    let statement = package_statement(&vendor.package).unwrap().with_version(version(text));
    world.keys.sign_statement(vendor.key.id, &statement).await.unwrap()
}

async fn set_floor(world: &World, vendor: &Vendor, floor: Option<&str>) {
    let name = "acme.so".parse().unwrap();
    world.keys.set_version_floor(vendor.org, &name, floor.map(version)).await.unwrap();
}

async fn version_below_the_floor_is_rejected(world: World) {
    let vendor = world.vendor("acme").await;
    set_floor(&world, &vendor, Some("1.4.0")).await;
    for good in ["1.4.0", "1.4.0+build", "1.5.0-rc.1", "2.0.0"] {
        verify(&world, &vendor, signed_as(&world, &vendor, good).await).await.unwrap();
    }
    for bad in ["1.3.9", "1.4.0-rc.1"] {
        assert_refused!(
            verify(&world, &vendor, signed_as(&world, &vendor, bad).await).await,
            PackageError::Verification(VerificationError::VersionBelowFloor { floor, found })
                if floor.as_str() == "1.4.0" && found.as_ref().unwrap().as_str() == bad
        );
    }
    assert_refused!(
        verify(&world, &vendor, vendor.signature.clone()).await,
        PackageError::Verification(VerificationError::VersionBelowFloor { found: None, .. })
    );

    set_floor(&world, &vendor, None).await;
    verify(&world, &vendor, vendor.signature.clone()).await.unwrap();
}

async fn floor_is_the_asking_organizations_and_about_one_name(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let low = signed_as(&world, &vendor, "1.0.0").await;
    let verify = async || {
        let source = SignatureSource::Memory(low.clone());
        world.verify(&vendor.package, operator, source).await.map(|_| ())
    };
    set_floor(&world, &vendor, Some("2.0.0")).await;

    verify().await.unwrap();
    let (name, other) = ("acme.so".parse().unwrap(), "other.so".parse().unwrap());
    world.keys.set_version_floor(operator, &other, Some(version("2.0.0"))).await.unwrap();
    verify().await.unwrap();

    world.keys.set_version_floor(operator, &name, Some(version("1.0.1"))).await.unwrap();
    assert_refused!(
        verify().await,
        PackageError::Verification(VerificationError::VersionBelowFloor { floor, .. })
            if floor.as_str() == "1.0.1"
    );
}

/// The package is no library, so that only the dynamic linker refuses it at last.
async fn floor_raised_after_verification_keeps_a_lower_version_from_loading(world: World) {
    let vendor = world.vendor("acme").await;
    let low = SignatureSource::Memory(signed_as(&world, &vendor, "1.0.0").await);
    let verified = async || world.verify(&vendor.package, vendor.org, low.clone()).await.unwrap();
    let held = verified().await;
    set_floor(&world, &vendor, Some("1.0.0")).await;
    assert_refused!(verified().await.load().await, PackageError::Load(LoadError::Library(_)));

    set_floor(&world, &vendor, Some("1.0.1")).await;

    assert_refused!(
        held.load().await,
        PackageError::Verification(VerificationError::VersionBelowFloor { .. })
    );
}

async fn stored_signature_of_a_high_version_is_found_behind_a_low_one(world: World) {
    let vendor = world.vendor("acme").await;
    set_floor(&world, &vendor, Some("1.4.0")).await;
    for text in ["1.3.0", "1.4.0", "1.2.0"] {
        let envelope = signed_as(&world, &vendor, text).await;
        world.keys.store_signature(vendor.org, &envelope).await.unwrap();
    }
    let verify =
        async || world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;
    assert_eq!(verify().await.unwrap().report().version().unwrap().as_str(), "1.4.0");

    set_floor(&world, &vendor, Some("1.4.1")).await;
    assert_refused!(
        verify().await,
        PackageError::Verification(VerificationError::VersionBelowFloor { found: Some(found), .. })
            if found.as_str() == "1.2.0"
    );
}

async fn pinned_keys_know_no_floor(world: World) {
    let vendor = world.vendor("acme").await;
    set_floor(&world, &vendor, Some("1.4.0")).await;
    let pinned = PinnedKeys::from(vendor.key.public_key);
    check_package_offline(&vendor.package, &world.config, &pinned, vendor.memory()).unwrap();
    assert_refused!(
        verify(&world, &vendor, vendor.signature.clone()).await,
        PackageError::Verification(VerificationError::VersionBelowFloor { .. })
    );
}
