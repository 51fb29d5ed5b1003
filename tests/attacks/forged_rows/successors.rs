//! A row that says that it is the successor of a trusted key, so that `rotate` trusts it.

use signing_crypto::KeyId;
use signing_trust::Resign;
use signing_trust::store::{Change, SigningKeyRecord};

use super::{assert_of_another_row, attacker};
use crate::support::{Vendor, World, on_both_backends};

on_both_backends! {
    invented_successor_is_not_trusted,
    other_key_of_the_organization_is_not_its_successor,
    key_moved_from_another_organization_is_not_a_successor,
    successor_without_its_predecessor_does_not_sign,
    genuine_successor_is_found_again,
}

async fn assert_not_rotated_to(world: &World, acme: &Vendor, forged: KeyId) {
    let fingerprint = world.store.signing_key(forged).await.unwrap().fingerprint;
    let own = world.store.own_trusted_keys(acme.org).await.unwrap();
    for resign in [Resign::Leave, Resign::All] {
        let refused = world.keys.rotate_signing_key(acme.key.id, None, resign).await;
        assert_of_another_row(refused, forged);
    }
    assert_eq!(world.store.own_trusted_keys(acme.org).await.unwrap(), own);
    assert!(!world.accepts(acme.org, &fingerprint).await);
}

/// What rotating makes when the forged rows are gone.
async fn rotated(world: &World, acme: &Vendor) -> SigningKeyRecord {
    let rotation = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();
    let new = rotation.successor.into_inner();
    assert!(world.accepts(acme.org, &new.fingerprint).await);
    new
}

async fn invented_successor_is_not_trusted(world: World) {
    let acme = world.vendor("acme").await;
    let (public, fingerprint) = world.public_half(&attacker().verifying_key());
    let id = KeyId::random();
    let [new, old] = [id, acme.key.id].map(|id| world.database.id(id.as_uuid()));
    let sql = format!(
        "INSERT INTO signing_keys (id, org_id, name, fingerprint, public_key, wrapped_key,
                                   created_at, predecessor_id)
         SELECT {new}, org_id, 'release.2', {fingerprint}, {public}, wrapped_key, created_at, id
         FROM signing_keys WHERE id = {old}"
    );
    world.database.execute(&sql).await.unwrap();

    assert_not_rotated_to(&world, &acme, id).await;

    world.database.execute(&format!("DELETE FROM signing_keys WHERE id = {new}")).await.unwrap();
    rotated(&world, &acme).await;
}

/// A stolen key, say, that nobody trusts.
async fn other_key_of_the_organization_is_not_its_successor(world: World) {
    let acme = world.vendor("acme").await;
    let dev = world.key(acme.org, "dev").await;
    let release = world.database.id(acme.key.id.as_uuid());
    world.forge_key(dev.id, &format!("predecessor_id = {release}")).await;

    assert_not_rotated_to(&world, &acme, dev.id).await;

    world.forge_key(dev.id, "predecessor_id = NULL").await;
    assert_ne!(rotated(&world, &acme).await.id, dev.id);
    assert!(world.keys.get_signing_key(dev.id).await.is_ok());
}

async fn key_moved_from_another_organization_is_not_a_successor(world: World) {
    let acme = world.vendor("acme").await;
    let evil = world.org("evil").await;
    // One of its own keys, and one that is a successor there.
    let key = world.key(evil, "theirs").await;
    let theirs = world.keys.rotate_signing_key(key.id, None, Resign::Leave).await.unwrap();
    let successor = theirs.successor.into_inner();
    let [acmes, evils] = [acme.org, evil].map(|org| world.database.id(org.as_uuid()));
    let release = world.database.id(acme.key.id.as_uuid());
    for (moved, before) in [(key.id, None), (successor.id, successor.predecessor_id)] {
        let set = format!("org_id = {acmes}, predecessor_id = {release}");
        world.forge_key(moved, &set).await;

        assert_not_rotated_to(&world, &acme, moved).await;

        let before = before.map_or("NULL".into(), |id| world.database.id(id.as_uuid()));
        world.forge_key(moved, &format!("org_id = {evils}, predecessor_id = {before}")).await;
        assert!(world.keys.get_signing_key(moved).await.is_ok());
    }
    rotated(&world, &acme).await;
}

async fn successor_without_its_predecessor_does_not_sign(world: World) {
    let acme = world.vendor("acme").await;
    let new = rotated(&world, &acme).await;
    assert!(world.keys.get_signing_key(new.id).await.is_ok());

    world.forge_key(new.id, "predecessor_id = NULL").await;

    assert_of_another_row(world.keys.get_signing_key(new.id).await, new.id);
}

async fn genuine_successor_is_found_again(world: World) {
    let acme = world.vendor("acme").await;
    let new = rotated(&world, &acme).await;
    let again = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();
    assert_eq!(again.successor, Change::Unchanged(new));
}
