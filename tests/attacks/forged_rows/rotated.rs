//! `rotate --resign` as a way to have the attacker's package signed.

use std::path::Path;

use signing_crypto::{SignatureEnvelope, VerifyingKey};
use signing_loader::{
    PackageError, SignatureSource, VerificationError, package_statement,
    verify_and_load_package_offline,
};
use signing_trust::store::{Change, PackageSignatureRecord, Revocation, StoreError};
use signing_trust::{PinnedKeys, Resign, TrustError};

use super::{assert_other_public_half, attacker};
use crate::support::{
    Vendor, World, assert_refused, kek, on_both_backends, with_a_canary_on_both_backends,
};

with_a_canary_on_both_backends! {
    IsSilent:
    envelope_of_a_swapped_public_half_is_not_signed_again,
}

on_both_backends! {
    swapped_public_half_of_a_retired_key_signs_nothing_again,
    swapped_public_half_of_a_successor_signs_nothing_again,
    kek_is_not_rotated_over_a_swapped_public_half,
}

async fn kept(world: &World, vendor: &Vendor) -> Vec<PackageSignatureRecord> {
    world.store.stored_signatures(vendor.org, None, 100).await.unwrap()
}

/// Loads a package as a runner does that has the envelope and pins the key.
fn load_pinned(
    world: &World,
    path: &Path,
    kept: &PackageSignatureRecord,
    key: VerifyingKey,
) -> Result<(), PackageError> {
    let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes()).unwrap();
    let (config, pinned) = (&world.config, PinnedKeys::new([key]));
    let source = SignatureSource::Memory(envelope);
    verify_and_load_package_offline(path, config, &pinned, source).map(drop)
}

async fn envelope_of_a_swapped_public_half_is_not_signed_again(world: World) {
    let acme = world.vendor("acme").await;
    let genuine = world.package("genuine.so");
    let signed = world.sign(&genuine, &acme.key).await;
    world.keys.store_signature(acme.org, &signed).await.unwrap();
    // The attacker's package, the envelope about it, and the key that made that.
    let (hostile, attacker) = (world.hostile_package("hostile.so"), attacker());
    let planted = SignatureEnvelope::sign(&package_statement(&hostile).unwrap(), &attacker);
    world.keys.store_signature(acme.org, &planted).await.unwrap();
    let before = kept(&world, &acme).await;
    world.swap_public_half(acme.key.id, &attacker.verifying_key()).await;

    let refused = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await;

    assert_other_public_half(refused, &acme.key, attacker.fingerprint());
    assert_eq!(world.store.signing_keys(acme.org).await.unwrap().len(), 1);
    assert_eq!(kept(&world, &acme).await, before);

    // The planted envelope stays when the row is put right, and is not signed then either.
    world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    let rotation = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();

    assert_eq!((rotation.signatures.added, rotation.signatures.left), (1, 0));
    let new = rotation.successor.into_inner().public_key;
    let after = kept(&world, &acme).await;
    let [by_acme, by_attacker] = [&signed, &planted].map(|envelope| {
        let digest = *envelope.unverified_statement().unwrap().digest();
        after.iter().find(|kept| kept.package_digest == digest).unwrap()
    });
    load_pinned(&world, &genuine, by_acme, new).unwrap();
    assert_eq!(by_attacker.envelope.as_bytes(), planted.to_json().as_bytes());
    assert_refused!(
        load_pinned(&world, &hostile, by_attacker, new),
        PackageError::Verification(VerificationError::UntrustedSigner { .. })
    );
}

async fn swapped_public_half_of_a_retired_key_signs_nothing_again(world: World) {
    let acme = world.vendor("acme").await;
    world.keys.store_signature(acme.org, &acme.signature).await.unwrap();
    let attacker = attacker();
    let first = world.keys.rotate_signing_key(acme.key.id, None, Resign::Leave).await.unwrap();
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    let before = kept(&world, &acme).await;
    world.swap_public_half(acme.key.id, &attacker.verifying_key()).await;

    for resign in [Resign::Leave, Resign::All] {
        let refused = world.keys.rotate_signing_key(acme.key.id, None, resign).await;
        assert_other_public_half(refused, &acme.key, attacker.fingerprint());
    }
    assert_eq!(kept(&world, &acme).await, before);

    world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    let again = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();
    assert_eq!(again.successor, Change::Unchanged(first.successor.into_inner()));
    assert_eq!(again.signatures.added, 1);
}

async fn swapped_public_half_of_a_successor_signs_nothing_again(world: World) {
    let acme = world.vendor("acme").await;
    world.keys.store_signature(acme.org, &acme.signature).await.unwrap();
    let attacker = attacker();
    let first = world.keys.rotate_signing_key(acme.key.id, None, Resign::Leave).await.unwrap();
    let new = first.successor.into_inner();
    // As if the first run had been stopped before it trusted the successor.
    let row = first.trusted.unwrap().into_inner();
    let id = world.database.id(row.id.as_uuid());
    world.database.execute(&format!("DELETE FROM trusted_keys WHERE id = {id}")).await.unwrap();
    world.swap_public_half(new.id, &attacker.verifying_key()).await;

    for resign in [Resign::Leave, Resign::All] {
        let refused = world.keys.rotate_signing_key(acme.key.id, None, resign).await;
        assert_other_public_half(refused, &new, attacker.fingerprint());
    }
    assert!(!world.accepts(acme.org, &attacker.fingerprint()).await);

    world.swap_public_half(new.id, &new.public_key).await;
    let again = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();
    assert_eq!(again.signatures.added, 1);
    assert!(world.accepts(acme.org, &new.fingerprint).await);
}

async fn kek_is_not_rotated_over_a_swapped_public_half(world: World) {
    let acme = world.vendor("acme").await;
    world.swap_public_half(acme.key.id, &attacker().verifying_key()).await;

    assert_refused!(
        world.keys.rotate_kek(&kek(2)).await,
        TrustError::Store(StoreError::NotRewrapped { id, .. }) if id == acme.key.id
    );

    world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    world.keys.rotate_kek(&kek(2)).await.unwrap();
}
