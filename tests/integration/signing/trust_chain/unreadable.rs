//! Rows that cannot be read: they add no trust, and take none from keys that they are not about.

use signing_crypto::{Fingerprint, OrgId, SigningKey};
use signing_loader::{ClockSkewAllowance, SignatureSource};
use signing_trust::store::StoreError;
use signing_trust::{TrustError, UntrustedReason};

use super::{grant, granted};
use crate::support::{Vendor, World, assert_refused, forget_signers, on_both_backends};

on_both_backends! {
    unreadable_row_of_a_child_is_left_out,
    unreadable_row_of_a_stranger_is_nothing_to_others,
    unreadable_row_of_the_organization_itself_refuses_its_key_and_no_other,
    unreadable_grant_is_left_out,
    answer_that_was_cut_off_is_refused_though_its_rows_cannot_be_read,
}

/// What no name, no list of patterns and no version is.
const UNREADABLE: &str = "' '";

async fn spoil(world: &World, table: &str, column: &str, org: OrgId, of: &str) {
    let org = world.database.id(org.as_uuid());
    let sql = format!("UPDATE {table} SET {column} = {UNREADABLE} WHERE {of} = {org}");
    world.database.execute(&sql).await.unwrap();
}

/// Whether the organization has the key in its list.
async fn lists(world: &World, org: OrgId, key: &Fingerprint) -> bool {
    let listed = world.keys.list_trusted_keys(org).await.unwrap();
    listed.iter().any(|trusted| trusted.key.fingerprint() == *key)
}

/// Whether the organization accepts a signature that does not say who made it.
async fn accepts_unnamed(world: &World, org: OrgId, vendor: &Vendor) -> bool {
    let source = SignatureSource::Memory(forget_signers(&vendor.signature));
    world.verify(&vendor.package, org, source).await.is_ok()
}

async fn unreadable_row_of_a_child_is_left_out(world: World) {
    let [good, bad] = [world.vendor("good").await, world.vendor("bad").await];
    let parent = world.org("parent").await;
    let to_good = grant(&world, parent, good.org).await;
    grant(&world, parent, bad.org).await;
    // A key that both hold.
    world.trust(bad.org, &good.key).await;
    assert!(lists(&world, parent, &bad.key.fingerprint).await);
    assert!(accepts_unnamed(&world, parent, &bad).await);

    spoil(&world, "trusted_keys", "name", bad.org, "org_id").await;

    assert_eq!(world.verdict(parent, &good).await, granted(&to_good, &good, "good"));
    assert_eq!(world.verdict(parent, &bad).await, Err(UntrustedReason::Unknown));
    assert!(lists(&world, parent, &good.key.fingerprint).await);
    assert!(!lists(&world, parent, &bad.key.fingerprint).await);
    assert!(accepts_unnamed(&world, parent, &good).await);
    assert!(!accepts_unnamed(&world, parent, &bad).await);
}

async fn unreadable_row_of_a_stranger_is_nothing_to_others(world: World) {
    let acme = world.vendor("acme").await;
    let stranger = world.org("stranger").await;
    world.trust(stranger, &acme.key).await;

    spoil(&world, "trusted_keys", "name", stranger, "org_id").await;
    spoil(&world, "organizations", "name", stranger, "id").await;

    assert_eq!(world.verdict(acme.org, &acme).await, Ok(acme.direct()));
    assert!(lists(&world, acme.org, &acme.key.fingerprint).await);
}

async fn unreadable_row_of_the_organization_itself_refuses_its_key_and_no_other(world: World) {
    let [acme, other] = [world.vendor("acme").await, world.vendor("other").await];
    let parent = world.org("parent").await;
    grant(&world, parent, acme.org).await;
    grant(&world, parent, other.org).await;
    // It may have been a denial.
    world.keys.deny_key(parent, &acme.key.fingerprint, None).await.unwrap();
    spoil(&world, "trusted_keys", "name", parent, "org_id").await;

    let package = "package.so".parse().unwrap();
    let signers = signing_trust::Signers::one(acme.key.fingerprint);
    assert_refused!(
        world.keys.decide(parent, &signers, &package, ClockSkewAllowance::NONE).await,
        TrustError::Store(StoreError::CorruptRow(_))
    );
    assert!(!lists(&world, parent, &acme.key.fingerprint).await);
    assert!(!accepts_unnamed(&world, parent, &acme).await);
    assert!(world.verdict(parent, &other).await.is_ok());
    assert!(lists(&world, parent, &other.key.fingerprint).await);
    assert!(accepts_unnamed(&world, parent, &other).await);
    let stranger = SigningKey::generate().unwrap().fingerprint();
    assert!(!lists(&world, parent, &stranger).await);
}

async fn unreadable_grant_is_left_out(world: World) {
    let [good, bad] = [world.vendor("good").await, world.vendor("bad").await];
    let parent = world.org("parent").await;
    let to_good = grant(&world, parent, good.org).await;
    grant(&world, parent, bad.org).await;
    assert!(world.verdict(parent, &bad).await.is_ok());

    spoil(&world, "trust_grants", "packages", bad.org, "child_org_id").await;

    assert_eq!(world.verdict(parent, &bad).await, Err(UntrustedReason::Unknown));
    assert_eq!(world.verdict(parent, &good).await, granted(&to_good, &good, "good"));
}

/// The row that was cut off may be the organization's own denial.
async fn answer_that_was_cut_off_is_refused_though_its_rows_cannot_be_read(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    grant(&world, parent, child).await;
    let stranger = || SigningKey::generate().unwrap().fingerprint();
    for _ in 0..4 {
        world.keys.deny_key(child, &stranger(), None).await.unwrap();
    }
    spoil(&world, "trusted_keys", "name", child, "org_id").await;
    world.keys.deny_key(parent, &stranger(), None).await.unwrap();
    let read = async |limit| world.store.trust_in_all_keys(parent, limit).await;

    assert_refused!(read(4).await, StoreError::TooManyKeyRows { limit: 4 });

    assert_eq!(read(5).await.unwrap().key_rows.len(), 1);
}
