//! Several signatures: one that is good and trusted suffices, wherever it stands.

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{PackageError, SignatureSource, VerificationError, sign_package};
use signing_trust::store::Revocation;
use signing_trust::{DecisionError, MAX_CANDIDATES, TrustError, UntrustedReason};

use crate::support::{
    Vendor, World, add_signature, assert_refused, corrupt_signature, forget_signers,
    on_both_backends, untrusted,
};

on_both_backends! {
    one_trusted_signature_among_several_suffices,
    several_untrusted_signatures_are_rejected,
    broken_signature_of_a_trusted_key_is_not_made_good_by_an_untrusted_one,
    broken_signature_beside_a_trusted_one_does_no_harm,
    signature_that_names_no_key_is_tried_with_every_trusted_key,
    signature_that_names_no_key_is_not_tried_with_too_many,
    stored_signature_is_found_among_untrusted_ones,
    stored_signatures_that_are_all_untrusted_are_rejected,
    stored_signature_that_names_no_key_does_not_stop_one_that_does,
}

fn stranger() -> SigningKey {
    SigningKey::generate().unwrap()
}

async fn verify(
    world: &World,
    vendor: &Vendor,
    envelope: SignatureEnvelope,
) -> Result<(), PackageError> {
    let source = SignatureSource::Memory(envelope);
    let report = world.verify(&vendor.package, vendor.org, source).await?.report().clone();
    assert_eq!(report.signer(), vendor.key.fingerprint);
    Ok(())
}

async fn one_trusted_signature_among_several_suffices(world: World) {
    let vendor = world.vendor("acme").await;
    let trusted = world.keys.get_signing_key(vendor.key.id).await.unwrap();

    let first = add_signature(&vendor.signature, &stranger());
    verify(&world, &vendor, first).await.unwrap();

    let last = sign_package(&vendor.package, &stranger()).unwrap();
    let last = add_signature(&add_signature(&last, &stranger()), &trusted);
    verify(&world, &vendor, last).await.unwrap();
}

async fn several_untrusted_signatures_are_rejected(world: World) {
    let vendor = world.vendor("acme").await;
    let first = stranger();
    let envelope = sign_package(&vendor.package, &first).unwrap();
    let envelope = add_signature(&envelope, &stranger());

    let refused = verify(&world, &vendor, envelope).await;

    assert_eq!(untrusted(refused), (Some(first.fingerprint()), UntrustedReason::Unknown));
}

async fn broken_signature_of_a_trusted_key_is_not_made_good_by_an_untrusted_one(world: World) {
    let vendor = world.vendor("acme").await;
    let envelope = add_signature(&corrupt_signature(&vendor.signature), &stranger());

    let refused = verify(&world, &vendor, envelope).await;

    assert_refused!(
        refused,
        PackageError::Verification(VerificationError::InvalidSignature { fingerprint })
            if fingerprint == vendor.key.fingerprint
    );
}

async fn broken_signature_beside_a_trusted_one_does_no_harm(world: World) {
    let vendor = world.vendor("acme").await;
    let other = world.key(vendor.org, "other").await;
    world.trust(vendor.org, &other).await;
    let broken = corrupt_signature(&world.sign(&vendor.package, &other).await);
    let good = world.keys.get_signing_key(vendor.key.id).await.unwrap();

    verify(&world, &vendor, add_signature(&broken, &good)).await.unwrap();
}

async fn signature_that_names_no_key_is_tried_with_every_trusted_key(world: World) {
    let vendor = world.vendor("acme").await;
    let other = world.key(vendor.org, "other").await;
    world.trust(vendor.org, &other).await;

    verify(&world, &vendor, forget_signers(&vendor.signature)).await.unwrap();

    let strange = sign_package(&vendor.package, &stranger()).unwrap();
    let refused = verify(&world, &vendor, forget_signers(&strange)).await;
    assert_eq!(untrusted(refused), (None, UntrustedReason::Unknown));

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    let refused = verify(&world, &vendor, forget_signers(&vendor.signature)).await;
    assert_eq!(untrusted(refused), (None, UntrustedReason::Unknown));
}

async fn signature_that_names_no_key_is_not_tried_with_too_many(world: World) {
    let vendor = world.vendor("acme").await;
    let anonymous = forget_signers(&vendor.signature);
    let trust = async || {
        let key = stranger().verifying_key();
        world.keys.trust_public_key(vendor.org, &key, None, None).await.unwrap();
    };
    for _ in 1..MAX_CANDIDATES {
        trust().await;
    }
    verify(&world, &vendor, anonymous.clone()).await.unwrap();

    trust().await;
    assert_refused!(
        verify(&world, &vendor, anonymous).await,
        PackageError::Trust(TrustError::Decision(DecisionError::TooManyCandidates {
            found: 65,
            limit: 64
        }))
    );
    verify(&world, &vendor, vendor.signature.clone()).await.unwrap();
}

async fn stored_signature_is_found_among_untrusted_ones(world: World) {
    let vendor = world.vendor("acme").await;
    let store = async |envelope: &SignatureEnvelope| {
        world.keys.store_signature(vendor.org, envelope).await.unwrap();
    };
    store(&sign_package(&vendor.package, &stranger()).unwrap()).await;
    store(&vendor.signature).await;
    store(&sign_package(&vendor.package, &stranger()).unwrap()).await;

    let source = SignatureSource::Database;
    let verified = world.verify(&vendor.package, vendor.org, source).await.unwrap();

    assert_eq!(verified.report().signer(), vendor.key.fingerprint);
}

async fn stored_signatures_that_are_all_untrusted_are_rejected(world: World) {
    let vendor = world.vendor("acme").await;
    let newest = stranger();
    for key in [&stranger(), &newest] {
        let envelope = sign_package(&vendor.package, key).unwrap();
        world.keys.store_signature(vendor.org, &envelope).await.unwrap();
    }

    let refused = world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;

    assert_eq!(untrusted(refused), (Some(newest.fingerprint()), UntrustedReason::Unknown));
}

async fn stored_signature_that_names_no_key_does_not_stop_one_that_does(world: World) {
    let vendor = world.vendor("acme").await;
    for _ in 0..MAX_CANDIDATES {
        let key = stranger().verifying_key();
        world.keys.trust_public_key(vendor.org, &key, None, None).await.unwrap();
    }
    let anonymous = forget_signers(&sign_package(&vendor.package, &stranger()).unwrap());
    world.keys.store_signature(vendor.org, &anonymous).await.unwrap();
    assert_refused!(
        world.verify(&vendor.package, vendor.org, SignatureSource::Database).await,
        PackageError::Trust(TrustError::Decision(DecisionError::TooManyCandidates { .. }))
    );

    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();

    let source = SignatureSource::Database;
    let verified = world.verify(&vendor.package, vendor.org, source).await.unwrap();
    assert_eq!(verified.report().signer(), vendor.key.fingerprint);
}
