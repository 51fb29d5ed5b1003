//! The fingerprint of somebody else's key in a row, so that revoking the row's key as
//! compromised ends theirs in the whole store, and spares the one that was stolen.

use signing_trust::store::{Change, Revocation, RevocationReason};

use super::assert_other_public_half;
use crate::support::{World, on_both_backends};

on_both_backends! {
    key_of_somebody_else_is_not_declared_compromised,
    proven_key_is_declared_compromised_whatever_its_row_says_by_then,
    declaration_that_a_row_only_claims_is_made,
    dry_run_does_not_take_the_key_of_somebody_else_for_it,
    key_with_a_swapped_public_half_can_be_retired_and_denied,
}

async fn key_of_somebody_else_is_not_declared_compromised(world: World) {
    let [acme, victim] = [world.vendor("acme").await, world.vendor("victim").await];
    world.swap_public_half(acme.key.id, &victim.key.public_key).await;
    let revoke =
        async || world.keys.revoke_signing_key(acme.key.id, Revocation::compromised()).await;

    assert_other_public_half(revoke().await, &acme.key, victim.key.fingerprint);

    assert_eq!(world.store.compromised_keys().await.unwrap(), []);
    assert_eq!(world.verdict(victim.org, &victim).await, Ok(victim.direct()));

    world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    revoke().await.unwrap();
    assert!(!world.accepts(acme.org, &acme.key.fingerprint).await);
    assert_eq!(world.verdict(victim.org, &victim).await, Ok(victim.direct()));
}

/// What is declared is what was proven. It is not read again.
async fn proven_key_is_declared_compromised_whatever_its_row_says_by_then(world: World) {
    let [acme, victim] = [world.vendor("acme").await, world.vendor("victim").await];
    let proven = world.keys.proven_key(acme.key.id).await.unwrap();
    world.swap_public_half(acme.key.id, &victim.key.public_key).await;
    world.keys.revoke_as_compromised(&proven, None).await.unwrap();
    assert!(!world.accepts(acme.org, &acme.key.fingerprint).await);
    assert_eq!(world.verdict(victim.org, &victim).await, Ok(victim.direct()));

    // The sibling: what has another public half by now is not proven.
    let again = world.keys.revoke_signing_key(acme.key.id, Revocation::compromised()).await;
    assert_other_public_half(again, &acme.key, victim.key.fingerprint);
}

/// Other organizations obey the declaration, and not what a signing key's row says.
async fn declaration_that_a_row_only_claims_is_made(world: World) {
    let (acme, parent) = (world.vendor("acme").await, world.org("parent").await);
    world.trust(parent, &acme.key).await;
    let claim = "revoked_at = created_at, revocation_reason = 'compromised'";
    world.forge_key(acme.key.id, claim).await;
    let revoke = async || {
        let revocation = Revocation::compromised();
        world.keys.revoke_signing_key(acme.key.id, revocation).await.unwrap()
    };

    assert!(world.accepts(parent, &acme.key.fingerprint).await);
    assert!(matches!(revoke().await, Change::Made(_)));
    assert!(!world.accepts(parent, &acme.key.fingerprint).await);

    assert!(matches!(revoke().await, Change::Unchanged(_)));
}

async fn dry_run_does_not_take_the_key_of_somebody_else_for_it(world: World) {
    let [acme, victim] = [world.vendor("acme").await, world.vendor("victim").await];
    let impact =
        async || world.keys.signing_key_impact(acme.key.id, RevocationReason::Compromised).await;
    world.swap_public_half(acme.key.id, &victim.key.public_key).await;

    assert_other_public_half(impact().await, &acme.key, victim.key.fingerprint);

    world.swap_public_half(acme.key.id, &acme.key.public_key).await;
    let refused = impact().await.unwrap().refused;
    assert_eq!(refused.iter().map(|keys| keys.org.id).collect::<Vec<_>>(), [acme.org]);
}

/// What the error says to do when the row of a stolen key was changed as well.
async fn key_with_a_swapped_public_half_can_be_retired_and_denied(world: World) {
    let [acme, victim] = [world.vendor("acme").await, world.vendor("victim").await];
    world.swap_public_half(acme.key.id, &victim.key.public_key).await;

    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    let stolen = acme.key.fingerprint;
    world.keys.danger_declare_compromised(acme.org, &stolen, None).await.unwrap();

    assert!(!world.accepts(acme.org, &stolen).await);
    assert_eq!(world.verdict(victim.org, &victim).await, Ok(victim.direct()));
}
