//! A key that is revoked while a use of its package waits for one of the runtime's threads.

use std::sync::mpsc;
use std::thread;

use signing_loader::{Online, PackageError, VerificationError, VerifiedPackage};
use signing_trust::UntrustedReason;
use signing_trust::store::Revocation;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::{Target, refused};
use crate::support::{World, assert_refused, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    key_revoked_while_a_load_waits_is_rejected,
    key_revoked_while_a_read_waits_is_rejected,
    read_that_had_to_wait_is_answered,
}

with_a_canary_on_both_backends! {
    Sings:
    load_that_had_to_wait_is_done,
}

/// The result of a use that has to wait until `change` has happened.
async fn used_after<T: Send + 'static>(
    change: impl Future<Output = ()>,
    package: VerifiedPackage<Online>,
    use_it: impl AsyncFnOnce(VerifiedPackage<Online>) -> Result<T, PackageError> + Send + 'static,
) -> Result<T, PackageError> {
    let (tell, waits) = oneshot::channel();
    let (changed, has_changed) = mpsc::channel::<()>();
    let program = thread::spawn(move || {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        runtime.spawn_blocking(move || has_changed.recv());
        let use_it = async { tokio::join!(use_it(package), async { tell.send(()).unwrap() }).0 };
        runtime.block_on(use_it)
    });
    waits.await.unwrap();
    change.await;
    drop(changed);
    spawn_blocking(|| program.join().unwrap()).await.unwrap()
}

async fn load(package: VerifiedPackage<Online>) -> Result<(), PackageError> {
    package.load().await.map(drop)
}

async fn read(package: VerifiedPackage<Online>) -> Result<(), PackageError> {
    package.as_bytes().await.map(drop)
}

/// The same for the hostile library, whose trust `change` may end.
async fn target_used_after(
    world: &World,
    change: impl AsyncFnOnce(&World, &Target),
    use_it: impl AsyncFnOnce(VerifiedPackage<Online>) -> Result<(), PackageError> + Send + 'static,
) -> Result<(), PackageError> {
    let target = Target::new(world).await;
    let package = world.verify(&target.path, target.org, target.memory()).await.unwrap();
    used_after(change(world, &target), package, use_it).await
}

async fn revoke(world: &World, target: &Target) {
    let revocation = Revocation::retired();
    world.keys.revoke_trusted_key(target.trusted.id, revocation).await.unwrap();
}

async fn nothing(_: &World, _: &Target) {}

fn assert_revoked(outcome: Result<(), PackageError>) {
    assert_refused!(
        Err::<(), _>(refused(outcome)),
        VerificationError::UntrustedSigner { reason: UntrustedReason::Revoked { .. }, .. }
    );
}

async fn key_revoked_while_a_load_waits_is_rejected(world: World) {
    assert_revoked(target_used_after(&world, revoke, load).await);
}

async fn key_revoked_while_a_read_waits_is_rejected(world: World) {
    assert_revoked(target_used_after(&world, revoke, read).await);
}

async fn read_that_had_to_wait_is_answered(world: World) {
    target_used_after(&world, nothing, read).await.unwrap();
}

async fn load_that_had_to_wait_is_done(world: World) {
    target_used_after(&world, nothing, load).await.unwrap();
}
