mod grants;

use serde::Serialize;
use signing_crypto::{KekId, StoreId};
use signing_trust::store::{SchemaStatus, Store, StoreReader};

use crate::cli::Db;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::view::{View, json_documents};

pub(super) fn run(context: &Context, command: Db) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Db::Migrate => migrate(context).await,
            Db::Status => status(context).await,
            Db::Grants(grants) => grants::run(context, grants).await,
        }
    })
}

async fn migrate(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let (_, applied) = Store::migrate(&url).await?;
    context.note_default_store(&url);
    Ok(Report::done(&MigrationView { database: url.to_string(), applied }))
}

async fn status(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let store = StoreReader::open(&url).await?;
    let state = store.state().await?;
    let schema = match store.schema_status().await? {
        SchemaStatus::Current => "current",
        _ => "changed since",
    };
    Ok(Report::requested(&StatusView {
        database: url.to_string(),
        store_id: state.store_id,
        schema,
        trust_epoch: state.trust_epoch,
        kek_id: state.kek_id,
    }))
}

json_documents! {
    "db migrate": MigrationView,
    "db status": StatusView,
    "db grants": grants::GrantsView,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MigrationView {
    database: String,
    applied: Vec<&'static str>,
}

impl View for MigrationView {
    fn text(&self) -> Lines {
        Lines::from(match self.applied.is_empty() {
            true => format!("{} is up to date", self.database),
            false => format!("applied {} to {}", self.applied.join(", "), self.database),
        })
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StatusView {
    database: String,
    store_id: StoreId,
    schema: &'static str,
    trust_epoch: i64,
    kek_id: Option<KekId>,
}

impl View for StatusView {
    fn text(&self) -> Lines {
        let kek = self.kek_id.map_or_else(|| "none yet".into(), |id| id.to_string());
        let mut text = Lines::from(format!("database     {}", self.database));
        text.push(format!("store        {}", self.store_id));
        text.push(format!("tables       {}", self.schema));
        text.push(format!("trust epoch  {}", self.trust_epoch));
        text.push(format!("KEK id       {kek}"));
        text
    }
}
