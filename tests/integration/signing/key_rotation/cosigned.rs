//! Stored signatures that several keys have made, all of which are rotated.

use std::slice;

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{RequiredSigners, SignatureSource, SignerCount};
use signing_trust::store::{
    Change, NewPackageSignature, PackageSignatureRecord, Revocation, SigningKeyRecord,
    StoreCondition, StoreError,
};
use signing_trust::{KeyManager, Resign, Resigned, TrustError};
use tokio::task::JoinSet;

use crate::support::{Vendor, World, add_signature, assert_refused, on_both_backends};

on_both_backends! {
    rotations_of_cosigning_keys_at_once_lose_no_signature,
    successors_of_those_who_filled_an_envelope_count_together,
    stored_signature_that_was_changed_meanwhile_is_not_replaced,
    signature_is_not_put_beside_one_that_its_organization_refuses,
}

const PACKAGES: usize = 16;

/// The vendor's packages, each signed by its key and by all of these.
async fn cosigned(world: &World, acme: &Vendor, others: &[SigningKeyRecord]) {
    for number in 0..PACKAGES {
        let path = world.file(&format!("p{number}.so"), format!("{number}").as_bytes());
        let mut envelope = world.sign(&path, &acme.key).await;
        for other in others {
            world.keys.add_signature(other.id, &mut envelope).await.unwrap();
        }
        world.keys.store_signature(acme.org, &envelope).await.unwrap();
    }
}

async fn rotations_of_cosigning_keys_at_once_lose_no_signature(mut world: World) {
    let acme = world.vendor("acme").await;
    let mut old = vec![acme.trusted.id];
    let mut others = Vec::new();
    for name in ["second", "third"] {
        let key = world.key(acme.org, name).await;
        old.push(world.trust(acme.org, &key).await.id);
        others.push(key);
    }
    cosigned(&world, &acme, &others).await;

    let rotate = |keys: KeyManager, id| async move {
        keys.rotate_signing_key(id, None, Resign::All).await.unwrap().signatures
    };
    let all: JoinSet<_> = [slice::from_ref(&acme.key), &others]
        .concat()
        .into_iter()
        .map(|key| rotate(world.keys.clone(), key.id))
        .collect();
    for signatures in all.join_all().await {
        assert_eq!(signatures, Resigned { added: PACKAGES as u64, ..Resigned::default() });
    }

    world.config.required_signers = RequiredSigners::Keys(SignerCount::new(6).unwrap());
    let verify = async |world: &World| {
        for number in 0..PACKAGES {
            let path = world.path(&format!("p{number}.so"));
            world.signer(&path, acme.org, SignatureSource::Database).await;
        }
    };
    verify(&world).await;
    for id in old {
        world.keys.revoke_trusted_key(id, Revocation::retired()).await.unwrap();
    }
    world.config.required_signers = RequiredSigners::Keys(SignerCount::new(3).unwrap());
    verify(&world).await;
}

/// There is no room beside the old signatures, so the new ones must be together elsewhere.
async fn successors_of_those_who_filled_an_envelope_count_together(mut world: World) {
    let acme = world.vendor("acme").await;
    let mut old = vec![acme.trusted.id];
    let mut keys = vec![acme.key.id];
    let mut full = acme.signature.clone();
    for name in ["second", "third"] {
        let key = world.key(acme.org, name).await;
        old.push(world.trust(acme.org, &key).await.id);
        world.keys.add_signature(key.id, &mut full).await.unwrap();
        keys.push(key.id);
    }
    while full.add_signature(&SigningKey::generate().unwrap()).is_ok() {}
    world.keys.store_signature(acme.org, &full).await.unwrap();

    let rotate = |keys: KeyManager, id| async move {
        keys.rotate_signing_key(id, None, Resign::All).await.unwrap().signatures
    };
    let all: JoinSet<_> = keys.iter().map(|id| rotate(world.keys.clone(), *id)).collect();
    for signatures in all.join_all().await {
        assert_eq!(signatures, Resigned { added: 1, ..Resigned::default() });
    }
    for id in keys {
        let again = rotate(world.keys.clone(), id).await;
        assert_eq!(again, Resigned { already: 1, ..Resigned::default() });
    }

    assert_eq!(world.store.stored_signatures(acme.org, None, 9).await.unwrap().len(), 2);
    for id in old {
        world.keys.revoke_trusted_key(id, Revocation::retired()).await.unwrap();
    }
    world.config.required_signers = RequiredSigners::Keys(SignerCount::new(3).unwrap());
    world.signer(&acme.package, acme.org, SignatureSource::Database).await;
}

async fn stored_signature_that_was_changed_meanwhile_is_not_replaced(world: World) {
    let acme = world.vendor("acme").await;
    world.keys.store_signature(acme.org, &acme.signature).await.unwrap();
    let store = &world.store;
    let kept = async || {
        let mut kept = store.stored_signatures(acme.org, None, 100).await.unwrap();
        assert_eq!(kept.len(), 1);
        kept.remove(0)
    };
    let before = kept().await;
    let [one, other] =
        [(); 2].map(|()| add_signature(&acme.signature, &SigningKey::generate().unwrap()));
    let replace = async |record: &PackageSignatureRecord, envelope: &SignatureEnvelope| {
        store.replace_package_signature(record, acme.key.fingerprint, envelope).await
    };

    let digest = before.package_digest;
    let seen = world.keys.stored_signatures(acme.org, digest).await.unwrap();
    assert_eq!(replace(&before, &one).await.unwrap(), Change::Made(before.id));
    // Nor is one kept beside it that was made in ignorance of that.
    assert_refused!(
        world.keys.store_signature_beside(&seen, &other).await,
        TrustError::Store(StoreError::SignaturesChanged { digest: found }) if found == digest
    );
    let after = kept().await;
    assert_eq!((after.id, after.envelope.as_bytes()), (before.id, one.to_json().as_bytes()));
    assert_eq!(store.stored_signature(before.id).await.unwrap().as_ref(), Some(&after));

    assert_refused!(
        replace(&before, &other).await,
        StoreError::SignaturesChanged { digest: found } if found == digest
    );
    assert_eq!(replace(&before, &one).await.unwrap(), Change::Unchanged(before.id));
    assert_eq!(kept().await, after);
    assert_eq!(replace(&after, &other).await.unwrap(), Change::Made(after.id));
}

/// Nor if it is revoked between the question and the change.
async fn signature_is_not_put_beside_one_that_its_organization_refuses(world: World) {
    let acme = world.vendor("acme").await;
    let keep = async |envelope: &SignatureEnvelope| {
        let kept = NewPackageSignature {
            org_id: acme.org,
            package_digest: *envelope.unverified_statement().unwrap().digest(),
            envelope: envelope.clone(),
        };
        let store = &world.store;
        let seen = store.own_package_signatures(acme.org, kept.package_digest).await.unwrap();
        let not_refused = Some(acme.key.fingerprint);
        store.store_signature(kept, StoreCondition { unchanged: Some(seen), not_refused }).await
    };
    assert!(matches!(keep(&acme.signature).await, Ok(Change::Made(_))));
    let another = add_signature(&acme.signature, &SigningKey::generate().unwrap());

    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    assert_refused!(
        keep(&another).await,
        StoreError::KeyRefused { fingerprint, .. } if fingerprint == acme.key.fingerprint
    );
    let compromised = Revocation::compromised();
    world.keys.revoke_signing_key(acme.key.id, compromised).await.unwrap();
    assert_refused!(keep(&another).await, StoreError::Compromised { .. });
    let kept = world.store.stored_signatures(acme.org, None, 100).await.unwrap();
    assert_eq!(kept.len(), 1);
}
