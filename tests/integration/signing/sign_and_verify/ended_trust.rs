//! Trust that ends, in a key or in who trusts it.

use std::time::Duration;

use signing_loader::{ClockSkewAllowance, LoadError, PackageError};
use signing_trust::store::Revocation;
use signing_trust::{TrustLimits, UntrustedReason};

use crate::support::{Vendor, World, assert_refused, on_both_backends, untrusted};

on_both_backends! {
    trust_that_has_ended_counts_within_the_allowance_only,
    grant_that_has_ended_counts_within_the_allowance_only,
    package_verified_before_trust_ended_does_not_load_after_it,
    package_verified_within_the_allowance_loads_within_it,
}

fn minutes(minutes: u64) -> ClockSkewAllowance {
    ClockSkewAllowance::new(Duration::from_secs(60 * minutes)).unwrap()
}

impl World {
    /// Ends all trust with an end, two minutes ago. The store refuses to.
    async fn end(&self, table: &str) {
        let past = match self.database.is_sqlite() {
            true => "(unixepoch() - 120) * 1000000",
            false => "now() - interval '2 minutes'",
        };
        let sql = format!("UPDATE {table} SET expires_at = {past} WHERE expires_at IS NOT NULL");
        self.database.execute(&sql).await.unwrap();
    }

    async fn trust_for_a_while(&self, vendor: &Vendor) {
        let until = Some("2999-01-01T00:00:00Z".parse().unwrap());
        let key = &vendor.key.public_key;
        self.keys.trust_public_key(vendor.org, key, None, until).await.unwrap();
    }
}

async fn trust_that_has_ended_counts_within_the_allowance_only(mut world: World) {
    let vendor = world.vendor("acme").await;
    let parent = world.org("parent").await;
    world.keys.grant_trust(parent, vendor.org, TrustLimits::default()).await.unwrap();
    world.trust_for_a_while(&vendor).await;
    world.end("trusted_keys").await;
    let reason = async |world: &World, org| {
        let refused = world.verify(&vendor.package, org, vendor.memory()).await;
        untrusted(refused).1
    };

    for allowance in [ClockSkewAllowance::NONE, minutes(2)] {
        world.config.clock_skew_allowance = allowance;
        assert!(matches!(reason(&world, vendor.org).await, UntrustedReason::Expired { .. }));
        assert!(matches!(reason(&world, parent).await, UntrustedReason::ExpiredAtChild { .. }));
    }
    world.config.clock_skew_allowance = minutes(4);
    for org in [vendor.org, parent] {
        world.signer(&vendor.package, org, vendor.memory()).await;
    }
    // It is asked of trust that has ended only.
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    assert!(matches!(reason(&world, vendor.org).await, UntrustedReason::Revoked { .. }));
    assert!(matches!(reason(&world, parent).await, UntrustedReason::RevokedByChild { .. }));
}

async fn grant_that_has_ended_counts_within_the_allowance_only(mut world: World) {
    let vendor = world.vendor("acme").await;
    let parent = world.org("parent").await;
    let until = Some("2999-01-01T00:00:00Z".parse().unwrap());
    let scope = TrustLimits { packages: None, expires_at: until };
    world.keys.grant_trust(parent, vendor.org, scope).await.unwrap();
    world.end("trust_grants").await;

    world.config.clock_skew_allowance = minutes(2);
    let refused = world.verify(&vendor.package, parent, vendor.memory()).await;
    assert!(matches!(untrusted(refused).1, UntrustedReason::GrantExpired { .. }));
    world.config.clock_skew_allowance = minutes(4);
    world.signer(&vendor.package, parent, vendor.memory()).await;
}

async fn package_verified_before_trust_ended_does_not_load_after_it(world: World) {
    let vendor = world.vendor("acme").await;
    world.trust_for_a_while(&vendor).await;
    let held = world.verify(&vendor.package, vendor.org, vendor.memory()).await.unwrap();

    world.end("trusted_keys").await;

    let refused = held.load().await;
    assert!(matches!(untrusted(refused).1, UntrustedReason::Expired { .. }));
}

async fn package_verified_within_the_allowance_loads_within_it(mut world: World) {
    let vendor = world.vendor("acme").await;
    world.trust_for_a_while(&vendor).await;
    world.end("trusted_keys").await;
    world.config.clock_skew_allowance = minutes(4);

    let held = world.verify(&vendor.package, vendor.org, vendor.memory()).await.unwrap();

    // It is no library, so that only the dynamic linker refuses it.
    assert_refused!(held.load().await, PackageError::Load(LoadError::Library(_)));
}
