//! The threads that follow trust, and the program that they follow it for.

use std::fs;
use std::sync::mpsc;
use std::thread;

use signing_loader::{FollowError, GateError, LoadedPackages, Standing};
use signing_trust::store::Revocation;
use tokio::runtime::Builder;

use super::host::{Host, LIMIT, is_open, refusal, sign_beside, verifier};
use crate::support::{SOON, World, on_both_backends, until, with_a_canary_on_both_backends};

on_both_backends! {
    program_whose_runtime_is_blocked_does_not_hold_the_gate_open,
    program_whose_runtime_has_ended_does_not_hold_the_gate_open,
    gates_close_when_nobody_follows_any_more,
    function_that_panics_ends_the_following,
}

with_a_canary_on_both_backends! {
    IsSilent:
    threads_end_with_the_last_handle,
}

async fn program_whose_runtime_is_blocked_does_not_hold_the_gate_open(world: World) {
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, vendor.org).await;
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let (send, receive) = tokio::sync::oneshot::channel();
    let (unblock, blocked) = mpsc::channel();
    let program = thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let loaded = LoadedPackages::gate(&verifier, *LIMIT).unwrap();
            send.send(loaded.load(path).await.unwrap()).unwrap();
            // Nothing else runs in this runtime from here on.
            blocked.recv().unwrap();
        });
    });
    let package = receive.await.unwrap();
    assert!(is_open(&package));
    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    assert!(matches!(refusal(&package), GateError::NoLongerTrusted { .. }));
    unblock.send(()).unwrap();
    program.join().unwrap();
}

async fn program_whose_runtime_has_ended_does_not_hold_the_gate_open(world: World) {
    let vendor = world.vendor("acme").await;
    let url = world.database.url();
    let org = vendor.org;
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let program = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = signing_loader::StoreReader::open(&url).await.unwrap();
            let org = signing_trust::store::OrganizationRef::Id(org);
            let verifier = signing_loader::Verifier::organization(&store, org).await.unwrap();
            let loaded = LoadedPackages::gate(&verifier, *LIMIT).unwrap();
            let package = loaded.load(path).await.unwrap();
            (loaded, package)
        })
    });
    let (_loaded, package) = tokio::task::spawn_blocking(|| program.join().unwrap()).await.unwrap();
    assert!(is_open(&package));
    let row = vendor.trusted.id;
    world.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    world.keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
    until(SOON, "the gate opens", async || is_open(&package)).await;
}

async fn gates_close_when_nobody_follows_any_more(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    let clone = host.loaded.clone();
    drop(host);
    assert!(is_open(&package));
    drop(clone);
    assert!(matches!(refusal(&package), GateError::NotFollowed));
    assert_eq!(refusal(&package).code(), "TrustNotFollowed");
    assert!(matches!(package.standing(), Standing::NotFollowed));
    package.drained().await;
}

async fn function_that_panics_ends_the_following(world: World) {
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, vendor.org).await;
    let panics = |_: &_| panic!("the test's own panic");
    let loaded = LoadedPackages::call_back(&verifier, *LIMIT, panics).unwrap();
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(&*path).await.unwrap();
    let row = vendor.trusted.id;
    world.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    until(SOON, "nothing is followed", async || {
        matches!(package.standing(), Standing::NotFollowed)
    })
    .await;
    world.keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
    let refused = loaded.load(path).await;
    assert!(matches!(refused, Err(FollowError::Gate(GateError::NotFollowed))), "{refused:?}");
}

/// The names of this process' threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let mut names: Vec<_> = tasks.filter_map(|task| name(task.unwrap())).collect();
    names.retain(|name| name.starts_with("trust-"));
    names.sort();
    names
}

async fn threads_end_with_the_last_handle(world: World) {
    assert!(threads().is_empty());
    let vendor = world.vendor("acme").await;
    let verifier = verifier(&world, vendor.org).await;
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    for _ in 0..3 {
        let loaded = LoadedPackages::gate(&verifier, *LIMIT).unwrap();
        loaded.load(&*path).await.unwrap();
        // A thread has the name of the one that starts it until it is given its own.
        until(SOON, "two threads follow", async || {
            threads() == ["trust-follower\n", "trust-watchdog\n"]
        })
        .await;
        drop(loaded);
        until(SOON, "the threads end", async || threads().is_empty()).await;
    }
}
