//! Where a signature may come from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use signing_crypto::{MalformedEnvelope, SignatureEnvelope, SigningKey};
use signing_loader::{
    PackageError, PackagePath, SignatureLocation, SignatureSource, VerificationError, sign_package,
};
use signing_trust::store::{Change, SIGNATURES_PER_ORG};
use signing_trust::{TrustLimits, UntrustedReason};

use super::assert_not_found;
use crate::support::{World, assert_refused, corrupt_signature, on_both_backends, untrusted};

on_both_backends! {
    signature_is_read_from_a_detached_file,
    missing_detached_file_is_an_error,
    signature_is_found_in_the_store,
    store_without_a_signature_is_an_error,
    same_signature_is_stored_once,
    signature_that_another_organization_stored_is_not_looked_at,
    sixteen_newer_signatures_of_the_same_organization_hide_a_good_one_and_none_of_another,
    auto_prefers_the_file_beside_the_package,
    auto_asks_the_store_if_there_is_no_file,
    auto_without_any_signature_is_an_error,
    auto_does_not_ask_the_store_instead_of_a_broken_file,
    auto_does_not_ask_the_store_instead_of_a_dangling_link,
    auto_does_not_ask_the_store_instead_of_an_untrusted_file,
}

fn write(path: &Path, signature: &SignatureEnvelope) {
    fs::write(path, signature.to_json()).unwrap();
}

async fn signature_is_read_from_a_detached_file(world: World) {
    let vendor = world.vendor("acme").await;
    let file = world.path("elsewhere.json");
    write(&file, &vendor.signature);
    let source = || SignatureSource::DetachedFile(file.clone());

    assert_eq!(world.signer(&vendor.package, vendor.org, source()).await, vendor.key.fingerprint);

    write(&file, &corrupt_signature(&vendor.signature));
    let refused = world.verify(&vendor.package, vendor.org, source()).await;
    assert_refused!(
        refused,
        PackageError::Verification(VerificationError::InvalidSignature { fingerprint })
            if fingerprint == vendor.key.fingerprint
    );
}

async fn missing_detached_file_is_an_error(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let file = world.path("nothing.sig");
    let source = SignatureSource::DetachedFile(file.clone());

    let refused = world.verify(&vendor.package, vendor.org, source).await;

    assert_not_found(refused, SignatureLocation::File(file));
}

async fn signature_is_found_in_the_store(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let source = SignatureSource::Database;

    let verified = world.verify(&vendor.package, vendor.org, source).await.unwrap();

    assert_eq!(verified.report().signer(), vendor.key.fingerprint);
}

async fn store_without_a_signature_is_an_error(world: World) {
    let vendor = world.vendor("acme").await;
    write(&PackagePath::new(&vendor.package).signature_path(), &vendor.signature);

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;

    assert_not_found(refused, SignatureLocation::Store);
}

async fn same_signature_is_stored_once(world: World) {
    let vendor = world.vendor("acme").await;
    let store = async || world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();

    let Change::Made(id) = store().await else { panic!("it was not there yet") };
    assert_eq!(store().await, Change::Unchanged(id));

    let digest = *vendor.signature.unverified_statement().unwrap().digest();
    assert_eq!(world.keys.find_signatures(vendor.org, digest).await.unwrap().len(), 1);
}

async fn signature_that_another_organization_stored_is_not_looked_at(world: World) {
    let vendor = world.vendor("acme").await;
    let other = world.org("other").await;
    world.keys.store_signature(other, &vendor.signature).await.unwrap();

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;

    assert_not_found(refused, SignatureLocation::Store);
}

async fn sixteen_newer_signatures_of_the_same_organization_hide_a_good_one_and_none_of_another(
    world: World,
) {
    let vendor = world.vendor("acme").await;
    let other = world.org("other").await;
    world.keys.grant_trust(other, vendor.org, TrustLimits::default()).await.unwrap();
    world.keys.grant_trust(vendor.org, other, TrustLimits::default()).await.unwrap();
    let verify = async |org| {
        let source = SignatureSource::Database;
        world.verify(&vendor.package, org, source).await.map(|package| package.report().signer())
    };
    let store_junk = async |org| {
        let junk = sign_package(&vendor.package, &SigningKey::generate().unwrap()).unwrap();
        world.keys.store_signature(org, &junk).await.unwrap();
    };
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    for _ in 1..SIGNATURES_PER_ORG {
        store_junk(vendor.org).await;
        store_junk(other).await;
    }
    store_junk(other).await;
    // Each organization's are counted for themselves.
    for org in [vendor.org, other] {
        assert_eq!(verify(org).await.unwrap(), vendor.key.fingerprint);
    }

    store_junk(vendor.org).await;
    for org in [vendor.org, other] {
        assert_eq!(untrusted(verify(org).await).1, UntrustedReason::Unknown);
    }
    // A file is not counted.
    write(&PackagePath::new(&vendor.package).signature_path(), &vendor.signature);
    let auto = SignatureSource::Auto;
    assert_eq!(world.signer(&vendor.package, vendor.org, auto).await, vendor.key.fingerprint);
}

async fn auto_prefers_the_file_beside_the_package(world: World) {
    let vendor = world.vendor("acme").await;
    let stored = SigningKey::generate().unwrap();
    let untrusted = sign_package(&vendor.package, &stored).unwrap();
    world.keys.store_signature(vendor.org, &untrusted).await.unwrap();
    write(&PackagePath::new(&vendor.package).signature_path(), &vendor.signature);

    assert_eq!(
        world.signer(&vendor.package, vendor.org, SignatureSource::Auto).await,
        vendor.key.fingerprint
    );
}

async fn auto_asks_the_store_if_there_is_no_file(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();

    assert_eq!(
        world.signer(&vendor.package, vendor.org, SignatureSource::Auto).await,
        vendor.key.fingerprint
    );
}

async fn auto_without_any_signature_is_an_error(world: World) {
    let vendor = world.vendor("acme").await;
    let beside = PackagePath::new(&vendor.package).signature_path();

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Auto).await;

    assert_not_found(refused, SignatureLocation::FileOrStore(beside));
}

async fn auto_does_not_ask_the_store_instead_of_a_broken_file(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    fs::write(PackagePath::new(&vendor.package).signature_path(), "").unwrap();

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Auto).await;

    assert_refused!(
        refused,
        PackageError::Verification(VerificationError::MalformedSignature {
            reason: MalformedEnvelope::Empty
        })
    );
}

async fn auto_does_not_ask_the_store_instead_of_a_dangling_link(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let beside = PackagePath::new(&vendor.package).signature_path();
    symlink(world.path("nothing.sig"), &beside).unwrap();

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Auto).await;

    assert_refused!(
        refused,
        PackageError::Io { path, source }
            if path == beside && source.kind() == std::io::ErrorKind::NotFound
    );
}

async fn auto_does_not_ask_the_store_instead_of_an_untrusted_file(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let stranger = SigningKey::generate().unwrap();
    let beside = PackagePath::new(&vendor.package).signature_path();
    write(&beside, &sign_package(&vendor.package, &stranger).unwrap());

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Auto).await;

    let stranger = Some(stranger.fingerprint());
    assert_eq!(untrusted(refused), (stranger, UntrustedReason::Unknown));
}
