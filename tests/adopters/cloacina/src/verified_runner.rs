use std::error::Error;
use std::sync::Arc;

use cloacina::dal::UnifiedRegistryStorage;
use cloacina::registry::{ReconcilerConfig, RegistryReconciler};
use cloacina::{DefaultRunner, DefaultRunnerConfig};
use signing_loader::{Online, Verifier};
use tokio::sync::watch;

use crate::verified_registry::VerifiedRegistry;

/// cloacina's runner, and a reconciler for it that loads only verified packages: spawn its
/// `start_reconciliation_loop`.
///
/// # Errors
///
/// What cloacina cannot do with the database at `url`.
pub async fn verified_runner(
    url: &str,
    verifier: Verifier<Online>,
    shutdown: watch::Receiver<bool>,
) -> Result<(DefaultRunner, RegistryReconciler), Box<dyn Error>> {
    // The runner's own reconciler has a registry of its own, which nobody else can wrap.
    let config = DefaultRunnerConfig::builder().enable_registry_reconciler(false).build()?;
    let runner = DefaultRunner::with_config(url, config).await?;
    let storage = UnifiedRegistryStorage::new(runner.database().clone());
    let registry = VerifiedRegistry::new(runner.dal().try_workflow_registry(storage)?, verifier);
    let config = ReconcilerConfig::default();
    let reconciler = RegistryReconciler::new(Arc::new(registry), config, shutdown)?;
    let reconciler = reconciler.with_runtime(runner.runtime());
    Ok((runner, reconciler))
}
