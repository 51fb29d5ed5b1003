//! A deleted organization is a tombstone.

use signing_crypto::OrgId;
use signing_loader::{PackageError, SignatureSource, VerificationError};
use signing_trust::store::{OrganizationRef, Revocation, StoreError};
use signing_trust::{TrustError, TrustLimits, UntrustedReason};

use super::{grant, granted};
use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    deleted_organization_passes_nothing_on,
    deleted_organization_trusts_nothing,
    signatures_of_a_deleted_child_are_not_looked_at,
    grant_to_or_from_a_deleted_organization_is_refused,
    deleted_organization_changes_nothing,
}

async fn delete(world: &World, org: OrgId) -> chrono::DateTime<chrono::Utc> {
    world.keys.delete_organization(org).await.unwrap();
    let tombstone = world.store.organization(OrganizationRef::Id(org)).await.unwrap();
    tombstone.deleted_at.unwrap()
}

async fn deleted_organization_passes_nothing_on(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grant = grant(&world, parent, child.org).await;
    assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));

    let at = delete(&world, child.org).await;

    let child_name = "child".parse().unwrap();
    let reason = UntrustedReason::ChildDeleted { child_name, at };
    assert_eq!(world.verdict(parent, &child).await, Err(reason));
}

async fn deleted_organization_trusts_nothing(world: World) {
    let [own, inherited] = [world.vendor("own").await, world.vendor("inherited").await];
    grant(&world, own.org, inherited.org).await;

    let at = delete(&world, own.org).await;

    for vendor in [&own, &inherited] {
        let verdict = world.verdict(own.org, vendor).await;
        assert_eq!(verdict, Err(UntrustedReason::OrganizationDeleted { at }));
    }
    assert_eq!(world.verdict(inherited.org, &inherited).await, Ok(inherited.direct()));
}

async fn signatures_of_a_deleted_child_are_not_looked_at(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    // The parent trusts the key itself, so that only the signature can be missing.
    world.trust(parent, &child.key).await;
    grant(&world, parent, child.org).await;
    world.keys.store_signature(child.org, &child.signature).await.unwrap();
    let verify = async || {
        let verified = world.verify(&child.package, parent, SignatureSource::Database).await;
        verified.map(|verified| verified.report().signer())
    };
    assert_eq!(verify().await.unwrap(), child.key.fingerprint);

    delete(&world, child.org).await;

    assert_refused!(
        verify().await,
        PackageError::Verification(VerificationError::SignatureNotFound { .. })
    );
}

async fn grant_to_or_from_a_deleted_organization_is_refused(world: World) {
    let [alive, dead] = [world.org("alive").await, world.org("dead").await];
    delete(&world, dead).await;

    for (parent, child) in [(alive, dead), (dead, alive)] {
        let refused = world.keys.grant_trust(parent, child, TrustLimits::default()).await;
        assert_refused!(
            refused,
            TrustError::Store(StoreError::OrganizationDeleted { org }) if org == dead
        );
    }
}

async fn deleted_organization_changes_nothing(world: World) {
    let acme = world.vendor("acme").await;
    delete(&world, acme.org).await;
    let name = || "later".parse().unwrap();
    let keys = &world.keys;

    let refusals = [
        keys.create_signing_key(acme.org, name()).await.unwrap_err(),
        keys.trust_public_key(acme.org, &acme.key.public_key, None, None).await.unwrap_err(),
        keys.deny_key(acme.org, &acme.key.fingerprint, None).await.unwrap_err(),
        keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap_err(),
        keys.store_signature(acme.org, &acme.signature).await.unwrap_err(),
        keys.delete_organization(acme.org).await.unwrap_err(),
    ];
    for refused in refusals {
        assert_refused!(
            Err::<(), _>(refused),
            TrustError::Store(StoreError::OrganizationDeleted { org }) if org == acme.org
        );
    }
}
