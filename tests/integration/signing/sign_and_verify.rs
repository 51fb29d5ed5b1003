//! Who signs, verifies and loads gets what was signed.

mod at_once;
mod ended_trust;
mod floors;
mod loaded_again;
mod loading;
mod observed;
mod processor_time;
mod quorum;
mod several_signers;
mod sources;
mod validity;
mod verifier;
mod without_a_store;

use std::fmt::Debug;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

use signing_crypto::{PackageDigest, SignatureEnvelope};
use signing_loader::{
    ActualContent, ExpectedContent, PackageError, PackagePath, Provenance, SignatureLocation,
    SignatureSource, VerificationError, package_statement, verify_package,
};
use signing_trust::{TrustPath, UntrustedReason};

use crate::support::{
    Vendor, World, assert_refused, call, check_package, on_both_backends, untrusted,
};

on_both_backends! {
    signed_package_verifies_and_loads,
    key_that_is_not_trusted_is_rejected,
    unsigned_package_loads_if_signatures_are_not_required,
    renamed_package_verifies_under_the_expected_name_only,
    package_behind_a_link_has_the_name_of_the_link,
    checking_agrees_with_verifying,
    empty_package_cannot_be_signed,
}

/// Verifies the vendor's package by this signature.
async fn verify(
    world: &World,
    vendor: &Vendor,
    envelope: SignatureEnvelope,
) -> Result<(), PackageError> {
    let source = SignatureSource::Memory(envelope);
    world.verify(&vendor.package, vendor.org, source).await.map(drop)
}

async fn signed_package_verifies_and_loads(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let trusted = world.trust(org, &key).await;
    let path = world.package("libworkflow.so");
    let signature = world.sign(&path, &key).await;

    let loaded = world.load(&path, org, SignatureSource::Memory(signature)).await.unwrap();

    let Provenance::Verified(report) = loaded.provenance() else { panic!("{loaded:?}") };
    let content = PackageDigest::of_reader(File::open(&path).unwrap()).unwrap();
    assert_eq!(report.name().as_str(), "libworkflow.so");
    assert_eq!((report.digest(), report.size()), (&content.digest, content.size));
    assert_eq!(report.signer(), key.fingerprint);
    let direct = TrustPath::Direct { trusted_key: Some(trusted.id) };
    assert_eq!((report.via(), report.org()), (&direct, Some(org)));
    assert_eq!(call(&loaded, b"hello, world"), b"HELLO, WORLD");
}

async fn key_that_is_not_trusted_is_rejected(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let path = world.package("libworkflow.so");
    let source = SignatureSource::Memory(world.sign(&path, &key).await);

    let refused = world.load(&path, org, source).await;

    assert_eq!(untrusted(refused), (Some(key.fingerprint), UntrustedReason::Unknown));
}

async fn unsigned_package_loads_if_signatures_are_not_required(mut world: World) {
    let org = world.org("acme").await;
    let path = world.package("libworkflow.so");
    world.require_signatures = false;

    let loaded = world.load(&path, org, SignatureSource::Auto).await.unwrap();

    let digest = PackageDigest::of_reader(File::open(&path).unwrap()).unwrap().digest;
    assert_eq!(loaded.provenance(), &Provenance::Unsigned { digest });
    assert_eq!(call(&loaded, b"abc"), b"ABC");

    world.require_signatures = true;
    let refused = world.load(&path, org, SignatureSource::Auto).await;
    assert_refused!(
        refused,
        PackageError::Verification(VerificationError::SignatureNotFound { .. })
    );
}

async fn renamed_package_verifies_under_the_expected_name_only(world: World) {
    let vendor = world.vendor("acme").await;
    let renamed = world.path("other.so");
    fs::rename(&vendor.package, &renamed).unwrap();
    let verify = async |path: PackagePath| {
        verify_package(path, vendor.org, &world.config, &world.keys, vendor.memory()).await
    };

    let expected = PackagePath::new(&renamed).expect_name("acme.so".parse().unwrap());
    assert_eq!(verify(expected).await.unwrap().report().name().as_str(), "acme.so");

    assert_wrong_name(verify(PackagePath::new(&renamed)).await, "other.so", "acme.so");
    let other = PackagePath::new(&renamed).expect_name("ACME.so".parse().unwrap());
    assert_wrong_name(verify(other).await, "ACME.so", "acme.so");
}

async fn package_behind_a_link_has_the_name_of_the_link(world: World) {
    let vendor = world.vendor("acme").await;
    let link = world.path("current.so");
    symlink(&vendor.package, &link).unwrap();
    let by_link = world.sign(&link, &vendor.key).await;
    let source = || SignatureSource::Memory(by_link.clone());

    let verified = world.verify(&link, vendor.org, source()).await.unwrap();
    assert_eq!(verified.report().name().as_str(), "current.so");

    let refused = world.verify(&link, vendor.org, vendor.memory()).await;
    assert_wrong_name(refused, "current.so", "acme.so");
    let refused = world.verify(&vendor.package, vendor.org, source()).await;
    assert_wrong_name(refused, "acme.so", "current.so");
}

async fn checking_agrees_with_verifying(world: World) {
    let vendor = world.vendor("acme").await;
    let check = async |vendor: &Vendor| {
        let (config, keys, source) = (&world.config, &world.keys, vendor.memory());
        check_package(&vendor.package, vendor.org, config, keys, source).await
    };

    let verified = world.verify(&vendor.package, vendor.org, vendor.memory()).await.unwrap();
    assert_eq!(&check(&vendor).await.unwrap(), verified.report());

    let signed = package_statement(&vendor.package).unwrap();
    let expected = ExpectedContent { digest: *signed.digest(), size: signed.size() };
    for (content, actual) in [
        ("ACME", ActualContent::Digest(PackageDigest::of_reader(&b"ACME"[..]).unwrap().digest)),
        ("acme!", ActualContent::Size(5)),
    ] {
        fs::write(&vendor.package, content).unwrap();
        let verified = world.verify(&vendor.package, vendor.org, vendor.memory()).await;
        for refused in [check(&vendor).await.unwrap_err(), verified.unwrap_err()] {
            assert_refused!(
                Err::<(), _>(refused),
                PackageError::Verification(VerificationError::TamperedPackage {
                    expected: said,
                    actual: found,
                }) if (said, found) == (expected, actual)
            );
        }
    }
}

async fn empty_package_cannot_be_signed(world: World) {
    let refused = package_statement(world.file("empty.so", b""));
    assert_refused!(refused, PackageError::Verification(VerificationError::Empty));
    assert!(package_statement(world.file("small.so", b"x")).is_ok());
}

fn assert_wrong_name<T: Debug>(result: Result<T, PackageError>, wanted: &str, written: &str) {
    assert_refused!(
        result,
        PackageError::Verification(VerificationError::WrongName { expected, signed })
            if (expected.as_str(), signed.as_str()) == (wanted, written)
    );
}

/// Asserts that there was no signature, and where it was looked for.
fn assert_not_found<T: Debug>(result: Result<T, PackageError>, looked_for: SignatureLocation) {
    assert_refused!(
        result,
        PackageError::Verification(VerificationError::SignatureNotFound { location })
            if location == looked_for
    );
}
