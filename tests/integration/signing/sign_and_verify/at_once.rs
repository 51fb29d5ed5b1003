//! Several who sign the same package at once, into one store.

use signing_crypto::{OrgId, PackageDigest, PackageStatement, SignatureEnvelope, SigningKey};
use signing_loader::{RequiredSigners, SignatureSource, SignerCount, package_statement};
use signing_trust::store::{Change, SIGNATURES_PER_ORG, SigningKeyRecord, Store, StoreError};
use signing_trust::{KeyManager, TrustError, TrustLimits};
use tokio::task::JoinSet;

use crate::support::{World, add_signature, assert_refused, kek, on_both_backends};

on_both_backends! {
    none_of_several_who_sign_at_once_is_lost,
    signature_made_in_ignorance_of_another_is_not_kept,
    signatures_about_other_packages_and_of_others_are_no_hindrance,
}

const SIGNERS: usize = 7;

/// Signs what has been signed, or else the statement, until it is kept.
async fn sign(keys: KeyManager, key: SigningKeyRecord, statement: PackageStatement) {
    loop {
        let kept = keys.stored_signatures(key.org_id, *statement.digest()).await.unwrap();
        let envelope = match kept.signatures().next() {
            Some(stored) => {
                let mut envelope = stored.envelope.unwrap();
                keys.add_signature(key.id, &mut envelope).await.unwrap();
                envelope
            }
            None => keys.sign_statement(key.id, &statement).await.unwrap(),
        };
        match keys.store_signature_beside(&kept, &envelope).await {
            Err(TrustError::Store(StoreError::SignaturesChanged { .. })) => {}
            stored => {
                let stored = stored.unwrap();
                assert!(matches!(stored, Change::Made(_)), "{stored:?}");
                return;
            }
        }
    }
}

async fn none_of_several_who_sign_at_once_is_lost(mut world: World) {
    let vendor = world.vendor("acme").await;
    let mut signers = Vec::new();
    for number in 0..SIGNERS {
        let key = world.key(vendor.org, &format!("key{number}")).await;
        world.trust(vendor.org, &key).await;
        signers.push(key);
    }
    for is_begun in [false, true] {
        let path = world.file(&format!("{is_begun}.so"), format!("{is_begun}").as_bytes());
        if is_begun {
            let first = world.sign(&path, &vendor.key).await;
            world.keys.store_signature(vendor.org, &first).await.unwrap();
        }
        let mut all = JoinSet::new();
        for key in &signers {
            // Each has a pool of its own, as processes have.
            let store = Store::open(&world.database.url()).await.unwrap();
            let statement = package_statement(&path).unwrap();
            all.spawn(sign(KeyManager::new(store, Some(kek(1))), key.clone(), statement));
        }
        all.join_all().await;

        let count = SIGNERS + usize::from(is_begun);
        world.config.required_signers = RequiredSigners::Keys(SignerCount::new(count).unwrap());
        world.signer(&path, vendor.org, SignatureSource::Database).await;
        // A row for each, and no more: others would push them out.
        let digest = *package_statement(&path).unwrap().digest();
        assert_eq!(kept(&world, vendor.org, digest).await.len(), count);
    }
}

async fn signature_made_in_ignorance_of_another_is_not_kept(world: World) {
    let vendor = world.vendor("acme").await;
    let digest = *package_statement(&vendor.package).unwrap().digest();
    let look = async || world.keys.stored_signatures(vendor.org, digest).await.unwrap();
    let nothing = look().await;
    assert_eq!(nothing.signatures().count(), 0);
    let [one, two] =
        std::array::from_fn(|_| add_signature(&vendor.signature, &SigningKey::generate().unwrap()));
    let keep = async |kept, envelope| world.keys.store_signature_beside(kept, envelope).await;

    assert!(matches!(keep(&nothing, &vendor.signature).await, Ok(Change::Made(_))));
    assert_refused!(
        keep(&nothing, &one).await,
        TrustError::Store(StoreError::SignaturesChanged { .. })
    );
    let first = look().await;
    assert!(matches!(keep(&first, &one).await, Ok(Change::Made(_))));
    assert_refused!(
        keep(&first, &two).await,
        TrustError::Store(StoreError::SignaturesChanged { .. })
    );
    assert_eq!(kept(&world, vendor.org, digest).await, [one.clone(), vendor.signature.clone()]);

    // What is kept already is found again.
    let now = look().await;
    assert!(matches!(keep(&now, &one).await, Ok(Change::Unchanged(_))));
    assert!(matches!(keep(&now, &two).await, Ok(Change::Made(_))));
}

async fn signatures_about_other_packages_and_of_others_are_no_hindrance(world: World) {
    let (vendor, other) = (world.vendor("acme").await, world.vendor("other").await);
    world.keys.grant_trust(vendor.org, other.org, TrustLimits::default()).await.unwrap();
    let digest = *package_statement(&vendor.package).unwrap().digest();
    let before = world.keys.stored_signatures(vendor.org, digest).await.unwrap();
    world.keys.store_signature(vendor.org, &other.signature).await.unwrap();
    world.keys.store_signature(other.org, &vendor.signature).await.unwrap();

    let stored = world.keys.store_signature_beside(&before, &vendor.signature).await.unwrap();

    assert!(matches!(stored, Change::Made(_)), "{stored:?}");
    assert_eq!(kept(&world, vendor.org, digest).await, [vendor.signature]);
}

/// What the organization itself keeps, newest first.
async fn kept(world: &World, org: OrgId, digest: PackageDigest) -> Vec<SignatureEnvelope> {
    let kept = world.keys.stored_signatures(org, digest).await.unwrap();
    let envelopes: Vec<_> = kept.signatures().map(|stored| stored.envelope.unwrap()).collect();
    assert!(envelopes.len() < SIGNATURES_PER_ORG);
    envelopes
}
