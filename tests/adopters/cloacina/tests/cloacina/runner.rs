//! What cloacina's runner runs.

use adopter_cloacina::verified_runner;
use cloacina::executor::{WorkflowExecutor, WorkflowStatus};
use cloacina::registry::RegistryReconciler;
use cloacina::{Context, DefaultRunner};
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
    let error = runner.execute("etl", Context::new()).await.unwrap_err();
    assert!(error.to_string().ends_with("Workflow not found in registry: etl"), "{error}");
    runner.shutdown().await.unwrap();
}
