//! The writer of signatures decides how much there is to compute. No thread of the runtime does it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use signing_crypto::SigningKey;
use signing_loader::{SignatureSource, sign_package};
use signing_trust::PinnedKeys;

use crate::support::{
    World, add_signature, check_package_offline, forget_signers, on_both_backends,
};

on_both_backends! {
    stored_signatures_are_verified_in_another_thread_than_the_one_that_waits,
}

/// The processor time that this thread has used.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

async fn stored_signatures_are_verified_in_another_thread_than_the_one_that_waits(world: World) {
    let org = world.org("acme").await;
    let [strangers, trusted] = [(); 2].map(|()| [(); 16].map(|()| SigningKey::generate().unwrap()));
    for key in &trusted {
        world.keys.trust_public_key(org, &key.verifying_key(), None, None).await.unwrap();
    }
    // Each of 16 signatures may be by each of the trusted keys. The last one is.
    let package = world.file("a.so", b"package");
    let mut envelope = sign_package(&package, &strangers[0]).unwrap();
    for key in strangers[1..15].iter().chain([&trusted[0]]) {
        envelope = add_signature(&envelope, key);
    }
    let envelope = forget_signers(&envelope);
    world.keys.store_signature(org, &envelope).await.unwrap();

    let begun = processor_time();
    let _verified = world.verify(&package, org, SignatureSource::Database).await.unwrap();
    let of_the_one_that_waits = processor_time() - begun;

    // Without a store it is the caller's thread that computes.
    let pinned: PinnedKeys = trusted.iter().map(SigningKey::verifying_key).collect();
    let begun = processor_time();
    let source = SignatureSource::Memory(envelope);
    check_package_offline(&package, &world.config, &pinned, source).unwrap();
    let of_all = processor_time() - begun;
    assert!(of_the_one_that_waits * 2 < of_all, "{of_the_one_that_waits:?} of {of_all:?}");
}
