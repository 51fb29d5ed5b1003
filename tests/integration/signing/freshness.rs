//! How soon a program knows of a change that another one made.

mod another_store;
mod limits;
mod migrated;
mod network;
mod processes;
mod racing;
mod restored;

use std::time::{Duration, Instant};

use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::{Revocation, StoreError};
use signing_trust::{Freshness, Signers, TrustError, TrustLimits};
use tokio::time::timeout;

use crate::support::{
    Backend, LONG, Runner, SOON, World, assert_refused, bound, hide, on_both_backends, run, until,
};

on_both_backends! {
    bounded_decisions_are_answered_from_memory_and_strict_ones_are_not,
    revocation_by_another_program_ends_bounded_decisions,
    every_change_by_another_program_reaches_bounded_decisions,
    program_that_revokes_a_key_does_not_accept_it_from_memory,
    change_whose_caller_is_gone_ends_what_is_remembered,
    change_of_any_table_is_known_to_the_next_strict_decision,
    bound_of_nothing_asks_every_time,
    bound_without_end_is_a_bound,
}

async fn bounded_decisions_are_answered_from_memory_and_strict_ones_are_not(world: World) {
    let vendor = world.vendor("acme").await;
    let (bounded, strict) =
        (Runner::bounded(&world, &vendor).await, Runner::strict(&world, &vendor).await);
    assert!(strict.decide().await.unwrap());
    // Another question than the one that is remembered, which is answered as well.
    let (stranger, name) = (Signers::default(), "package.so".parse().unwrap());
    let answered =
        bounded.keys.decide(vendor.org, &stranger, &name, ClockSkewAllowance::NONE).await.unwrap();
    assert_eq!(answered.trusted().count(), 0);

    hide(&world, true).await;
    assert_refused!(strict.decide().await, TrustError::Store(StoreError::Unavailable(_)));
    assert_refused!(
        bounded.keys.decide(vendor.org, &stranger, &name, ClockSkewAllowance::NONE).await,
        TrustError::Store(StoreError::Unavailable(_))
    );
    hide(&world, false).await;

    bounded.remembers(&world, true).await;
    assert!(strict.decide().await.unwrap());
}

/// The change may be made by anybody, also without the program: the earlier answer is not
/// given again.
async fn change_of_any_table_is_known_to_the_next_strict_decision(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let mut strict = Runner::strict(&world, &vendor).await;
    strict.org = operator;
    let database = &world.database;
    let fingerprint = database.bytes(vendor.key.fingerprint.as_bytes());
    let (parent, child) = (database.id(operator.as_uuid()), database.id(vendor.org.as_uuid()));
    let later = if database.is_sqlite() { "1" } else { "now()" };
    for (change, back) in [
        (
            format!("UPDATE organizations SET deleted_at = {later} WHERE id = {child}"),
            format!("UPDATE organizations SET deleted_at = NULL WHERE id = {child}"),
        ),
        (
            format!("UPDATE trusted_keys SET revoked_at = {later} WHERE org_id = {child}"),
            format!("UPDATE trusted_keys SET revoked_at = NULL WHERE org_id = {child}"),
        ),
        (
            format!("UPDATE trust_grants SET revoked_at = {later} WHERE parent_org_id = {parent}"),
            format!("UPDATE trust_grants SET revoked_at = NULL WHERE parent_org_id = {parent}"),
        ),
        (
            format!(
                "INSERT INTO compromised_keys (fingerprint, declared_by, declared_at)
                 VALUES ({fingerprint}, {parent}, {later})"
            ),
            "DELETE FROM compromised_keys".into(),
        ),
    ] {
        for _ in 0..2 {
            assert!(strict.decide().await.unwrap(), "before {change}");
        }
        database.execute(&change).await.unwrap();
        // Also about a package that was not asked about before.
        let other = format!("lib-{}.so", change.len()).parse().unwrap();
        let decision = strict
            .keys
            .decide(operator, &strict.signers, &other, ClockSkewAllowance::NONE)
            .await
            .unwrap();
        assert_eq!(decision.trusted().count(), 0, "{change}");
        assert!(!strict.decide().await.unwrap(), "{change}");
        database.execute(&back).await.unwrap();
    }
    let floor = async |name: &str| {
        let name = name.parse().unwrap();
        let decision = strict
            .keys
            .decide(operator, &strict.signers, &name, ClockSkewAllowance::NONE)
            .await
            .unwrap();
        decision.floor().map(ToString::to_string)
    };
    assert_eq!(floor("package.so").await, None);
    let set = format!(
        "INSERT INTO version_floors (org_id, package_name, floor, set_at)
         VALUES ({parent}, 'package.so', '1.0.0', {later}),
                ({parent}, 'other.so', '2.0.0', {later}),
                ({child}, 'third.so', '3.0.0', {later})"
    );
    database.execute(&set).await.unwrap();
    for (name, expected) in
        [("package.so", Some("1.0.0")), ("other.so", Some("2.0.0")), ("third.so", None)]
    {
        for _ in 0..2 {
            assert_eq!(floor(name).await.as_deref(), expected, "{name}");
        }
    }
}

async fn revocation_by_another_program_ends_bounded_decisions(world: World) {
    let vendor = world.vendor("acme").await;
    let bounded = Runner::bounded(&world, &vendor).await;

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    let revoked = Instant::now();

    bounded.refuses_within(SOON).await;
    let known_after = revoked.elapsed();
    assert!(known_after < bound(&world), "{known_after:?}");
    bounded.remembers(&world, false).await;
}

async fn every_change_by_another_program_reaches_bounded_decisions(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    let mut bounded = Runner::bounded(&world, &vendor).await;
    bounded.org = operator;
    let becomes = async |expected| {
        until(SOON, "the change is known", async || bounded.decide().await.unwrap() == expected)
            .await;
    };
    becomes(false).await;

    for _ in 0..3 {
        world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
        becomes(true).await;
        world.keys.revoke_trust(operator, vendor.org).await.unwrap();
        becomes(false).await;
    }
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    becomes(true).await;
    world.keys.delete_organization(vendor.org).await.unwrap();
    becomes(false).await;
    world.trust(operator, &vendor.key).await;
    becomes(true).await;
    world.keys.deny_key(operator, &vendor.key.fingerprint, None).await.unwrap();
    becomes(false).await;
}

async fn program_that_revokes_a_key_does_not_accept_it_from_memory(world: World) {
    let vendor = world.vendor("acme").await;
    let operator = world.org("operator").await;
    let mut bounded = Runner::bounded(&world, &vendor).await;

    bounded.org = operator;
    for _ in 0..20 {
        bounded.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
        assert!(bounded.decide().await.unwrap());
        bounded.keys.revoke_trust(operator, vendor.org).await.unwrap();
        assert!(!bounded.decide().await.unwrap());
    }
    bounded.org = vendor.org;
    assert!(bounded.decide().await.unwrap());
    bounded.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(!bounded.decide().await.unwrap());
}

/// On SQLite nobody tells of it, and no heartbeat finds out in the time of the test.
async fn change_whose_caller_is_gone_ends_what_is_remembered(world: World) {
    let vendor = world.vendor("acme").await;
    let (url, freshness) = (world.database.url(), Freshness::Bounded(LONG));
    let bounded = Runner::start(&url, vendor.org, &vendor, freshness).await;
    bounded.remembers(&world, true).await;

    let change = bounded.keys.deny_key(vendor.org, &vendor.key.fingerprint, None);
    assert!(timeout(Duration::ZERO, change).await.is_err());

    bounded.refuses_within(SOON).await;
}

async fn bound_of_nothing_asks_every_time(world: World) {
    let vendor = world.vendor("acme").await;
    let freshness = Freshness::Bounded(Duration::ZERO);
    let runner = Runner::start(&world.database.url(), vendor.org, &vendor, freshness).await;
    assert!(runner.decide().await.unwrap());
    hide(&world, true).await;
    assert_refused!(runner.decide().await, TrustError::Store(StoreError::Unavailable(_)));
}

async fn bound_without_end_is_a_bound(world: World) {
    let vendor = world.vendor("acme").await;
    let freshness = Freshness::Bounded(Duration::MAX);
    let runner = Runner::start(&world.database.url(), vendor.org, &vendor, freshness).await;
    runner.remembers(&world, true).await;
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn bounded_decision_does_not_wait_for_a_locked_table_and_a_strict_one_does() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let (bounded, strict) =
            (Runner::bounded(&world, &vendor).await, Runner::strict(&world, &vendor).await);
        let client = world.database.connect().await;
        client.batch_execute("BEGIN; LOCK TABLE store_state").await.unwrap();

        let waiting = timeout(Duration::from_millis(500), strict.decide()).await;
        assert!(waiting.is_err(), "{waiting:?}");
        let answered = timeout(Duration::from_millis(500), bounded.decide()).await;
        assert!(answered.unwrap().unwrap());

        client.batch_execute("ROLLBACK").await.unwrap();
        assert!(strict.decide().await.unwrap());
    });
}
