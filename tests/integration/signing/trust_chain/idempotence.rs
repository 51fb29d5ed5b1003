//! What is so already is not changed, not logged, and tells nobody to look again.

use std::fmt::Debug;

use signing_crypto::{Note, OrgId};
use signing_trust::store::{Change, Revocation, RevocationReason};
use signing_trust::{TrustError, TrustLimits};

use crate::support::{World, on_both_backends};

on_both_backends! {
    trusting_twice_changes_nothing,
    denying_twice_changes_nothing,
    denying_what_was_revoked_changes_nothing,
    revoking_a_trusted_key_twice_changes_nothing,
    revoking_a_signing_key_twice_changes_nothing,
    what_was_said_about_a_revocation_stays_until_something_worse_is_said,
    granting_twice_changes_nothing,
    revoking_a_grant_twice_changes_nothing,
}

/// How many entries `org` has in its log, and how often trust has changed.
async fn history(world: &World, org: OrgId) -> (usize, i64) {
    let store = &world.store;
    let log = store.audit_log(org).await.unwrap();
    (log.len(), store.state().await.unwrap().trust_epoch)
}

/// Makes a change, which must be made and logged, and makes it again, which must
/// neither be made nor logged and tell the same.
async fn twice<T: Clone + Debug + PartialEq>(
    world: &World,
    org: OrgId,
    change: impl AsyncFn() -> Result<Change<T>, TrustError>,
) -> T {
    let before = history(world, org).await;
    let first = change().await.unwrap();
    let made = history(world, org).await;
    assert_eq!(first, Change::Made(first.clone().into_inner()));
    assert_eq!(made.0, before.0 + 1);

    let again = change().await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)), "{again:?}");
    assert_eq!(history(world, org).await, made);
    assert_eq!(again.clone().into_inner(), first.into_inner());
    again.into_inner()
}

async fn trusting_twice_changes_nothing(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    twice(&world, org, async || {
        world.keys.trust_public_key(org, &key.public_key, None, None).await
    })
    .await;
}

async fn denying_twice_changes_nothing(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    twice(&world, org, async || world.keys.deny_key(org, &key.fingerprint, None).await).await;
}

async fn denying_what_was_revoked_changes_nothing(world: World) {
    let acme = world.vendor("acme").await;
    let revoked = world
        .keys
        .revoke_trusted_key(acme.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();
    let before = history(&world, acme.org).await;

    let denied = world.keys.deny_key(acme.org, &acme.key.fingerprint, None).await.unwrap();

    assert_eq!(denied, Change::Unchanged(revoked));
    assert_eq!(history(&world, acme.org).await, before);
}

async fn revoking_a_trusted_key_twice_changes_nothing(world: World) {
    let acme = world.vendor("acme").await;
    let revoke =
        async || world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await;
    assert!(twice(&world, acme.org, revoke).await.revoked_at.is_some());
}

async fn revoking_a_signing_key_twice_changes_nothing(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let revoke = async || world.keys.revoke_signing_key(key.id, Revocation::retired()).await;
    assert!(twice(&world, org, revoke).await.revoked_at.is_some());
}

async fn what_was_said_about_a_revocation_stays_until_something_worse_is_said(world: World) {
    let (told, silent) = (world.vendor("told").await, world.vendor("silent").await);
    let said = |text: &str| Some(text.parse::<Note>().unwrap());
    let because = |reason, note| Revocation { reason, note };
    let (retired, compromised) = (RevocationReason::Retired, RevocationReason::Compromised);
    for (vendor, last, kept) in [(&told, said("stolen"), "stolen"), (&silent, None, "moved")] {
        let (key, row) = (vendor.key.id, vendor.trusted.id);
        for revocation in [
            because(retired, said("moved")),
            because(retired, said("again")),
            because(retired, None),
        ] {
            let keys = &world.keys;
            let key = keys.revoke_signing_key(key, revocation.clone()).await.unwrap();
            assert_eq!(key.into_inner().revocation_note, said("moved"));
            let row = keys.revoke_trusted_key(row, revocation).await.unwrap();
            assert_eq!(row.into_inner().revocation_note, said("moved"));
        }
        let denied = world.keys.deny_key(vendor.org, &vendor.key.fingerprint, said("why")).await;
        assert_eq!(denied.unwrap().into_inner().revocation_note, said("moved"));
        for note in [last, said("once more")] {
            let worse = because(compromised, note);
            let key = world.keys.revoke_signing_key(key, worse.clone()).await.unwrap();
            assert_eq!(key.into_inner().revocation_note, said(kept));
            let row = world.keys.revoke_trusted_key(row, worse).await.unwrap();
            assert_eq!(row.into_inner().revocation_note, said(kept));
        }
    }
}

async fn granting_twice_changes_nothing(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    twice(&world, parent, async || {
        world.keys.grant_trust(parent, child, TrustLimits::default()).await
    })
    .await;
    assert_eq!(world.store.children_of(parent).await.unwrap().len(), 1);
}

async fn revoking_a_grant_twice_changes_nothing(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
    let revoked = world.keys.revoke_trust(parent, child).await.unwrap();
    assert!(matches!(revoked, Change::Made(Some(_))), "{revoked:?}");
    let before = history(&world, parent).await;

    let again = world.keys.revoke_trust(parent, child).await.unwrap();

    assert_eq!(again, Change::Unchanged(None));
    assert_eq!(history(&world, parent).await, before);
}
