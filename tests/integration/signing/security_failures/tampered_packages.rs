//! Packages that are not what was signed.

use std::fs;

use signing_crypto::PackageDigest;
use signing_loader::{ActualContent, ExpectedContent, VerificationError};

use super::Target;
use crate::support::{World, assert_refused, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    package_with_one_bit_turned_over_is_rejected,
    truncated_package_is_rejected,
    extended_package_is_rejected,
    emptied_package_is_rejected,
    package_with_its_bytes_in_another_order_is_rejected,
}

/// Puts these bytes in the package's place, and asserts what is said about them.
async fn assert_tampered(world: &World, target: &Target, bytes: &[u8]) {
    let signed = target.signature.unverified_statement().unwrap();
    let wanted = ExpectedContent { digest: *signed.digest(), size: signed.size() };
    let size = bytes.len() as u64;
    let found = match size == wanted.size {
        true => ActualContent::Digest(PackageDigest::of_reader(bytes).unwrap().digest),
        false => ActualContent::Size(size),
    };
    fs::write(&target.path, bytes).unwrap();
    assert_refused!(
        Err::<(), _>(target.refusal(world).await),
        VerificationError::TamperedPackage { expected, actual }
            if (expected, actual) == (wanted, found)
    );
}

async fn package_with_one_bit_turned_over_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let signed = fs::read(&target.path).unwrap();
    let last = signed.len() - 1;
    // The ELF header, code, data, and what is never even mapped.
    for (position, bit) in [(0, 0), (16, 7), (1000, 3), (last / 3, 1), (last / 2, 5), (last, 0)] {
        let mut bytes = signed.clone();
        bytes[position] ^= 1 << bit;
        assert_tampered(&world, &target, &bytes).await;
    }
}

async fn truncated_package_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let signed = fs::read(&target.path).unwrap();
    for length in [1, 64, signed.len() / 2, signed.len() - 1] {
        assert_tampered(&world, &target, &signed[..length]).await;
    }
}

async fn extended_package_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let signed = fs::read(&target.path).unwrap();
    for more in [&b"\0"[..], b"\n", &signed] {
        assert_tampered(&world, &target, &[&signed, more].concat()).await;
    }
}

async fn emptied_package_is_rejected(world: World) {
    let target = Target::new(&world).await;
    assert_tampered(&world, &target, b"").await;
}

async fn package_with_its_bytes_in_another_order_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let mut bytes = fs::read(&target.path).unwrap();
    bytes.reverse();
    assert_tampered(&world, &target, &bytes).await;
}
