//! What cloacina's runner runs.

use adopter_cloacina::verified_runner;
use cloacina::Context;
use cloacina::executor::WorkflowExecutor;
use cloacina::registry::RegistryReconciler;
use cloacina::{DefaultRunner, executor::WorkflowStatus};
use tokio::sync::watch;

use crate::world::World;

async fn runner(world: &World) -> (DefaultRunner, RegistryReconciler) {
    let (_shutdown, stopped) = watch::channel(false);
    verified_runner(&world.url(), world.verifier().await, stopped).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_workflow_runs() {
    let world = World::signed().await;
    let (runner, reconciler) = runner(&world).await;
    reconciler.reconcile().await.unwrap();
    let result = runner.execute("etl", Context::new()).await.unwrap();
    assert!(matches!(result.status, WorkflowStatus::Completed), "{:?}", result.error_message);
    assert_eq!(result.final_context.get("extracted"), Some(&true.into()));
    runner.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_workflow_is_not_there_to_run() {
    let world = World::unsigned().await;
    let (runner, reconciler) = runner(&world).await;
    reconciler.reconcile().await.unwrap();
    runner.execute("etl", Context::new()).await.unwrap_err();
    runner.shutdown().await.unwrap();
}
