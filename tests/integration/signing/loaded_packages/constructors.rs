//! The runtime of a program while the constructors of a package run.

use std::thread;

use signing_loader::{LoadedPackages, Standing};
use tokio::runtime::Builder;

use super::host::{LIMIT, is_open, verifier};
use super::racing::sign_slow_package;
use crate::support::{SOON, World, until, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    constructor_may_wait_for_what_a_runtime_with_one_thread_does,
    package_whose_load_nobody_waits_for_is_followed,
}

async fn constructor_may_wait_for_what_a_runtime_with_one_thread_does(world: World) {
    let vendor = world.vendor("acme").await;
    let path = sign_slow_package(&world, &vendor).await;
    let verifier = verifier(&world, vendor.org).await;
    let program = thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let package = verifier.verify(path).await.unwrap();
            let answer = async {
                until(SOON, "the constructor runs", async || world.path("begun").exists()).await;
                world.file("goes-on", b"");
            };
            let (loaded, ()) = tokio::join!(package.load(), answer);
            loaded.map(drop)
        })
    });
    tokio::task::spawn_blocking(|| program.join().unwrap()).await.unwrap().unwrap();
}

async fn package_whose_load_nobody_waits_for_is_followed(world: World) {
    let vendor = world.vendor("acme").await;
    let path = sign_slow_package(&world, &vendor).await;
    let loaded = LoadedPackages::gate(&verifier(&world, vendor.org).await, *LIMIT).unwrap();
    let caller = tokio::spawn({
        let loaded = loaded.clone();
        async move { loaded.load(path).await.map(drop) }
    });
    until(SOON, "the constructor runs", async || world.path("begun").exists()).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(loaded.packages().len(), 0);

    world.file("goes-on", b"");
    until(SOON, "the package is followed", async || !loaded.packages().is_empty()).await;
    let [package] = &loaded.packages()[..] else { panic!("{:?}", loaded.packages()) };
    until(SOON, "the gate opens", async || is_open(package)).await;
    assert!(matches!(package.standing(), Standing::Trusted { .. }));
}
