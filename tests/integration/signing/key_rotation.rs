//! Keys come and go; what they signed is judged by what is trusted now.

mod cosigned;
mod impact;
mod kek;
mod rotate;
mod rotate_kek;
mod runner;

use chrono::{DateTime, Utc};
use signing_crypto::{NameKind, PackageStatement, SigningKey};
use signing_loader::{PackageError, SignatureSource, package_statement};
use signing_trust::store::{Revocation, SigningKeyRecord, StoreError};
use signing_trust::{TrustError, TrustLimits, UntrustedReason};

use crate::support::{World, assert_refused, call, on_both_backends, untrusted};

on_both_backends! {
    old_and_new_key_both_verify_during_the_transition,
    revoked_trusted_key_is_rejected_while_the_new_one_goes_on,
    revoked_key_is_rejected_whenever_it_says_that_it_signed,
    retired_signing_key_signs_no_more,
    key_that_was_declared_compromised_signs_no_more,
    signatures_of_a_retired_signing_key_stay_good,
    package_verified_before_a_revocation_does_not_load_after_it,
    package_verified_before_a_grant_was_revoked_does_not_load_after_it,
    revoked_key_is_not_trusted_again_by_trusting_it,
    key_name_is_used_again_after_revocation,
    key_is_imported_once,
    imported_key_signs_as_itself,
}

async fn old_and_new_key_both_verify_during_the_transition(world: World) {
    let acme = world.vendor("acme").await;
    let new = world.key(acme.org, "release-2").await;
    let by_new = world.sign(&acme.package, &new).await;
    let verify = async |source| world.verify(&acme.package, acme.org, source).await;

    let refused = verify(SignatureSource::Memory(by_new.clone())).await;
    assert_eq!(untrusted(refused), (Some(new.fingerprint), UntrustedReason::Unknown));

    world.trust(acme.org, &new).await;
    for (signature, key) in [(by_new, &new), (acme.signature.clone(), &acme.key)] {
        let verified = verify(SignatureSource::Memory(signature)).await.unwrap();
        assert_eq!(verified.report().signer(), key.fingerprint);
    }
}

async fn revoked_trusted_key_is_rejected_while_the_new_one_goes_on(world: World) {
    let acme = world.vendor("acme").await;
    let new = world.key(acme.org, "release-2").await;
    world.trust(acme.org, &new).await;
    let by_new = SignatureSource::Memory(world.sign(&acme.package, &new).await);

    let revoked = world
        .keys
        .revoke_trusted_key(acme.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();

    let refused = world.verify(&acme.package, acme.org, acme.memory()).await;
    let reason = UntrustedReason::Revoked { at: revoked.revoked_at.unwrap() };
    assert_eq!(untrusted(refused), (Some(acme.key.fingerprint), reason));
    assert_eq!(world.signer(&acme.package, acme.org, by_new).await, new.fingerprint);
}

async fn revoked_key_is_rejected_whenever_it_says_that_it_signed(world: World) {
    let acme = world.vendor("acme").await;
    let signed_at = async |time: DateTime<Utc>| {
        let now = package_statement(&acme.package).unwrap();
        let (name, time) = (now.name().clone(), time.try_into().unwrap());
        let then = PackageStatement::new(name, *now.digest(), now.size(), time);
        SignatureSource::Memory(world.keys.sign_statement(acme.key.id, &then).await.unwrap())
    };
    let times = ["2001-01-01T00:00:00Z", "2999-12-31T23:59:59Z"].map(|text| text.parse().unwrap());
    for time in times {
        let source = signed_at(time).await;
        let verified = world.verify(&acme.package, acme.org, source).await.unwrap();
        assert_eq!(verified.report().signed_at(), time);
    }

    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();

    for time in times {
        let source = signed_at(time).await;
        let (signer, reason) = untrusted(world.verify(&acme.package, acme.org, source).await);
        assert_eq!(signer, Some(acme.key.fingerprint));
        assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    }
}

async fn retired_signing_key_signs_no_more(world: World) {
    let acme = world.vendor("acme").await;
    let statement = package_statement(&acme.package).unwrap();
    assert!(world.keys.get_signing_key(acme.key.id).await.is_ok());

    let change = world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    let SigningKeyRecord { id, revoked_at: Some(revoked_at), .. } = change.into_inner() else {
        panic!("it was not revoked");
    };

    let refusals = [
        world.keys.get_signing_key(id).await.unwrap_err(),
        world.keys.sign_statement(id, &statement).await.unwrap_err(),
    ];
    for refused in refusals {
        assert_refused!(
            Err::<(), _>(refused),
            TrustError::SigningKeyRevoked { id: key, at, .. } if (key, at) == (acme.key.id, revoked_at)
        );
    }
}

async fn key_that_was_declared_compromised_signs_no_more(world: World) {
    let acme = world.vendor("acme").await;
    let other = world.key(acme.org, "release-2").await;
    let statement = package_statement(&acme.package).unwrap();
    let sign = async |id| world.keys.sign_statement(id, &statement).await;
    sign(acme.key.id).await.unwrap();

    let stolen = acme.key.fingerprint;
    world.keys.danger_declare_compromised(acme.org, &stolen, None).await.unwrap();

    assert_refused!(
        sign(acme.key.id).await,
        TrustError::Store(StoreError::Compromised { fingerprint, .. }) if fingerprint == stolen
    );
    sign(other.id).await.unwrap();
}

async fn signatures_of_a_retired_signing_key_stay_good(world: World) {
    let acme = world.vendor("acme").await;

    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();

    let signer = world.signer(&acme.package, acme.org, acme.memory()).await;
    assert_eq!(signer, acme.key.fingerprint);
    assert_eq!(world.verdict(acme.org, &acme).await, Ok(acme.direct()));
}

async fn package_verified_before_a_revocation_does_not_load_after_it(world: World) {
    let acme = world.vendor("acme").await;
    let path = world.package("libworkflow.so");
    let signature = world.sign(&path, &acme.key).await;
    let source = || SignatureSource::Memory(signature.clone());
    let verified = world.verify(&path, acme.org, source()).await.unwrap();
    let held = world.verify(&path, acme.org, source()).await.unwrap();

    let loaded = verified.load().await.unwrap();
    assert_eq!(call(&loaded, b"before"), b"BEFORE");

    let revoked = world
        .keys
        .revoke_trusted_key(acme.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();
    let reason = UntrustedReason::Revoked { at: revoked.revoked_at.unwrap() };
    assert_eq!(untrusted(held.load().await), (Some(acme.key.fingerprint), reason));
}

async fn package_verified_before_a_grant_was_revoked_does_not_load_after_it(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    world.keys.grant_trust(parent, child.org, TrustLimits::default()).await.unwrap();
    let held = world.verify(&child.package, parent, child.memory()).await.unwrap();

    world.keys.revoke_trust(parent, child.org).await.unwrap();

    let refused = held.load().await;
    assert_eq!(untrusted(refused), (Some(child.key.fingerprint), UntrustedReason::Unknown));
}

async fn revoked_key_is_not_trusted_again_by_trusting_it(world: World) {
    let acme = world.vendor("acme").await;
    let revoked = world
        .keys
        .revoke_trusted_key(acme.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();

    let refused = world.keys.trust_public_key(acme.org, &acme.key.public_key, None, None).await;

    assert_refused!(
        refused,
        TrustError::PreviouslyRevoked { fingerprint, at }
            if fingerprint == acme.key.fingerprint && Some(at) == revoked.revoked_at
    );
}

async fn key_name_is_used_again_after_revocation(world: World) {
    let org = world.org("acme").await;
    let name = || "release".parse().unwrap();
    let old = world.key(org, "release").await;
    let taken = world.keys.create_signing_key(org, name()).await;
    assert_refused!(taken, TrustError::Store(StoreError::NameTaken { kind: NameKind::Key }));

    world.keys.revoke_signing_key(old.id, Revocation::retired()).await.unwrap();
    let new = world.keys.create_signing_key(org, name()).await.unwrap();

    assert_ne!((new.id, new.fingerprint), (old.id, old.fingerprint));
    let keys = world.store.signing_keys(org).await.unwrap();
    let listed: Vec<_> = keys.iter().map(|key| (key.id, key.revoked_at.is_some())).collect();
    assert_eq!(listed, [(old.id, true), (new.id, false)]);
    // Another organization's names are its own.
    let other = world.org("other").await;
    assert!(world.keys.create_signing_key(other, name()).await.is_ok());
}

async fn key_is_imported_once(world: World) {
    let org = world.org("acme").await;
    let key = SigningKey::generate().unwrap();
    let import =
        async |name: &str| world.keys.import_signing_key(org, name.parse().unwrap(), &key).await;
    let first = import("release").await.unwrap();

    assert_refused!(import("other").await, TrustError::Store(StoreError::SigningKeyExists));
    world.keys.revoke_signing_key(first.id, Revocation::retired()).await.unwrap();
    assert_refused!(import("release").await, TrustError::Store(StoreError::SigningKeyExists));
    assert_eq!(world.store.signing_keys(org).await.unwrap().len(), 1);
}

async fn imported_key_signs_as_itself(world: World) {
    let org = world.org("acme").await;
    let key = SigningKey::generate().unwrap();
    let record = world.keys.import_signing_key(org, "ci".parse().unwrap(), &key).await.unwrap();
    world.trust(org, &record).await;
    let path = world.file("lib.so", b"package");

    let source = SignatureSource::Memory(world.sign(&path, &record).await);

    assert_eq!(world.signer(&path, org, source).await, key.fingerprint());
    assert_eq!(world.keys.export_public_key(record.id).await.unwrap(), key.verifying_key());
    let unwrapped = world.keys.get_signing_key(record.id).await.unwrap();
    assert_eq!(*unwrapped.to_pem(), *key.to_pem());
    let unknown = signing_crypto::KeyId::random();
    assert_refused!(
        world.keys.get_signing_key(unknown).await.map_err(PackageError::from),
        PackageError::Trust(TrustError::Store(StoreError::SigningKeyNotFound { id }))
            if id == unknown
    );
}
