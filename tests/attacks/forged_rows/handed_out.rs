//! A swapped public half that an operator is to hand out, to trust or to sign with.

use std::fmt::Debug;

use signing_loader::package_statement;
use signing_trust::store::{Change, Revocation};
use signing_trust::{KeyManager, TrustError};

use super::{assert_other_public_half, attacker};
use crate::support::{Vendor, World, assert_refused, on_both_backends};

on_both_backends! {
    swapped_public_half_is_not_exported,
    swapped_public_half_is_not_trusted_by_id,
    key_with_a_swapped_public_half_signs_nothing,
    key_is_not_proven_without_the_kek,
}

/// Each way to swap the public half, whole or in part, is refused; the row as it was is not.
async fn assert_refused_while_swapped<T: Debug>(
    world: &World,
    acme: &Vendor,
    ask: impl AsyncFn() -> Result<T, TrustError>,
) {
    let attacker = attacker().verifying_key();
    let (public, fingerprint) = world.public_half(&attacker);
    for swapped in [
        format!("public_key = {public}, fingerprint = {fingerprint}"),
        format!("public_key = {public}"),
        format!("fingerprint = {fingerprint}"),
    ] {
        world.forge_key(acme.key.id, &swapped).await;
        assert_other_public_half(ask().await, &acme.key, attacker.fingerprint());
        world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    }
    ask().await.unwrap();
}

async fn swapped_public_half_is_not_exported(world: World) {
    let acme = world.vendor("acme").await;
    let export = async || world.keys.export_public_key(acme.key.id).await;
    assert_refused_while_swapped(&world, &acme, export).await;
    assert_eq!(export().await.unwrap(), acme.key.public_key);
    // A revoked key is exported, and proven, like any other.
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    assert_refused_while_swapped(&world, &acme, export).await;
}

async fn swapped_public_half_is_not_trusted_by_id(world: World) {
    let acme = world.vendor("acme").await;
    let operator = world.org("operator").await;
    let trust = async || {
        let trusted = world.keys.trust_signing_key(operator, acme.key.id, None, None).await;
        let own = world.store.own_trusted_keys(operator).await.unwrap();
        assert_eq!(own.len(), usize::from(trusted.is_ok()), "{own:?}");
        trusted
    };
    assert_refused_while_swapped(&world, &acme, trust).await;
    assert!(matches!(trust().await, Ok(Change::Unchanged(_))));
    assert!(world.accepts(operator, &acme.key.fingerprint).await);
}

/// Neither packages nor checkpoints of the audit log.
async fn key_with_a_swapped_public_half_signs_nothing(world: World) {
    let acme = world.vendor("acme").await;
    let statement = package_statement(&acme.package).unwrap();
    let sign = async || world.keys.sign_statement(acme.key.id, &statement).await;
    assert_refused_while_swapped(&world, &acme, sign).await;
    let checkpoint = async || {
        let key = world.keys.get_signing_key(acme.key.id).await?;
        world.keys.sign_checkpoint(acme.org, &key, &[]).await
    };
    assert_refused_while_swapped(&world, &acme, checkpoint).await;
}

async fn key_is_not_proven_without_the_kek(world: World) {
    let acme = world.vendor("acme").await;
    let operator = world.org("operator").await;
    let without = KeyManager::new(world.store.clone(), None);

    let refusals = [
        without.export_public_key(acme.key.id).await.map(drop),
        without.trust_signing_key(operator, acme.key.id, None, None).await.map(drop),
    ];

    for refused in refusals {
        assert_refused!(refused, TrustError::NoKeyEncryptionKey);
    }
    assert_eq!(world.store.own_trusted_keys(operator).await.unwrap(), []);
    // A public key that came in a file needs no proof.
    without.trust_public_key(operator, &acme.key.public_key, None, None).await.unwrap();
}
