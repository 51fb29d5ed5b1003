//! A server that stands still: connections stay, and nothing is answered.

use std::time::{Duration, Instant};

use signing_trust::Freshness;
use signing_trust::store::Revocation;
use tokio::time::sleep_until;

use super::{OPERATION, assert_not_confirmed, assert_undecided, elapsed, until_reached};
use crate::support::{OwnServer, Runner, World, run_alone, until};

/// Much shorter than an operation may take.
const BOUND: Duration = Duration::from_millis(1500);

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn paused_server_decides_nothing_beyond_the_bound_and_is_taken_up_again() {
    run_alone(async |server: OwnServer, world: World| {
        let vendor = world.vendor("acme").await;
        let strict = Runner::strict(&world, &vendor).await;
        let url = world.database.url();
        let bounded = Runner::start(&url, vendor.org, &vendor, Freshness::Bounded(BOUND)).await;
        bounded.remembers(&world, true).await;
        assert!(strict.decide().await.unwrap());

        let pause = server.pause();
        let paused = Instant::now();
        // The last heartbeat was answered a third of the bound ago, or less.
        assert!(bounded.decide().await.unwrap());
        let beyond = async {
            sleep_until((paused + BOUND + Duration::from_millis(50)).into()).await;
            assert_undecided(&bounded, &server).await;
        };
        let change = world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired());
        let (((), took), (), _) = tokio::join!(
            elapsed(assert_undecided(&strict, &server)),
            beyond,
            assert_not_confirmed(change, &server),
        );
        assert!(took < OPERATION, "{took:?}");
        drop(pause);

        // By the pools that they have. The change may have been made or not by now:
        // nobody was told, so it is asked for again.
        until_reached(&world.store).await;
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        for runner in [&strict, &bounded] {
            until(OPERATION, "it decides again", async || runner.decide().await.is_ok()).await;
        }
        assert!(!strict.decide().await.unwrap());
        bounded.refuses_within(BOUND).await;
        bounded.remembers(&world, false).await;
    });
}
