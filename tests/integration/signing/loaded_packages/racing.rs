//! Packages that are loaded while trust in them ends.

use signing_loader::{FollowError, GateError, PackageError};

use super::host::{Host, is_open, sign_beside};
use crate::support::{SOON, World, on_both_backends, until};

on_both_backends! {
    no_package_that_is_loaded_during_a_revocation_stays_open,
}

async fn no_package_that_is_loaded_during_a_revocation_stays_open(world: World) {
    const PACKAGES: usize = 16;

    let host = Host::gate(&world).await;
    let other = world.key(host.vendor.org, "other").await;
    world.trust(host.vendor.org, &other).await;
    let kept = host.load_signed_by(&world, "libkept.so", &other).await;
    let mut paths = Vec::new();
    for number in 0..PACKAGES {
        paths.push(sign_beside(&world, &format!("lib{number}.so"), &host.vendor.key).await);
    }
    let loads: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let loaded = host.loaded.clone();
            tokio::spawn(async move { loaded.load(path).await })
        })
        .collect();
    world.keys.revoke_trusted_key(host.vendor.trusted.id).await.unwrap();
    for load in loads {
        match load.await.unwrap() {
            // Decided about before the revocation.
            Ok(_) => {}
            Err(FollowError::Package(PackageError::Verification(_))) => {}
            Err(FollowError::Gate(GateError::NoLongerTrusted { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let closed = async || {
        let packages = host.loaded.packages();
        packages.iter().filter(|package| is_open(package)).count() == 1
    };
    until(SOON, "all gates but one close", closed).await;
    assert!(is_open(&kept));
}
