//! A host on cloacina that runs workflows of verified packages until it is interrupted.

use std::env;
use std::error::Error;

use adopter_cloacina::verified_runner;
use signing_loader::{StoreReader, Verifier};
use tokio::signal;
use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = StoreReader::open(&env::var("CLOACINA_DATABASE_URL")?.parse()?).await?;
    let verifier = Verifier::organization(store, "acme".parse()?).await?;
    let (shutdown, stopped) = watch::channel(false);
    let (runner, reconciler) = verified_runner("sqlite://engine.db", verifier, stopped).await?;
    let reconciler = tokio::spawn(reconciler.start_reconciliation_loop());
    signal::ctrl_c().await?;
    shutdown.send(true)?;
    reconciler.await??;
    Ok(runner.shutdown().await?)
}
