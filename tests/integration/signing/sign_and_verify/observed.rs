//! What would be refused is let through until a date, and no longer.

use chrono::{TimeDelta, Utc};
use signing_loader::{
    Observed, Observer, Online, PackageError, Provenance, VerificationError, Verifier,
};
use signing_trust::UntrustedReason;
use signing_trust::store::{OrganizationRef, Revocation};

use crate::support::{Vendor, World, assert_refused, call, on_both_backends, untrusted};

on_both_backends! {
    verified_package_is_loaded_as_one,
    revoked_signer_is_let_through_until_the_date_and_reported,
    tampered_and_unsigned_packages_are_let_through_until_the_date,
}

async fn vendor_of_a_library(world: &World) -> Vendor {
    let vendor = world.vendor("acme").await;
    let package = world.package("libacme.so");
    let signature = world.sign(&package, &vendor.key).await;
    Vendor { package, signature, ..vendor }
}

async fn observer(world: &World, vendor: &Vendor, end: TimeDelta) -> Observer<Online> {
    let org = OrganizationRef::Id(vendor.org);
    let verifier = Verifier::organization(&world.keys, org).await.unwrap();
    verifier.signature(vendor.memory()).danger_observe_until(Utc::now() + end)
}

const AN_HOUR: TimeDelta = TimeDelta::hours(1);

async fn verified_package_is_loaded_as_one(world: World) {
    let vendor = vendor_of_a_library(&world).await;
    let observer = observer(&world, &vendor, AN_HOUR).await;

    let Observed { package, would_refuse, .. } = observer.load(&vendor.package).await.unwrap();

    assert!(would_refuse.is_none(), "{would_refuse:?}");
    assert!(matches!(package.provenance(), Provenance::Verified(_)), "{package:?}");
    assert_eq!(observer.summary().to_string(), "1 accepted, 0 would be refused");
}

async fn revoked_signer_is_let_through_until_the_date_and_reported(world: World) {
    let vendor = vendor_of_a_library(&world).await;
    let before = observer(&world, &vendor, AN_HOUR).await;
    let after = observer(&world, &vendor, -AN_HOUR).await;
    after.load(&vendor.package).await.unwrap();

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();

    let Observed { package, would_refuse, .. } = before.load(&vendor.package).await.unwrap();
    assert!(matches!(package.provenance(), Provenance::Unsigned { .. }), "{package:?}");
    assert_eq!(call(&package, b"abc"), b"ABC");
    let (signer, reason) = untrusted::<()>(Err(would_refuse.unwrap()));
    assert_eq!(signer, Some(vendor.key.fingerprint));
    assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    let summary = before.summary();
    assert_eq!(summary.to_string(), "0 accepted, 1 would be refused: 1 UntrustedSigner");

    let (signer, _) = untrusted(after.load(&vendor.package).await);
    assert_eq!(signer, Some(vendor.key.fingerprint));
    assert_eq!(after.summary().to_string(), "0 accepted, 0 would be refused");
}

async fn tampered_and_unsigned_packages_are_let_through_until_the_date(world: World) {
    let vendor = vendor_of_a_library(&world).await;
    let mut tampered = std::fs::read(&vendor.package).unwrap();
    // What stands behind its end, the linker does not read.
    tampered.push(0);
    std::fs::write(&vendor.package, tampered).unwrap();
    let path = &vendor.package;
    let org = OrganizationRef::Id(vendor.org);
    let unsigned = Verifier::organization(&world.keys, org).await.unwrap();

    for (end, is_over) in [(AN_HOUR, false), (-AN_HOUR, true)] {
        let tampered = observer(&world, &vendor, end).await;
        let unsigned = unsigned.clone().danger_observe_until(Utc::now() + end);
        match is_over {
            false => {
                for (observer, code) in
                    [(&tampered, "TamperedPackage"), (&unsigned, "SignatureNotFound")]
                {
                    let observed = observer.load(path).await.unwrap();
                    assert_eq!(observed.would_refuse.unwrap().code(), code);
                    assert_eq!(call(&observed.package, b"abc"), b"ABC");
                    assert_eq!(observer.summary().would_refuse[code], 1);
                }
            }
            true => {
                assert_refused!(
                    tampered.load(path).await,
                    PackageError::Verification(VerificationError::TamperedPackage { .. })
                );
                assert_refused!(
                    unsigned.load(path).await,
                    PackageError::Verification(VerificationError::SignatureNotFound { .. })
                );
            }
        }
    }
    let nothing = world.file("nothing", b"");
    std::fs::remove_file(&nothing).unwrap();
    let observer = unsigned.danger_observe_until(Utc::now() + AN_HOUR);
    assert_refused!(observer.load(&nothing).await, PackageError::Io { path, .. } if path == nothing);
    assert_eq!(observer.summary().to_string(), "0 accepted, 0 would be refused");
}
