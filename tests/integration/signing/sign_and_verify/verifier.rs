//! The front door, for files and for bytes in memory.

use std::io::Read;

use signing_loader::{
    Online, PackageBytes, PackageError, SignatureLocation, SignatureSource, VerificationError,
    VerifiedPackage, Verifier,
};
use signing_trust::TrustError;
use signing_trust::UntrustedReason;
use signing_trust::store::{OrganizationRef, Revocation, StoreError};

use crate::support::{Vendor, World, assert_refused, on_both_backends, untrusted};

on_both_backends! {
    revocation_ends_every_use_of_a_verified_package,
    bytes_are_verified_by_a_stored_signature_and_by_one_that_is_given,
    organization_is_found_by_name_and_by_id,
    many_packages_are_answered_in_the_order_given_and_a_revocation_ends_all,
}

async fn verifier(world: &World, vendor: &Vendor) -> Verifier<Online> {
    Verifier::organization(&world.keys, OrganizationRef::Id(vendor.org)).await.unwrap()
}

fn bytes_of(vendor: &Vendor) -> PackageBytes {
    let name = vendor.package.file_name().unwrap().to_str().unwrap();
    PackageBytes::new(name.parse().unwrap(), std::fs::read(&vendor.package).unwrap())
}

/// What each way to a package's bytes gives, without the one that loads it.
async fn uses(package: &VerifiedPackage<Online>) -> [Result<Vec<u8>, PackageError>; 3] {
    let mut read = Vec::new();
    [
        package.as_bytes().await.map(<[u8]>::to_vec),
        package.reader().await.map(|mut reader| {
            reader.read_to_end(&mut read).unwrap();
            read
        }),
        package.as_fd().await.map(|descriptor| {
            let mut bytes = Vec::new();
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&descriptor));
            std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        }),
    ]
}

async fn revocation_ends_every_use_of_a_verified_package(world: World) {
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, &vendor).await.signature(vendor.memory());
    let package = verifier.verify(&vendor.package).await.unwrap();
    for bytes in uses(&package).await {
        assert_eq!(bytes.unwrap(), b"acme");
    }

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();

    for refused in uses(&package).await {
        let (signer, reason) = untrusted(refused);
        assert_eq!(signer, Some(vendor.key.fingerprint));
        assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    }
    untrusted(package.load().await);
}

async fn bytes_are_verified_by_a_stored_signature_and_by_one_that_is_given(world: World) {
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, &vendor).await;
    let not_found = verifier.verify(bytes_of(&vendor)).await;
    assert_refused!(
        not_found,
        PackageError::Verification(VerificationError::SignatureNotFound {
            location: SignatureLocation::Store
        })
    );

    let given = verifier.clone().signature(vendor.memory());
    assert_eq!(given.verify(bytes_of(&vendor)).await.unwrap().as_bytes().await.unwrap(), b"acme");
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let package = verifier.verify(bytes_of(&vendor)).await.unwrap();
    assert_eq!(package.report().signer(), vendor.key.fingerprint);

    // Other bytes, and the same bytes under another name.
    let other = PackageBytes::new("acme.so".parse().unwrap(), &b"acmf"[..]);
    assert_refused!(
        given.verify(other).await,
        PackageError::Verification(VerificationError::TamperedPackage { .. })
    );
    let renamed = PackageBytes::new("other.so".parse().unwrap(), &b"acme"[..]);
    for verifier in [&given, &verifier] {
        assert_refused!(
            verifier.verify(renamed.clone()).await,
            PackageError::Verification(VerificationError::WrongName { .. })
        );
    }
}

async fn organization_is_found_by_name_and_by_id(world: World) {
    let vendor = world.vendor("acme").await;
    for text in ["acme".to_owned(), vendor.org.to_string()] {
        let found = Verifier::organization(&world.store, text.parse().unwrap()).await.unwrap();
        found.signature(vendor.memory()).check(&vendor.package).await.unwrap();
    }
    let unknown = Verifier::organization(&world.store, "acmf".parse().unwrap()).await;
    assert_refused!(
        unknown,
        TrustError::Store(StoreError::OrganizationNotFound { given }) if given.to_string() == "acmf"
    );
}

#[test]
fn bytes_without_a_signature_are_refused_with_pinned_keys() {
    let key = signing_crypto::SigningKey::generate().unwrap();
    let verifier = Verifier::pinned([key.verifying_key()]);
    let bytes = || PackageBytes::new("a.wasm".parse().unwrap(), &b"\0asm"[..]);
    assert_refused!(
        verifier.verify(bytes()),
        PackageError::Verification(VerificationError::SignatureNotFound {
            location: SignatureLocation::NotGiven
        })
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wasm");
    std::fs::write(&path, b"\0asm").unwrap();
    let signature = SignatureSource::Memory(signing_loader::sign_package(path, &key).unwrap());
    let package = verifier.signature(signature).verify(bytes()).unwrap();
    assert_eq!(package.as_bytes().unwrap(), b"\0asm");
}

async fn many_packages_are_answered_in_the_order_given_and_a_revocation_ends_all(world: World) {
    let vendor = world.vendor("acme").await;
    let mut paths = Vec::new();
    for number in 0..12 {
        let path =
            world.file(&format!("{number}.so"), &vec![number; (12 - usize::from(number)) << 12]);
        let signature = world.sign(&path, &vendor.key).await;
        std::fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
        paths.push(path);
    }
    std::fs::write(&paths[4], "tampered").unwrap();
    let verifier = verifier(&world, &vendor).await;

    let mut answers = verifier.verify_all(&paths);
    for number in 0..12 {
        let answer = answers.next().await.unwrap();
        match number {
            4 => assert_refused!(
                answer,
                PackageError::Verification(VerificationError::TamperedPackage { .. })
            ),
            _ => assert_eq!(answer.unwrap().report().name().as_str(), format!("{number}.so")),
        }
    }
    assert!(answers.next().await.is_none());

    paths.remove(4);
    let mut checks = verifier.check_all(&paths);
    assert_eq!(checks.next().await.unwrap().unwrap().name().as_str(), "0.so");
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    // Also those that were looked at before the revocation.
    let mut refused = 0;
    while let Some(answer) = checks.next().await {
        untrusted(answer);
        refused += 1;
    }
    assert_eq!(refused, 10);
}
