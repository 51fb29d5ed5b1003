//! A user who can read the database does not get a private key.

use signing_crypto::SigningKey;
use zeroize::Zeroizing;

use crate::support::{World, on_both_backends};

on_both_backends! {
    private_key_is_not_in_the_database,
    key_encryption_key_is_not_in_the_database,
}

async fn private_key_is_not_in_the_database(world: World) {
    let org = world.org("acme").await;
    let seed = Zeroizing::new(*b"a seed that is easy to recognize");
    let key = SigningKey::from_seed(&seed);
    let name = "release".parse().unwrap();
    let record = world.keys.import_signing_key(org, name, &key).await.unwrap();
    world.trust(org, &record).await;
    let path = world.file("lib.so", b"package");
    let signature = world.sign(&path, &record).await;
    world.keys.store_signature(org, &signature).await.unwrap();

    // What is there is found, so that what is not found is not there.
    assert!(world.database.holds(key.verifying_key().as_bytes()).await);
    let (_, wrapped) = world.store.wrapped_signing_key(record.id).await.unwrap();
    assert!(world.database.holds(wrapped.as_bytes()).await);
    for part in seed.chunks(8) {
        assert!(!world.database.holds(part).await);
    }
}

async fn key_encryption_key_is_not_in_the_database(world: World) {
    let org = world.org("acme").await;
    world.key(org, "release").await;
    let id = world.store.state().await.unwrap().kek_id.unwrap();

    assert!(world.database.holds(id.as_bytes()).await);
    // The KEK of the tests is this byte, 32 times.
    assert!(!world.database.holds(&[1; 32]).await);
}
