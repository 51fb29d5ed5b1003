//! A process that was forked from a host, in which nothing follows trust.

#![expect(unsafe_code, reason = "only what is unsafe forks a process")]

use std::ffi::c_int;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rustix::process::{Pid, WaitOptions, waitpid};
use signing_loader::{FollowError, FollowedPackage, GateError, LoadedPackages, Standing};

use super::host::{Host, is_open};
use crate::support::{World, on_both_backends};

on_both_backends! {
    gate_is_closed_in_a_forked_process,
}

async fn gate_is_closed_in_a_forked_process(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    assert_eq!(in_a_child(|| enters(&package)), REFUSED);
    assert!(is_open(&package));
    // A call that is in flight when the process is forked lets no other one in.
    let call = package.enter().unwrap();
    assert_eq!(in_a_child(|| enters(&package)), REFUSED);
    drop(call);
    assert!(is_open(&package));
    // In a child of a child it is no other.
    assert_eq!(in_a_child(|| in_a_child(|| enters(&package))), REFUSED);
    let path = world.path("libworkflow.so");
    assert_eq!(in_a_child(|| loads(&host.loaded, &path)), REFUSED);
    let not_followed = || c_int::from(matches!(package.standing(), Standing::NotFollowed));
    assert_eq!((not_followed(), in_a_child(not_followed)), (0, 1));
}

const ENTERED: c_int = 1;
const REFUSED: c_int = 2;
const REFUSED_FOR_SOMETHING_ELSE: c_int = 3;

fn enters(package: &FollowedPackage) -> c_int {
    match package.enter() {
        Ok(_) => ENTERED,
        Err(GateError::Forked) => REFUSED,
        Err(_) => REFUSED_FOR_SOMETHING_ELSE,
    }
}

/// Whether a load is refused at once.
fn loads(loaded: &LoadedPackages, path: &Path) -> c_int {
    let load = pin!(loaded.load(path));
    match load.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(FollowError::Gate(GateError::Forked))) => REFUSED,
        Poll::Ready(Err(_)) => REFUSED_FOR_SOMETHING_ELSE,
        Poll::Ready(Ok(_)) | Poll::Pending => ENTERED,
    }
}

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
}

/// What `work` returns in a process that is forked from this one. This one has other threads,
/// which may have the allocator's lock: `work` may not allocate, nor wait for a lock.
fn in_a_child(work: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: What the child does from here on takes no lock.
    let id = unsafe { fork() };
    assert!(id >= 0, "no process can be forked");
    let Some(child) = Pid::from_raw(id) else {
        let status = work();
        // SAFETY: The child ends without running what was registered for its end.
        unsafe { _exit(status) }
    };
    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status().expect("the child exits by itself")
}
