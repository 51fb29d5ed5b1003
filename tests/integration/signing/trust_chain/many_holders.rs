//! A key that many organizations hold is decided about as one that few hold, though the
//! store looks for it in another way.

use signing_trust::UntrustedReason;
use signing_trust::store::Revocation;

use super::{grant, granted};
use crate::support::{World, on_both_backends};

on_both_backends! {
    key_is_decided_about_alike_however_many_hold_it,
}

async fn key_is_decided_about_alike_however_many_hold_it(world: World) {
    let vendor = world.vendor("vendor").await;
    let parent = world.org("parent").await;
    let stranger = world.org("stranger").await;
    let to_vendor = grant(&world, parent, vendor.org).await;
    let mut holders = vec![vendor.org];
    // A hundred is where the store begins to go through the grants.
    for number in [1, 98, 99, 100, 101, 102, 150] {
        while holders.len() < number {
            let holder = world.org(&format!("holder-{}", holders.len())).await;
            world.trust(holder, &vendor.key).await;
            holders.push(holder);
        }
        let by_grant = granted(&to_vendor, &vendor, "vendor");
        assert_eq!(world.verdict(parent, &vendor).await, by_grant, "{number} hold it");
        assert_eq!(world.verdict(vendor.org, &vendor).await, Ok(vendor.direct()));
        let unknown = Err(UntrustedReason::Unknown);
        assert_eq!(world.verdict(stranger, &vendor).await, unknown, "{number} hold it");
    }
    let last = *holders.last().unwrap();
    world.keys.deny_key(last, &vendor.key.fingerprint, None).await.unwrap();
    assert!(matches!(world.verdict(last, &vendor).await, Err(UntrustedReason::Revoked { .. })));
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    let by_child = world.verdict(parent, &vendor).await;
    assert!(matches!(by_child, Err(UntrustedReason::RevokedByChild { .. })), "{by_child:?}");
}
