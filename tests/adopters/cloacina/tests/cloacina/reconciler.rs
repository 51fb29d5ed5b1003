//! What cloacina's reconciler loads.

use std::sync::Arc;

use cloacina::Runtime;
use cloacina::registry::{ReconcilerConfig, RegistryReconciler, WorkflowRegistry};
use signing_loader::{PackageDigest, SigningKey};
use tokio::sync::watch;

use crate::world::{ARCHIVE, LIBRARY, VERSION, World, other_build};

/// Asserts that one reconciliation loads the package, which has one task.
async fn assert_loaded(world: &World, registry: impl WorkflowRegistry + 'static) {
    let (failed, tasks) = reconcile(world, registry, ReconcilerConfig::default()).await;
    assert_eq!((failed, tasks), (None, vec![1]));
}

/// Asserts that one reconciliation loads nothing, because `name` is refused for `reason`.
async fn assert_not_loaded(world: &World, name: &str, reason: &str) {
    let registry = world.verified_registry().await;
    let (failed, tasks) = reconcile(world, registry, ReconcilerConfig::default()).await;
    assert!(tasks.is_empty(), "{tasks:?}");
    let failed = failed.unwrap();
    assert!(failed.contains(&format!("{name} is refused: {reason}")), "{failed}");
}

/// Why the package was not loaded, and how many tasks each loaded package has.
async fn reconcile(
    world: &World,
    registry: impl WorkflowRegistry + 'static,
    config: ReconcilerConfig,
) -> (Option<String>, Vec<usize>) {
    let (_shutdown, stopped) = watch::channel(false);
    let reconciler = RegistryReconciler::new(Arc::new(registry), config, stopped).unwrap();
    let reconciler = reconciler.with_runtime(Arc::new(Runtime::empty()));
    let mut failed = reconciler.reconcile().await.unwrap().packages_failed;
    assert!(failed.iter().all(|(package, _)| *package == world.package));
    let loaded = reconciler.get_status().await.package_details;
    (failed.pop().map(|(_, why)| why), loaded.iter().map(|package| package.task_count).collect())
}

#[tokio::test]
async fn signed_package_is_loaded() {
    let world = World::signed().await;
    assert_loaded(&world, world.verified_registry().await).await;
}

#[tokio::test]
async fn package_without_signatures_is_not_loaded() {
    let world = World::unsigned().await;
    assert_not_loaded(&world, ARCHIVE, "there is no signature").await;
}

#[tokio::test]
async fn library_without_a_signature_is_not_loaded() {
    let world = World::unsigned().await;
    world.sign(ARCHIVE, VERSION, &world.archive, &world.release).await;
    assert_not_loaded(&world, LIBRARY, "there is no signature").await;
}

#[tokio::test]
async fn package_that_an_untrusted_key_has_signed_is_not_loaded() {
    let world = World::unsigned().await;
    world.sign_package(&SigningKey::generate().unwrap()).await;
    assert_not_loaded(&world, ARCHIVE, "the signer").await;
}

#[tokio::test]
async fn package_whose_key_is_revoked_is_not_loaded() {
    let world = World::signed().await;
    world.revoke().await;
    assert_not_loaded(&world, ARCHIVE, "the signer").await;
}

#[tokio::test]
async fn tampered_library_is_not_loaded() {
    let world = World::signed().await;
    world.replace_library(&other_build(&world.library)).await;
    assert_not_loaded(&world, LIBRARY, "there is no signature").await;
}

#[tokio::test]
async fn library_of_another_package_is_not_loaded() {
    let world = World::signed().await;
    let other = other_build(&world.library);
    world.sign("other.so", VERSION, &other, &world.release).await;
    world.replace_library(&other).await;
    assert_not_loaded(&world, LIBRARY, "the package was signed as \"other.so\"").await;
}

/// What cloacina does by itself, so that the tests above refuse something that would run.
#[tokio::test]
async fn without_verification_the_same_library_is_loaded() {
    let world = World::unsigned().await;
    world.replace_library(&other_build(&world.library)).await;
    assert_loaded(&world, world.registry()).await;
}

/// What the guide says of cloacina's own check: it asks only whether its table has a signature of
/// the archive.
#[tokio::test]
async fn cloacinas_own_check_accepts_any_row_and_any_library() {
    let world = World::unsigned().await;
    world.replace_library(&other_build(&world.library)).await;
    let config = ReconcilerConfig { require_signatures: true, ..Default::default() };
    let (failed, tasks) = reconcile(&world, world.registry(), config.clone()).await;
    assert!(failed.unwrap().contains("no signature row present") && tasks.is_empty());
    let digest = PackageDigest::of_reader(&*world.archive).unwrap().digest;
    world.insert_false_signature(&digest.to_string()).await;
    assert_eq!(reconcile(&world, world.registry(), config).await, (None, vec![1]));
}

/// cloacina loads the library for the target of the host, if there is one, in the place of the
/// package's own.
#[tokio::test]
async fn library_for_this_target_is_loaded_only_if_it_is_signed() {
    let world = World::signed().await;
    let (other, target) =
        (other_build(&world.library), cloacina::fleet::protocol::host_target_triple());
    let dal = world.dal();
    let packages = dal.workflow_packages();
    let insert = packages.upsert_artifact("etl", VERSION, None, &target, "", other.clone());
    insert.await.unwrap();
    assert_not_loaded(&world, LIBRARY, "there is no signature").await;
    world.sign(LIBRARY, VERSION, &other, &world.release).await;
    assert_loaded(&world, world.verified_registry().await).await;
}
