//! Private keys at rest: readable with their KEK, as the key that they are, only.

use signing_crypto::{KeyId, OrgId, SigningKey, WrapError};
use signing_loader::{SignatureSource, package_statement, verify_package};
use signing_trust::store::StoreError;
use signing_trust::{KeyManager, KeyMismatch, TrustError};

use crate::support::{World, assert_refused, kek, on_both_backends};

on_both_backends! {
    key_under_another_kek_is_not_kept,
    wrong_kek_cannot_unwrap,
    without_a_kek_private_keys_are_out_of_reach,
    without_a_kek_packages_verify,
    wrapped_keys_swapped_between_keys_are_rejected,
    wrapped_key_copied_to_another_organization_is_rejected,
    wrapped_key_with_another_public_half_is_rejected,
    wrapped_key_with_a_bit_turned_over_is_rejected,
    wrapped_key_of_another_form_is_a_corrupt_row,
}

impl World {
    fn with_kek(&self, which: Option<u8>) -> KeyManager {
        KeyManager::new(self.store.clone(), which.map(kek))
    }

    /// Changes a row of `signing_keys` past the store.
    async fn set(&self, key: KeyId, column: &str, value: &str) {
        let id = self.database.id(key.as_uuid());
        let sql = format!("UPDATE signing_keys SET {column} = {value} WHERE id = {id}");
        self.database.execute(&sql).await.unwrap();
    }

    /// The wrapped bytes of a key, as SQL.
    fn wrapped(&self, key: KeyId) -> String {
        let id = self.database.id(key.as_uuid());
        format!("(SELECT wrapped_key FROM signing_keys WHERE id = {id})")
    }

    async fn assert_rejected(&self, key: KeyId) {
        assert_refused!(
            self.keys.get_signing_key(key).await,
            TrustError::ForgedKey { id, source: KeyMismatch::PrivateHalf(WrapError::Rejected) }
                if id == key
        );
    }
}

async fn key_under_another_kek_is_not_kept(world: World) {
    let org = world.org("acme").await;
    let name = |name: &str| name.parse().unwrap();
    world.key(org, "first").await;
    let mistyped = world.with_kek(Some(2));

    let created = mistyped.create_signing_key(org, name("second")).await;
    let imported =
        mistyped.import_signing_key(org, name("second"), &SigningKey::generate().unwrap()).await;

    for refused in [created, imported] {
        assert_refused!(
            refused,
            TrustError::Store(StoreError::OtherKek { expected, found })
                if (expected, found) == (kek(1).id(), kek(2).id())
        );
    }
    assert_eq!(world.store.signing_keys(org).await.unwrap().len(), 1);
    assert_eq!(world.store.state().await.unwrap().kek_id, Some(kek(1).id()));
    world.key(org, "second").await;
}

async fn wrong_kek_cannot_unwrap(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    assert!(world.with_kek(Some(1)).get_signing_key(key.id).await.is_ok());

    assert_refused!(
        world.with_kek(Some(2)).get_signing_key(key.id).await,
        TrustError::Wrap(WrapError::OtherKek { expected, found })
            if (expected, found) == (kek(1).id(), kek(2).id())
    );
}

async fn without_a_kek_private_keys_are_out_of_reach(world: World) {
    let acme = world.vendor("acme").await;
    let keys = world.with_kek(None);
    let name = || "other".parse().unwrap();
    let statement = package_statement(&acme.package).unwrap();

    let refusals = [
        keys.create_signing_key(acme.org, name()).await.unwrap_err(),
        keys.import_signing_key(acme.org, name(), &SigningKey::generate().unwrap())
            .await
            .unwrap_err(),
        keys.get_signing_key(acme.key.id).await.unwrap_err(),
        keys.sign_statement(acme.key.id, &statement).await.unwrap_err(),
        keys.export_public_key(acme.key.id).await.unwrap_err(),
    ];
    for refused in refusals {
        assert_refused!(Err::<(), _>(refused), TrustError::NoKeyEncryptionKey);
    }
    assert!(world.keys.export_public_key(acme.key.id).await.is_ok());
}

async fn without_a_kek_packages_verify(world: World) {
    let acme = world.vendor("acme").await;
    let keys = world.with_kek(None);
    keys.store_signature(acme.org, &acme.signature).await.unwrap();

    for source in [acme.memory(), SignatureSource::Database] {
        let (path, config) = (&acme.package, &world.config);
        let verified = verify_package(path, acme.org, config, &keys, source).await.unwrap();
        assert_eq!(verified.report().signer(), acme.key.fingerprint);
    }
}

async fn two_keys(world: &World, first: OrgId, second: OrgId) -> [KeyId; 2] {
    let keys = [world.key(first, "first").await.id, world.key(second, "second").await.id];
    for key in keys {
        assert!(world.keys.get_signing_key(key).await.is_ok());
    }
    keys
}

async fn wrapped_keys_swapped_between_keys_are_rejected(world: World) {
    let org = world.org("acme").await;
    let [first, second] = two_keys(&world, org, org).await;

    world.set(first, "wrapped_key", &world.wrapped(second)).await;

    world.assert_rejected(first).await;
    assert!(world.keys.get_signing_key(second).await.is_ok());
}

async fn wrapped_key_copied_to_another_organization_is_rejected(world: World) {
    let [acme, other] = [world.org("acme").await, world.org("other").await];
    let [ours, theirs] = two_keys(&world, acme, other).await;

    // The whole row, as somebody does who wants to sign with another's key.
    world.set(ours, "org_id", &world.database.id(other.as_uuid())).await;
    world.assert_rejected(ours).await;

    world.set(ours, "org_id", &world.database.id(acme.as_uuid())).await;
    assert!(world.keys.get_signing_key(ours).await.is_ok());
    world.set(theirs, "wrapped_key", &world.wrapped(ours)).await;
    world.assert_rejected(theirs).await;
}

async fn wrapped_key_with_another_public_half_is_rejected(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let other = SigningKey::generate().unwrap().verifying_key();

    world.set(key.id, "public_key", &world.database.bytes(other.as_bytes())).await;

    assert_refused!(
        world.keys.get_signing_key(key.id).await,
        TrustError::ForgedKey { id, source: KeyMismatch::PublicHalf { expected, found } }
            if (id, expected, found) == (key.id, key.fingerprint, other.fingerprint())
    );
}

async fn wrapped_key_with_a_bit_turned_over_is_rejected(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let (_, wrapped) = world.store.wrapped_signing_key(key.id).await.unwrap();
    // The nonce, the secret and the tag; before them is which KEK it is.
    for position in [17, 28, 29, 44, 60, 61, 76] {
        let mut bytes = wrapped.as_bytes().to_vec();
        bytes[position] ^= 0x10;
        world.set(key.id, "wrapped_key", &world.database.bytes(&bytes)).await;
        world.assert_rejected(key.id).await;
    }
    world.set(key.id, "wrapped_key", &world.database.bytes(wrapped.as_bytes())).await;
    assert!(world.keys.get_signing_key(key.id).await.is_ok());
}

async fn wrapped_key_of_another_form_is_a_corrupt_row(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let (_, wrapped) = world.store.wrapped_signing_key(key.id).await.unwrap();
    let mut version = wrapped.as_bytes().to_vec();
    version[0] = 2;
    for bytes in [&version, &wrapped.as_bytes()[1..], &wrapped.as_bytes()[..76], b""] {
        world.set(key.id, "wrapped_key", &world.database.bytes(bytes)).await;
        let refused = world.keys.get_signing_key(key.id).await;
        assert_refused!(refused, TrustError::Store(StoreError::CorruptRow(_)));
    }
}
