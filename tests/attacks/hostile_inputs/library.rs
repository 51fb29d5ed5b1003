//! Who: an author of signature, checkpoint and key files, who owns no trusted key.
//! How: each file is well-formed and made to stop, mislead or exhaust its reader.
//! What must happen: good files beside it count, and the hostile one is refused by name.

use signing_crypto::{MAX_SIGNATURES, SignatureEnvelope, SigningKey};
use signing_loader::{
    PackageError, RequiredSigners, SignatureSource, SignerCount, VerificationConfig,
    VerificationError, sign_package, verify_and_load_package_offline,
};
use signing_trust::{DecisionError, MAX_CANDIDATES, PinnedKeys, TrustError};

use crate::support::{
    Vendor, World, add_signature, assert_refused, corrupt_signature, edit, explain_package,
    forget_signers, inspect_signature, on_both_backends,
};

on_both_backends! {
    junk_signature_without_a_name_does_not_defeat_a_named_one,
    junk_signature_without_a_name_does_not_make_good_a_broken_named_one,
    junk_signature_without_a_name_does_not_defeat_a_quorum_of_named_ones,
    junk_signature_without_a_name_does_not_hide_why_a_statement_is_refused,
    junk_signatures_without_names_fill_an_envelope_and_do_no_harm,
    junk_signature_without_a_name_is_shown_beside_a_named_one,
    stored_junk_signature_without_a_name_does_not_defeat_a_named_one_in_the_same_envelope,
}

fn stranger() -> SigningKey {
    SigningKey::generate().unwrap()
}

/// A vendor that trusts more keys than a signature without a name is tried against.
async fn vendor_with_many_keys(world: &World) -> Vendor {
    let vendor = world.vendor("acme").await;
    for _ in 0..MAX_CANDIDATES {
        world
            .keys
            .trust_public_key(vendor.org, &stranger().verifying_key(), None, None)
            .await
            .unwrap();
    }
    vendor
}

/// The envelope with a stranger's signature in front of the others, which names no key.
fn with_junk_in_front(envelope: &SignatureEnvelope) -> SignatureEnvelope {
    let added = add_signature(envelope, &stranger());
    edit(&added, |json| {
        let signatures = json["signatures"].as_array_mut().unwrap();
        let mut junk = signatures.pop().unwrap();
        junk.as_object_mut().unwrap().remove("keyid").unwrap();
        signatures.insert(0, junk);
    })
}

async fn verify(
    world: &World,
    vendor: &Vendor,
    envelope: &SignatureEnvelope,
) -> Result<usize, PackageError> {
    let source = SignatureSource::Memory(envelope.clone());
    let verified = world.verify(&vendor.package, vendor.org, source).await?;
    Ok(verified.report().signers().len())
}

async fn junk_signature_without_a_name_does_not_defeat_a_named_one(world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    assert_eq!(verify(&world, &vendor, &vendor.signature).await.unwrap(), 1);

    let junk = with_junk_in_front(&vendor.signature);
    assert_eq!(verify(&world, &vendor, &junk).await.unwrap(), 1);

    // The good signature without its name as well: then it is not known whose it is.
    assert_refused!(
        verify(&world, &vendor, &forget_signers(&vendor.signature)).await,
        PackageError::Trust(TrustError::Decision(DecisionError::TooManyCandidates {
            found: 65,
            limit: 64
        }))
    );
}

async fn junk_signature_without_a_name_does_not_make_good_a_broken_named_one(world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    let broken = corrupt_signature(&vendor.signature);
    assert_refused!(
        verify(&world, &vendor, &broken).await,
        PackageError::Verification(VerificationError::InvalidSignature { .. })
    );
    assert_refused!(
        verify(&world, &vendor, &with_junk_in_front(&broken)).await,
        PackageError::Trust(TrustError::Decision(DecisionError::TooManyCandidates { .. }))
    );
}

async fn junk_signature_without_a_name_does_not_defeat_a_quorum_of_named_ones(mut world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    let second = stranger();
    world.keys.trust_public_key(vendor.org, &second.verifying_key(), None, None).await.unwrap();
    world.config.required_signers = RequiredSigners::Keys(SignerCount::new(2).unwrap());

    let one = with_junk_in_front(&vendor.signature);
    assert_refused!(
        verify(&world, &vendor, &one).await,
        PackageError::Trust(TrustError::Decision(DecisionError::TooManyCandidates { .. }))
    );
    let two = with_junk_in_front(&add_signature(&vendor.signature, &second));
    assert_eq!(verify(&world, &vendor, &two).await.unwrap(), 2);
}

async fn junk_signature_without_a_name_does_not_hide_why_a_statement_is_refused(world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    let junk = with_junk_in_front(&vendor.signature);
    let renamed = world.path("other.so");
    std::fs::copy(&vendor.package, &renamed).unwrap();

    let refused = world.verify(&renamed, vendor.org, SignatureSource::Memory(junk)).await;

    assert_refused!(refused, PackageError::Verification(VerificationError::WrongName { .. }));
}

async fn junk_signatures_without_names_fill_an_envelope_and_do_no_harm(world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    let mut envelope = vendor.signature.clone();
    for _ in 1..MAX_SIGNATURES {
        envelope = with_junk_in_front(&envelope);
    }
    assert_eq!(envelope.signatures().len(), MAX_SIGNATURES);
    assert_eq!(verify(&world, &vendor, &envelope).await.unwrap(), 1);
}

async fn junk_signature_without_a_name_is_shown_beside_a_named_one(world: World) {
    let vendor = vendor_with_many_keys(&world).await;
    let junk = with_junk_in_front(&vendor.signature);

    let inspected = inspect_signature(&junk, vendor.org, &world.config, &world.keys).await.unwrap();
    assert_refused!(&inspected.signatures[0], VerificationError::UnnamedSignature);
    assert_eq!(inspected.signatures[1].as_ref().unwrap().key, vendor.key.public_key);
    inspected.outcome.unwrap();

    let source = SignatureSource::Memory(junk);
    let explained =
        explain_package(&vendor.package, vendor.org, &world.config, &world.keys, source).await;
    explained.outcome.unwrap();
    let shown = explained.envelopes[0].content.as_ref().unwrap();
    assert_eq!(shown.inspection.signatures.len(), 2);
    assert!(shown.inspection.outcome.is_ok());
}

async fn stored_junk_signature_without_a_name_does_not_defeat_a_named_one_in_the_same_envelope(
    world: World,
) {
    let vendor = vendor_with_many_keys(&world).await;
    let junk = with_junk_in_front(&vendor.signature);
    world.keys.store_signature(vendor.org, &junk).await.unwrap();

    let verified = world.verify(&vendor.package, vendor.org, SignatureSource::Database).await;

    assert_eq!(verified.unwrap().report().signer(), vendor.key.fingerprint);
}

#[test]
fn keys_in_hand_never_load_what_they_did_not_sign() {
    let directory = tempfile::tempdir().unwrap();
    let package = directory.path().join("libworkflow.so");
    std::fs::copy(crate::support::workflow(), &package).unwrap();
    let key = stranger();
    let envelope = sign_package(&package, &key).unwrap();
    let pinned = PinnedKeys::from(key.verifying_key());
    let load = || {
        let source = SignatureSource::Memory(envelope.clone());
        verify_and_load_package_offline(&package, &VerificationConfig::default(), &pinned, source)
    };
    load().unwrap();

    let mut bytes = std::fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&package, bytes).unwrap();
    assert_refused!(load(), PackageError::Verification(VerificationError::TamperedPackage { .. }));
}
