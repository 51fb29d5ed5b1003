//! Who refuses a key, for whom, and who cannot.

use signing_trust::store::{Change, Revocation, TrustedKeyRecord};
use signing_trust::{TrustError, TrustPath, UntrustedReason};

use super::{grant, granted};
use crate::support::{Vendor, World, assert_refused, on_both_backends};

on_both_backends! {
    parents_denial_beats_the_childs_trust,
    denial_from_before_the_grant_beats_it,
    parents_revocation_beats_the_childs_trust,
    childs_revocation_ends_what_the_parent_inherited,
    childs_revocation_leaves_what_the_parent_trusts_itself,
    childs_denial_of_a_key_does_not_bind_the_parent_that_has_it_from_another,
    hostile_organization_cannot_revoke_a_strangers_key_for_others,
    denied_key_is_not_trusted_by_trusting_it,
    denied_keys_are_not_listed,
    keys_that_everybody_refuses_are_listed_with_who_said_so_and_no_others,
    key_that_does_not_match_its_fingerprint_is_not_trusted,
}

async fn deny(world: &World, org: signing_crypto::OrgId, vendor: &Vendor) -> UntrustedReason {
    let fingerprint = &vendor.key.fingerprint;
    let note = Some("not for us".parse().unwrap());
    let change = world.keys.deny_key(org, fingerprint, note).await.unwrap();
    let Change::Made(record) = change else { panic!("{change:?}") };
    UntrustedReason::Denied { at: record.revoked_at.unwrap() }
}

/// The reason for refusals after a revocation by the organization itself.
fn revoked(change: Change<TrustedKeyRecord>) -> UntrustedReason {
    let Change::Made(record) = change else { panic!("{change:?}") };
    UntrustedReason::Revoked { at: record.revoked_at.unwrap() }
}

async fn parents_denial_beats_the_childs_trust(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grant = grant(&world, parent, child.org).await;
    assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));

    let reason = deny(&world, parent, &child).await;

    assert_eq!(world.verdict(parent, &child).await, Err(reason));
    assert_eq!(world.verdict(child.org, &child).await, Ok(child.direct()));
}

async fn denial_from_before_the_grant_beats_it(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let reason = deny(&world, parent, &child).await;

    grant(&world, parent, child.org).await;

    assert_eq!(world.verdict(parent, &child).await, Err(reason));
}

async fn parents_revocation_beats_the_childs_trust(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let own = world.trust(parent, &child.key).await;
    grant(&world, parent, child.org).await;

    let reason =
        revoked(world.keys.revoke_trusted_key(own.id, Revocation::retired()).await.unwrap());

    assert_eq!(world.verdict(parent, &child).await, Err(reason));
    assert_eq!(world.verdict(child.org, &child).await, Ok(child.direct()));
}

async fn childs_revocation_ends_what_the_parent_inherited(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grant = grant(&world, parent, child.org).await;
    assert_eq!(world.verdict(parent, &child).await, granted(&grant, &child, "child"));

    let change =
        world.keys.revoke_trusted_key(child.trusted.id, Revocation::retired()).await.unwrap();

    let at = change.into_inner().revoked_at.unwrap();
    let child_name = "child".parse().unwrap();
    let reason = UntrustedReason::RevokedByChild { child_name, at };
    assert_eq!(world.verdict(parent, &child).await, Err(reason));
}

async fn childs_revocation_leaves_what_the_parent_trusts_itself(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let trusted_key = world.trust(parent, &child.key).await.id;
    grant(&world, parent, child.org).await;

    let reason = revoked(
        world.keys.revoke_trusted_key(child.trusted.id, Revocation::retired()).await.unwrap(),
    );

    assert_eq!(
        world.verdict(parent, &child).await,
        Ok(TrustPath::Direct { trusted_key: Some(trusted_key) })
    );
    assert_eq!(world.verdict(child.org, &child).await, Err(reason));
}

async fn childs_denial_of_a_key_does_not_bind_the_parent_that_has_it_from_another(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let rival = world.org("rival").await;
    // In both orders, so that it does not matter whose word is read first.
    grant(&world, parent, rival).await;
    let by_child = grant(&world, parent, child.org).await;
    let reason = deny(&world, rival, &child).await;

    assert_eq!(world.verdict(parent, &child).await, granted(&by_child, &child, "child"));
    assert_eq!(world.verdict(rival, &child).await, Err(reason));

    world.keys.revoke_trust(parent, rival).await.unwrap();
    grant(&world, parent, rival).await;
    assert_eq!(world.verdict(parent, &child).await, granted(&by_child, &child, "child"));
}

async fn hostile_organization_cannot_revoke_a_strangers_key_for_others(world: World) {
    let parent = world.org("parent").await;
    let vendor = world.vendor("vendor").await;
    let by_vendor = grant(&world, parent, vendor.org).await;
    let hostile = world.org("hostile").await;

    let word = world.trust(hostile, &vendor.key).await;
    let reason =
        revoked(world.keys.revoke_trusted_key(word.id, Revocation::retired()).await.unwrap());

    assert_eq!(world.verdict(hostile, &vendor).await, Err(reason));
    assert_eq!(world.verdict(vendor.org, &vendor).await, Ok(vendor.direct()));
    assert_eq!(world.verdict(parent, &vendor).await, granted(&by_vendor, &vendor, "vendor"));
}

async fn denied_key_is_not_trusted_by_trusting_it(world: World) {
    let acme = world.org("acme").await;
    let vendor = world.vendor("vendor").await;
    let reason = deny(&world, acme, &vendor).await;
    let UntrustedReason::Denied { at: denied_at } = reason else { panic!("{reason:?}") };

    let refused = world.keys.trust_public_key(acme, &vendor.key.public_key, None, None).await;

    assert_refused!(
        refused,
        TrustError::PreviouslyRevoked { fingerprint, at }
            if (fingerprint, at) == (vendor.key.fingerprint, denied_at)
    );
    assert_eq!(world.verdict(acme, &vendor).await, Err(reason));
}

async fn denied_keys_are_not_listed(world: World) {
    let parent = world.org("parent").await;
    let own = world.key(parent, "own").await;
    world.trust(parent, &own).await;
    let [child, other] = [world.vendor("child").await, world.vendor("other").await];
    grant(&world, parent, child.org).await;
    grant(&world, parent, other.org).await;
    let listed = async || {
        let list = world.keys.list_trusted_keys(parent).await.unwrap();
        list.iter().map(|trusted| trusted.key.fingerprint()).collect::<Vec<_>>()
    };
    let sorted = |mut fingerprints: Vec<_>| {
        fingerprints.sort_unstable();
        fingerprints
    };
    let (own, inherited) = (own.fingerprint, other.key.fingerprint);
    assert_eq!(listed().await, sorted(vec![own, child.key.fingerprint, inherited]));

    deny(&world, parent, &child).await;
    assert_eq!(listed().await, sorted(vec![own, inherited]));
    world.keys.deny_key(parent, &own, None).await.unwrap();
    assert_eq!(listed().await, [inherited]);
}

async fn keys_that_everybody_refuses_are_listed_with_who_said_so_and_no_others(world: World) {
    let [owner, stranger, denied, gone] = [
        world.vendor("owner").await,
        world.vendor("stranger").await,
        world.vendor("denied").await,
        world.vendor("gone").await,
    ];
    let listed = async || {
        let list = world.store.compromised_keys().await.unwrap();
        let told = list.into_iter().map(|(key, org)| {
            assert_eq!(key.declared_by, org.id);
            (key.fingerprint, org.name.to_string(), key.note.map(|note| note.to_string()))
        });
        told.collect::<Vec<_>>()
    };
    // What only one organization refuses is nothing to the others.
    world.keys.deny_key(owner.org, &denied.key.fingerprint, None).await.unwrap();
    let compromised = Revocation::compromised();
    let row = denied.trusted.id;
    world.keys.revoke_trusted_key(row, compromised.clone()).await.unwrap();
    world.keys.revoke_signing_key(denied.key.id, Revocation::retired()).await.unwrap();
    assert_eq!(listed().await, []);

    let stolen = compromised.with_note(Some("stolen".parse().unwrap()));
    world.keys.revoke_signing_key(owner.key.id, stolen).await.unwrap();
    let fingerprint = stranger.key.fingerprint;
    for _ in 0..2 {
        world.keys.danger_declare_compromised(gone.org, &fingerprint, None).await.unwrap();
    }
    world.keys.delete_organization(gone.org).await.unwrap();
    let expected = [
        (owner.key.fingerprint, "owner".to_owned(), Some("stolen".to_owned())),
        (fingerprint, "gone".to_owned(), None),
    ];
    assert_eq!(listed().await, expected);
}

async fn key_that_does_not_match_its_fingerprint_is_not_trusted(world: World) {
    let vendor = world.vendor("vendor").await;
    let attacker = world.vendor("attacker").await;
    let database = &world.database;
    let forge = format!(
        "UPDATE trusted_keys SET public_key = {} WHERE id = {}",
        database.bytes(attacker.key.public_key.as_bytes()),
        database.id(vendor.trusted.id.as_uuid()),
    );
    assert_eq!(world.verdict(vendor.org, &vendor).await, Ok(vendor.direct()));

    database.execute(&forge).await.unwrap();

    assert_eq!(world.verdict(vendor.org, &vendor).await, Err(UntrustedReason::Unknown));
    assert_eq!(world.verdict(vendor.org, &attacker).await, Err(UntrustedReason::Unknown));
}
