//! A grant lets a parent accept what a child trusts itself: one way, one level.

mod at_once;
mod deleted;
mod graph;
mod idempotence;
mod many_holders;
mod random_graphs;
mod refusals;
mod unreadable;

use signing_crypto::OrgId;
use signing_loader::{PackageError, SignatureLocation, SignatureSource, VerificationError};
use signing_trust::store::{Change, Revocation, StoreError, TrustGrantRecord};
use signing_trust::{TrustError, TrustLimits, TrustPath, UntrustedReason};

use crate::support::{Vendor, World, assert_refused, on_both_backends};

on_both_backends! {
    parent_accepts_the_childs_key_by_grant,
    without_a_grant_another_organizations_key_is_unknown,
    parent_finds_the_childs_stored_signature,
    child_does_not_accept_the_parents_key,
    revoked_grant_passes_nothing_on_until_it_is_granted_again,
    mutual_grants_reach_both_ways,
    chain_of_two_grants_does_not_reach,
    own_trust_comes_before_a_grant,
    key_of_two_children_outlives_the_revocation_by_one,
    self_grant_is_refused,
    grant_to_or_from_an_unknown_organization_is_refused,
}

async fn grant(world: &World, parent: OrgId, child: OrgId) -> TrustGrantRecord {
    match world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap() {
        Change::Made(grant) => grant,
        already => panic!("{already:?}"),
    }
}

/// How a parent accepts the key of a vendor called `name`.
fn granted(
    grant: &TrustGrantRecord,
    vendor: &Vendor,
    name: &str,
) -> Result<TrustPath, UntrustedReason> {
    assert_eq!(grant.child_org_id, vendor.org);
    Ok(TrustPath::Granted {
        grant: Some(grant.id),
        child: vendor.org,
        child_name: name.parse().unwrap(),
        trusted_key: Some(vendor.trusted.id),
    })
}

async fn parent_accepts_the_childs_key_by_grant(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grant = grant(&world, parent, child.org).await;

    assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));
    let children = world.store.children_of(parent).await.unwrap();
    assert_eq!(children.iter().map(|(grant, _)| grant).collect::<Vec<_>>(), [&grant]);
}

async fn without_a_grant_another_organizations_key_is_unknown(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let other = world.org("other").await;
    grant(&world, other, child.org).await;

    assert_eq!(world.verdict(parent, &child).await, Err(UntrustedReason::Unknown));
}

async fn parent_finds_the_childs_stored_signature(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    world.keys.store_signature(child.org, &child.signature).await.unwrap();
    let verify = async || world.verify(&child.package, parent, SignatureSource::Database).await;

    assert_refused!(
        verify().await,
        PackageError::Verification(VerificationError::SignatureNotFound {
            location: SignatureLocation::Store
        })
    );
    let grant = grant(&world, parent, child.org).await;
    let verified = verify().await.unwrap();
    assert_eq!(Ok(verified.report().via().clone()), granted(&grant, &child, "child"));
}

async fn child_does_not_accept_the_parents_key(world: World) {
    let parent = world.vendor("parent").await;
    let child = world.org("child").await;
    grant(&world, parent.org, child).await;

    assert_eq!(world.verdict(child, &parent).await, Err(UntrustedReason::Unknown));
    assert_eq!(world.verdict(parent.org, &parent).await, Ok(parent.direct()));
}

async fn revoked_grant_passes_nothing_on_until_it_is_granted_again(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;

    for _ in 0..3 {
        let grant = grant(&world, parent, child.org).await;
        assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));

        let revoked = world.keys.revoke_trust(parent, child.org).await.unwrap();
        let Change::Made(Some(revoked)) = revoked else { panic!("{revoked:?}") };
        assert_eq!(revoked.id, grant.id);
        assert_eq!(world.verdict(parent, &child).await, Err(UntrustedReason::Unknown));
        assert_eq!(world.store.children_of(parent).await.unwrap(), []);
    }
}

async fn mutual_grants_reach_both_ways(world: World) {
    let one = world.vendor("one").await;
    let two = world.vendor("two").await;
    let one_to_two = grant(&world, one.org, two.org).await;
    let two_to_one = grant(&world, two.org, one.org).await;

    assert_eq!(world.verdict(one.org, &two).await, granted(&one_to_two, &two, "two"));
    assert_eq!(world.verdict(two.org, &one).await, granted(&two_to_one, &one, "one"));
    // What comes back over both grants is still one's own.
    assert_eq!(world.verdict(one.org, &one).await, Ok(one.direct()));

    world.keys.revoke_trust(one.org, two.org).await.unwrap();
    assert_eq!(world.verdict(one.org, &two).await, Err(UntrustedReason::Unknown));
    assert_eq!(world.verdict(two.org, &one).await, granted(&two_to_one, &one, "one"));
}

async fn chain_of_two_grants_does_not_reach(world: World) {
    let [grandparent, parent] = [world.org("grandparent").await, world.org("parent").await];
    let child = world.vendor("child").await;
    grant(&world, grandparent, parent).await;
    let below = grant(&world, parent, child.org).await;

    assert_eq!(world.verdict(grandparent, &child).await, Err(UntrustedReason::Unknown));
    assert_eq!(world.verdict(parent, &child).await, granted(&below, &child, "child"));

    let direct = grant(&world, grandparent, child.org).await;
    assert_eq!(world.verdict(grandparent, &child).await, granted(&direct, &child, "child"));
}

async fn own_trust_comes_before_a_grant(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grant = grant(&world, parent, child.org).await;
    assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));

    let trusted_key = world.trust(parent, &child.key).await.id;

    assert_eq!(
        world.verdict(parent, &child).await,
        Ok(TrustPath::Direct { trusted_key: Some(trusted_key) })
    );
}

async fn key_of_two_children_outlives_the_revocation_by_one(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let twin = world.org("twin").await;
    let twins_word = world.trust(twin, &child.key).await;
    grant(&world, parent, child.org).await;
    let by_twin = grant(&world, parent, twin).await;

    let revoked = world
        .keys
        .revoke_trusted_key(child.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();
    let twins_path = TrustPath::Granted {
        grant: Some(by_twin.id),
        child: twin,
        child_name: "twin".parse().unwrap(),
        trusted_key: Some(twins_word.id),
    };
    assert_eq!(world.verdict(parent, &child).await, Ok(twins_path));
    let at = revoked.revoked_at.unwrap();
    assert_eq!(world.verdict(child.org, &child).await, Err(UntrustedReason::Revoked { at }));

    world.keys.revoke_trusted_key(twins_word.id, Revocation::retired()).await.unwrap();
    let verdict = world.verdict(parent, &child).await;
    assert!(matches!(verdict, Err(UntrustedReason::RevokedByChild { .. })), "{verdict:?}");
}

async fn self_grant_is_refused(world: World) {
    let acme = world.org("acme").await;
    let refused = world.keys.grant_trust(acme, acme, TrustLimits::default()).await;
    assert_refused!(refused, TrustError::SelfGrant { org } if org.as_str() == "acme");
}

async fn grant_to_or_from_an_unknown_organization_is_refused(world: World) {
    let [acme, unknown] = [world.org("acme").await, OrgId::random()];
    for (parent, child) in [(acme, unknown), (unknown, acme)] {
        let refused = world.keys.grant_trust(parent, child, TrustLimits::default()).await;
        assert_refused!(refused, TrustError::Store(StoreError::OrganizationNotFound { .. }));
    }
}
