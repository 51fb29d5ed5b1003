//! Several signers that all must have signed.

use signing_crypto::{Fingerprint, OrgId, SignatureEnvelope, SigningKey};
use signing_loader::{
    PackageError, Provenance, RequiredSigners, SignatureSource, SignerCount, VerificationError,
};
use signing_trust::store::{Revocation, SigningKeyRecord};
use signing_trust::{PinnedKeys, TrustLimits, UntrustedReason};

use crate::support::{
    Vendor, World, add_signature, assert_refused, check_package_offline, corrupt_signature, edit,
    forget_signers, on_both_backends, untrusted,
};

on_both_backends! {
    two_trusted_keys_are_two_signers,
    one_key_that_signs_twice_is_one_signer,
    untrusted_and_broken_signatures_do_not_count,
    keys_of_one_organization_are_not_of_distinct_ones,
    key_that_two_organizations_trust_counts_for_either,
    signatures_in_two_envelopes_do_not_add_up,
    pinned_keys_are_two_signers_but_of_no_organization,
    signers_too_few_of_whom_are_trusted_any_more_do_not_load,
    package_loads_by_the_signers_that_are_still_trusted,
}

fn keys(count: usize) -> RequiredSigners {
    RequiredSigners::Keys(SignerCount::new(count).unwrap())
}

fn organizations(count: usize) -> RequiredSigners {
    RequiredSigners::Organizations(SignerCount::new(count).unwrap())
}

async fn verify(
    world: &World,
    vendor: &Vendor,
    org: OrgId,
    envelope: &SignatureEnvelope,
) -> Result<Vec<Fingerprint>, PackageError> {
    let source = SignatureSource::Memory(envelope.clone());
    let verified = world.verify(&vendor.package, org, source).await?;
    Ok(verified.report().signers().iter().map(|signer| signer.key.fingerprint()).collect())
}

/// How many signers counted, where more were asked for.
fn too_few<T: std::fmt::Debug>(result: Result<T, PackageError>) -> usize {
    match result {
        Err(PackageError::Verification(VerificationError::NotEnoughSigners { found, .. })) => found,
        other => panic!("expected too few signers, found {other:?}"),
    }
}

/// Another key that the vendor trusts.
async fn second(world: &World, vendor: &Vendor) -> (SigningKeyRecord, SigningKey) {
    let record = world.key(vendor.org, "second").await;
    world.trust(vendor.org, &record).await;
    let key = world.keys.get_signing_key(record.id).await.unwrap();
    (record, key)
}

async fn two_trusted_keys_are_two_signers(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    let both = add_signature(&vendor.signature, &key);

    world.config.required_signers = keys(2);
    let signers = verify(&world, &vendor, vendor.org, &both).await.unwrap();
    assert_eq!(signers, [vendor.key.fingerprint, record.fingerprint]);
    verify(&world, &vendor, vendor.org, &forget_signers(&both)).await.unwrap();
    assert_eq!(too_few(verify(&world, &vendor, vendor.org, &vendor.signature).await), 1);

    world.config.required_signers = keys(3);
    assert_eq!(too_few(verify(&world, &vendor, vendor.org, &both).await), 2);
}

async fn one_key_that_signs_twice_is_one_signer(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, _) = second(&world, &vendor).await;
    world.config.required_signers = keys(2);
    let again = |keyid: &str| {
        edit(&vendor.signature, |json| {
            let mut signature = json["signatures"][0].clone();
            signature["keyid"] = keyid.into();
            json["signatures"].as_array_mut().unwrap().push(signature);
        })
    };
    // What is no fingerprint names nobody.
    let named_and_not = again("");
    let twice_unnamed = edit(&named_and_not, |json| json["signatures"][0]["keyid"] = "".into());
    let under_two_names = again(&record.fingerprint.to_string());
    for twice in [named_and_not, twice_unnamed, under_two_names] {
        assert_eq!(twice.signatures().len(), 2);
        assert_eq!(too_few(verify(&world, &vendor, vendor.org, &twice).await), 1);
    }
}

async fn untrusted_and_broken_signatures_do_not_count(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    world.config.required_signers = keys(2);
    let stranger = SigningKey::generate().unwrap();

    let refused =
        verify(&world, &vendor, vendor.org, &add_signature(&vendor.signature, &stranger)).await;
    assert_refused!(
        refused,
        PackageError::Verification(VerificationError::NotEnoughSigners {
            required, found: 1, signers, refused: Some(other),
        }) if required == keys(2)
            && signers == [vendor.key.fingerprint]
            && matches!(*other, VerificationError::UntrustedSigner { fingerprint, .. }
                if fingerprint == Some(stranger.fingerprint()))
    );

    let broken = add_signature(&corrupt_signature(&vendor.signature), &key);
    assert_refused!(
        verify(&world, &vendor, vendor.org, &broken).await,
        PackageError::Verification(VerificationError::NotEnoughSigners {
            signers, refused: Some(other), ..
        }) if signers == [record.fingerprint]
            && matches!(*other, VerificationError::InvalidSignature { fingerprint }
                if fingerprint == vendor.key.fingerprint)
    );
}

async fn keys_of_one_organization_are_not_of_distinct_ones(mut world: World) {
    let acme = world.vendor("acme").await;
    let (_, of_acme) = second(&world, &acme).await;
    let other = world.vendor("other").await;
    let of_other = world.keys.get_signing_key(other.key.id).await.unwrap();
    let operator = world.org("operator").await;
    for child in [acme.org, other.org] {
        world.keys.grant_trust(operator, child, TrustLimits::default()).await.unwrap();
    }
    let one = add_signature(&acme.signature, &of_acme);
    let two = add_signature(&acme.signature, &of_other);

    world.config.required_signers = organizations(2);
    assert_eq!(too_few(verify(&world, &acme, operator, &one).await), 1);
    verify(&world, &acme, operator, &two).await.unwrap();
    world.config.required_signers = keys(2);
    verify(&world, &acme, operator, &one).await.unwrap();

    world.config.required_signers = organizations(2);
    world.keys.revoke_trust(operator, other.org).await.unwrap();
    assert_eq!(too_few(verify(&world, &acme, operator, &two).await), 1);
}

async fn key_that_two_organizations_trust_counts_for_either(mut world: World) {
    let acme = world.vendor("acme").await;
    let (_, second) = second(&world, &acme).await;
    let (other, operator) = (world.org("other").await, world.org("operator").await);
    for child in [acme.org, other] {
        world.keys.grant_trust(operator, child, TrustLimits::default()).await.unwrap();
    }
    let both = add_signature(&acme.signature, &second);
    world.config.required_signers = organizations(2);
    assert_eq!(too_few(verify(&world, &acme, operator, &both).await), 1);

    // Whichever of the two keys the other organization trusts as well, and if both.
    for key in [second.verifying_key(), acme.key.public_key] {
        world.keys.trust_public_key(other, &key, None, None).await.unwrap();
        verify(&world, &acme, operator, &both).await.unwrap();
        assert_eq!(too_few(verify(&world, &acme, operator, &acme.signature).await), 1);
    }
}

async fn signatures_in_two_envelopes_do_not_add_up(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    world.config.required_signers = keys(2);
    let other = world.sign(&vendor.package, &record).await;
    for envelope in [&vendor.signature, &other] {
        world.keys.store_signature(vendor.org, envelope).await.unwrap();
    }
    let verify = async || {
        let source = SignatureSource::Database;
        world.verify(&vendor.package, vendor.org, source).await.map(|_| ())
    };
    assert_eq!(too_few(verify().await), 1);

    let both = add_signature(&vendor.signature, &key);
    world.keys.store_signature(vendor.org, &both).await.unwrap();
    world
        .keys
        .store_signature(vendor.org, &world.sign(&vendor.package, &record).await)
        .await
        .unwrap();
    verify().await.unwrap();
}

async fn pinned_keys_are_two_signers_but_of_no_organization(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    let both = add_signature(&vendor.signature, &key);
    let pinned = PinnedKeys::new([vendor.key.public_key, record.public_key, record.public_key]);
    let mut check = |required, envelope: &SignatureEnvelope| {
        world.config.required_signers = required;
        let source = SignatureSource::Memory(envelope.clone());
        check_package_offline(&vendor.package, &world.config, &pinned, source)
    };
    assert_eq!(check(keys(2), &both).unwrap().signers().len(), 2);
    assert_eq!(too_few(check(keys(3), &both)), 2);
    assert_eq!(too_few(check(keys(2), &vendor.signature)), 1);
    for count in [1, 2] {
        assert_refused!(
            check(organizations(count), &both),
            PackageError::Verification(VerificationError::NoOrganizations { required })
                if required == organizations(count)
        );
    }
}

async fn signers_too_few_of_whom_are_trusted_any_more_do_not_load(mut world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    world.config.required_signers = keys(2);
    let source = || SignatureSource::Memory(add_signature(&vendor.signature, &key));
    let verified = world.verify(&vendor.package, vendor.org, source()).await.unwrap();

    world.keys.deny_key(vendor.org, &record.fingerprint, None).await.unwrap();

    assert_refused!(
        verified.load().await,
        PackageError::Verification(VerificationError::NotEnoughSigners {
            found: 1, signers, refused: Some(_), ..
        }) if signers == [vendor.key.fingerprint]
    );
    assert_eq!(too_few(world.verify(&vendor.package, vendor.org, source()).await), 1);
}

async fn package_loads_by_the_signers_that_are_still_trusted(world: World) {
    let vendor = world.vendor("acme").await;
    let (record, key) = second(&world, &vendor).await;
    let path = world.package("libworkflow.so");
    let signature = add_signature(&world.sign(&path, &vendor.key).await, &key);
    let source = || SignatureSource::Memory(signature.clone());
    let [first, second] =
        [world.verify(&path, vendor.org, source()), world.verify(&path, vendor.org, source())];
    let (first, second) = (first.await.unwrap(), second.await.unwrap());

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    let loaded = first.load().await.unwrap();
    let Provenance::Verified(report) = loaded.provenance() else { panic!("{loaded:?}") };
    assert_eq!((report.signer(), report.signers().len()), (record.fingerprint, 1));

    world.keys.deny_key(vendor.org, &record.fingerprint, None).await.unwrap();
    let (signer, reason) = untrusted(second.load().await);
    assert_eq!(signer, Some(vendor.key.fingerprint));
    assert!(matches!(reason, UntrustedReason::Revoked { .. }));
}
