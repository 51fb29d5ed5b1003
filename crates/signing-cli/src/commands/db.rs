use serde_json::json;
use signing_trust::store::{SchemaStatus, Store};

use crate::cli::Db;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::output::{Report, printable};

pub(super) fn run(context: &Context, command: Db) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Db::Migrate => migrate(context).await,
            Db::Status => status(context).await,
        }
    })
}

async fn migrate(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let place = printable(&url.to_string());
    let (_, applied) = Store::migrate(&url).await?;
    let text = match applied.len() {
        0 => format!("{place} is up to date"),
        _ => format!("applied {} to {place}", applied.join(", ")),
    };
    Ok(Report::new(text, json!({ "database": url.to_string(), "applied": applied })))
}

async fn status(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let store = Store::open(&url).await?;
    let state = store.state().await?;
    let schema = match store.schema_status().await? {
        SchemaStatus::Current => "current",
        _ => "changed meanwhile",
    };
    let kek = state.kek_id.map(|id| id.to_string());
    let text = format!(
        "database     {}\nstore        {}\ntables       {schema}\ntrust epoch  {}\nKEK          {}",
        printable(&url.to_string()),
        state.store_id,
        state.trust_epoch,
        kek.as_deref().unwrap_or("none yet"),
    );
    let json = json!({
        "database": url.to_string(),
        "store_id": state.store_id.to_string(),
        "schema": schema,
        "trust_epoch": state.trust_epoch,
        "kek_id": kek,
    });
    Ok(Report::new(text, json))
}
