use serde_json::json;
use signing_trust::store::{RoleLimits, RoleName, RolePurpose, SchemaStatus, Store};

use crate::cli::{Db, Purpose};
use crate::context::{Context, block_on, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};

pub(super) fn run(context: &Context, command: Db) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Db::Migrate => migrate(context).await,
            Db::Status => status(context).await,
            Db::Grants { role, purpose, org, connections, without_limits, apply } => {
                let purpose = self::purpose(context, purpose, org.as_deref()).await?;
                let limits = match connections {
                    Some(connections) => RoleLimits::Connections(connections),
                    None if without_limits => RoleLimits::Unchanged,
                    None => RoleLimits::OfPurpose,
                };
                grants(context, &role.parse()?, purpose, limits, apply).await
            }
        }
    })
}

async fn migrate(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let (_, applied) = Store::migrate(&url).await?;
    let text = match applied.len() {
        0 => format!("{url} is up to date"),
        _ => format!("applied {} to {url}", applied.join(", ")),
    };
    Ok(Report::told(text, json!({ "database": url.to_string(), "applied": applied })))
}

async fn status(context: &Context) -> Result<Report, CliError> {
    let url = context.database_url()?;
    let store = Store::open_read_only(&url).await?;
    let state = store.state().await?;
    let schema = match store.schema_status().await? {
        SchemaStatus::Current => "current",
        _ => "changed meanwhile",
    };
    let kek = state.kek_id.map(|id| id.to_string());
    let mut text = Lines::from(format!("database     {url}"));
    text.push(format!("store        {}", state.store_id));
    text.push(format!("tables       {schema}"));
    text.push(format!("trust epoch  {}", state.trust_epoch));
    text.push(format!("KEK          {}", kek.as_deref().unwrap_or("none yet")));
    let json = json!({
        "database": url.to_string(),
        "store_id": state.store_id.to_string(),
        "schema": schema,
        "trust_epoch": state.trust_epoch,
        "kek_id": kek,
    });
    Ok(Report::shown(text, json))
}

async fn grants(
    context: &Context,
    role: &RoleName,
    purpose: RolePurpose,
    limits: RoleLimits,
    apply: bool,
) -> Result<Report, CliError> {
    let json = json!({ "role": role.as_str(), "sql": purpose.sql(role, limits), "applied": apply });
    let mut text = Lines::new();
    if apply {
        let url = context.database_url()?;
        Store::open(&url).await?.grant_role(purpose, role, limits).await?;
        text.push(format!("{role} has these rights now, and no others:"));
    }
    text.extend(purpose.statements(role, limits));
    Ok(match apply {
        true => Report::told(text, json),
        false => Report::shown(text, json),
    })
}

async fn purpose(
    context: &Context,
    purpose: Purpose,
    org: Option<&str>,
) -> Result<RolePurpose, CliError> {
    Ok(match purpose {
        Purpose::Runner => RolePurpose::Runner,
        Purpose::Admin => RolePurpose::Admin,
        Purpose::Signer => {
            let keys = context.keys().await?;
            RolePurpose::Signer(organization(&keys, org.unwrap_or_default()).await?.id)
        }
    })
}
