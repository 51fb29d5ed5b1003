//! What is remembered ends at its moment, and is about one package only.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::StoreError;
use signing_trust::{Signers, TrustError, TrustLimits, UntrustedReason};

use super::{Runner, SOON};
use crate::support::{Vendor, World, assert_refused, hide_keys, on_both_backends};

on_both_backends! {
    remembered_key_is_refused_at_the_moment_that_it_expires,
    remembered_grant_is_refused_at_the_moment_that_it_expires,
    remembered_grant_for_one_package_does_not_answer_for_another,
}

/// Soon enough to wait for, and long enough for an answer to be remembered.
fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(5)
}

/// What a program says about the vendor's key and a package.
async fn ask(
    bounded: &Runner,
    vendor: &Vendor,
    package: &str,
) -> Result<Result<(), UntrustedReason>, TrustError> {
    let package = package.parse().unwrap();
    let decision = bounded
        .keys
        .decide(bounded.org, &bounded.signers, &package, ClockSkewAllowance::NONE)
        .await?;
    Ok(decision.about(&vendor.key.fingerprint).map(|_| ()))
}

/// Asserts that the program accepts the key until `end` and refuses it from then on,
/// while no question about a key can be answered by the store.
async fn assert_ends(
    world: &World,
    bounded: &Runner,
    vendor: &Vendor,
    end: DateTime<Utc>,
    refusal: UntrustedReason,
) {
    bounded.remembers(world, true).await;
    hide_keys(world, true).await;
    let limit = Instant::now() + SOON;
    // The server's clock counts from when it was asked, and so may be ahead by how long
    // that took.
    let ahead = TimeDelta::seconds(1);
    let mut accepted = 0;
    loop {
        let before = Utc::now();
        let decided = ask(bounded, vendor, "package.so").await.unwrap();
        let after = Utc::now();
        match decided {
            Ok(()) => {
                assert!(before < end, "accepted at {before}, {end} or later");
                accepted += 1;
            }
            Err(reason) => {
                assert!(after + ahead >= end, "refused at {after}, before {end}");
                assert_eq!(reason, refusal);
                break;
            }
        }
        assert!(Instant::now() < limit, "it does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(accepted > 0, "it was not remembered before it ended");
    // That the store was not asked: what it would be asked for, it cannot say.
    let other = Signers { named: vec![vendor.key.fingerprint; 2], unnamed: false };
    let package = "package.so".parse().unwrap();
    assert_refused!(
        bounded.keys.decide(bounded.org, &other, &package, ClockSkewAllowance::NONE).await,
        TrustError::Store(StoreError::Unavailable(_))
    );
    assert_eq!(ask(bounded, vendor, "package.so").await.unwrap(), Err(refusal));
    hide_keys(world, false).await;
}

async fn remembered_key_is_refused_at_the_moment_that_it_expires(world: World) {
    let vendor = world.vendor("acme").await;
    let mut bounded = Runner::bounded(&world, &vendor).await;
    bounded.org = world.org("operator").await;
    let end = soon();
    let key = &vendor.key.public_key;
    let trust = world.keys.trust_public_key(bounded.org, key, None, Some(end));
    let at = trust.await.unwrap().into_inner().expires_at.unwrap();

    assert_ends(&world, &bounded, &vendor, at, UntrustedReason::Expired { at }).await;
}

async fn remembered_grant_is_refused_at_the_moment_that_it_expires(world: World) {
    let vendor = world.vendor("acme").await;
    let mut bounded = Runner::bounded(&world, &vendor).await;
    bounded.org = world.org("operator").await;
    let scope = TrustLimits { packages: None, expires_at: Some(soon()) };
    let grant = world.keys.grant_trust(bounded.org, vendor.org, scope).await.unwrap();
    let at = grant.into_inner().expires_at.unwrap();

    let child_name = "acme".parse().unwrap();
    let refusal = UntrustedReason::GrantExpired { child_name, at };
    assert_ends(&world, &bounded, &vendor, at, refusal).await;
}

async fn remembered_grant_for_one_package_does_not_answer_for_another(world: World) {
    let vendor = world.vendor("acme").await;
    let mut bounded = Runner::bounded(&world, &vendor).await;
    bounded.org = world.org("operator").await;
    let packages = r#"["package.so"]"#.parse().unwrap();
    let scope = TrustLimits { packages: Some(packages), expires_at: None };
    world.keys.grant_trust(bounded.org, vendor.org, scope).await.unwrap();
    bounded.remembers(&world, true).await;

    let other = ask(&bounded, &vendor, "other.so").await.unwrap();
    assert!(matches!(other, Err(UntrustedReason::OtherPackages { .. })), "{other:?}");
    assert_eq!(ask(&bounded, &vendor, "package.so").await.unwrap(), Ok(()));

    bounded.remembers(&world, true).await;
    hide_keys(&world, true).await;
    // Its grant is known, and so are all floors.
    let third = ask(&bounded, &vendor, "third.so").await.unwrap();
    assert!(matches!(third, Err(UntrustedReason::OtherPackages { .. })), "{third:?}");
    assert_eq!(ask(&bounded, &vendor, "package.so").await.unwrap(), Ok(()));
    hide_keys(&world, false).await;
}
