//! A server that cannot be reached any more: then what is remembered ends in time.

use std::time::{Duration, Instant};

use signing_trust::store::Revocation;
use signing_trust::{Freshness, TrustError, TrustLimits};
use tokio::time::{sleep, sleep_until, timeout};

use crate::support::{
    Backend, Flow, LONG, Proxy, Runner, SOON, Vendor, World, is_away, run, until,
};

/// Longer than the store lets any operation take.
const OPERATION: Duration = Duration::from_secs(40);

async fn through(proxy: &Proxy, vendor: &Vendor, freshness: Freshness) -> Runner {
    Runner::start(&proxy.login().url(""), vendor.org, vendor, freshness).await
}

/// Asserts that it says in time that it cannot know.
async fn assert_undecided(runner: &Runner) {
    let decided = timeout(OPERATION, runner.decide()).await.unwrap();
    assert!(matches!(&decided, Err(TrustError::Store(error)) if is_away(error)), "{decided:?}");
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn revocation_while_the_listener_is_cut_off_is_known_at_once() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let operator = world.org("operator").await;
        let mut bounded = Runner::bounded(&world, &vendor).await;
        bounded.org = operator;
        for _ in 0..3 {
            world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
            bounded.remembers(&world, true).await;

            assert_eq!(world.database.cut_listeners().await, 1);
            world.keys.revoke_trust(operator, vendor.org).await.unwrap();

            bounded.refuses_within(SOON).await;
            bounded.remembers(&world, false).await;
        }
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn frozen_server_counts_until_the_bound_has_passed_and_no_longer() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let proxy = Proxy::to(world.database.login()).await;
        let bound = Duration::from_millis(1500);
        let bounded = through(&proxy, &vendor, Freshness::Bounded(bound)).await;
        bounded.remembers(&world, true).await;

        proxy.set(Flow::Frozen);
        let frozen = Instant::now();
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        // The last heartbeat was answered a third of the bound ago, or less.
        assert!(bounded.decide().await.unwrap());

        sleep_until((frozen + bound + Duration::from_millis(50)).into()).await;
        tokio::join!(
            assert_undecided(&bounded),
            assert_undecided(&bounded),
            assert_undecided(&bounded)
        );

        proxy.set(Flow::Open);
        until(OPERATION, "it decides again", async || {
            let decided = bounded.decide().await;
            assert!(!matches!(decided, Ok(true)), "{decided:?}");
            decided.is_ok()
        })
        .await;
        bounded.remembers(&world, false).await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn strict_decision_by_a_frozen_server_is_refused_in_time() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let proxy = Proxy::to(world.database.login()).await;
        let strict = through(&proxy, &vendor, Freshness::Strict).await;
        assert!(strict.decide().await.unwrap());

        proxy.set(Flow::Frozen);
        assert_undecided(&strict).await;

        proxy.set(Flow::Open);
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        until(OPERATION, "it decides again", async || {
            let decided = strict.decide().await;
            assert!(!matches!(decided, Ok(true)), "{decided:?}");
            decided.is_ok()
        })
        .await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_that_is_cut_off_decides_nothing_until_it_is_back() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let proxy = Proxy::to(world.database.login()).await;
        let bounded = through(&proxy, &vendor, Freshness::Bounded(LONG)).await;
        bounded.remembers(&world, true).await;

        proxy.set(Flow::Cut);
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();

        bounded.refuses_within(SOON).await;
        assert_undecided(&bounded).await;
        // Longer than it waits before it connects again.
        sleep(Duration::from_millis(1100)).await;
        assert_undecided(&bounded).await;

        proxy.set(Flow::Open);
        bounded.remembers(&world, false).await;
    });
}

/// Any role may notify.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn program_that_is_notified_without_end_asks_once_in_5_ms_at_most() {
    run(Backend::Postgres, async |world: World| {
        let mut watch = world.store.watch_trust().await.unwrap();
        let client = world.database.connect().await;
        let notifying = tokio::spawn(async move {
            loop {
                client.batch_execute("NOTIFY cloacina_trust").await.unwrap();
            }
        });
        let begun = Instant::now();
        for _ in 0..=100 {
            watch.changed().await.unwrap();
            watch.heartbeat().await.unwrap();
        }
        assert!(begun.elapsed() >= 100 * Duration::from_millis(5), "{:?}", begun.elapsed());
        notifying.abort();
    });
}
