//! A server that cannot be reached any more, or whose connections are cut.

use std::time::{Duration, Instant};

use signing_loader::{
    FollowedPackage, GateError, LoadedPackages, MaxStaleness, StoreReader, UntrustedReason,
    Verifier,
};
use signing_trust::store::{OrganizationRef, Revocation};

use super::host::{LIMIT, STALENESS, is_open, refusal, sign_beside, untrusted_reason};
use crate::support::{Backend, Flow, LONG, Proxy, SOON, Vendor, World, run, until};

/// Longer than it takes to connect again.
const BACK: Duration = Duration::from_secs(40);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

/// A program whose way to the server leads through the proxy.
async fn host(
    world: &World,
    proxy: &Proxy,
    vendor: &Vendor,
    limit: MaxStaleness,
) -> (LoadedPackages, FollowedPackage) {
    let store = StoreReader::open(&proxy.login().url("")).await.unwrap();
    let org = OrganizationRef::Id(vendor.org);
    let verifier = Verifier::organization(&store, org).await.unwrap();
    let loaded = LoadedPackages::gate(&verifier, limit).unwrap();
    let path = sign_beside(world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(path).await.unwrap();
    assert!(is_open(&package));
    (loaded, package)
}

/// The connections are gone, or stay and carry nothing. Nothing is revoked meanwhile, or the
/// package's key is.
async fn is_cut_off(world: World, flow: Flow, revokes: bool) {
    let vendor = world.vendor("acme").await;
    let proxy = Proxy::to(world.database.login()).await;
    let (_loaded, package) = host(&world, &proxy, &vendor, *LIMIT).await;

    proxy.set(flow);
    let cut = Instant::now();
    if revokes {
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    }
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    let took = cut.elapsed();
    assert!(took < STALENESS + SLACK, "{took:?}");
    let refused = refusal(&package);
    assert!(matches!(refused, GateError::Stale { .. }), "{refused:?}");

    proxy.set(Flow::Open);
    if revokes {
        let refused = async || matches!(refusal(&package), GateError::NoLongerTrusted { .. });
        until(BACK, "it is refused", refused).await;
        let reason = untrusted_reason(&package);
        assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    } else {
        until(BACK, "the gate opens", async || is_open(&package)).await;
    }
}

macro_rules! cut_off {
    ($($claim:ident: $flow:ident, $revokes:literal;)*) => {$(
        #[test]
        #[ignore = "needs Postgres: cargo xtask test-db"]
        fn $claim() {
            run(Backend::Postgres, async |world: World| {
                is_cut_off(world, Flow::$flow, $revokes).await;
            });
        }
    )*};
}

cut_off! {
    server_that_is_frozen_closes_the_gate_until_it_answers: Frozen, false;
    server_that_is_cut_off_closes_the_gate_until_it_is_back: Cut, false;
    revocation_while_the_server_is_frozen_keeps_the_gate_closed: Frozen, true;
    revocation_while_the_server_is_cut_off_keeps_the_gate_closed: Cut, true;
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn revocation_while_the_listener_is_cut_off_closes_the_gate_soon() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let proxy = Proxy::to(world.database.login()).await;
        let (_loaded, package) =
            host(&world, &proxy, &vendor, MaxStaleness::new(LONG).unwrap()).await;
        for _ in 0..3 {
            assert_eq!(world.database.cut_listeners().await, 1);
            world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
            until(SOON, "the gate closes", async || !is_open(&package)).await;
            let note = "a mistake".parse().unwrap();
            world.keys.reinstate_trusted_key(vendor.trusted.id, &note).await.unwrap();
            until(SOON, "the gate opens", async || is_open(&package)).await;
        }
    });
}
