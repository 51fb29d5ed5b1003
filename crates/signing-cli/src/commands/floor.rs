use serde_json::{Value, json};
use signing_crypto::{PackageName, PackageVersion};
use signing_trust::store::{Change, OrganizationRecord};

use crate::cli::Floor;
use crate::context::{Context, block_on, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::time;

pub(super) fn run(context: &Context, command: Floor) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Floor::Set { org, name, floor } => {
                set(context, &org, &name, Some(floor.parse()?)).await
            }
            Floor::Unset { org, name } => set(context, &org, &name, None).await,
            Floor::List { org } => list(context, &org).await,
        }
    })
}

async fn set(
    context: &Context,
    org: &str,
    name: &str,
    floor: Option<PackageVersion>,
) -> Result<Report, CliError> {
    let name: PackageName = name.parse()?;
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, org).await?;
    let change = keys.set_version_floor(org.id, &name, floor.clone()).await?;
    let changed = matches!(change, Change::Made(_));
    let before = change.into_inner();
    let text = match &floor {
        Some(floor) => format!(
            "{} {} {name} from version {floor}",
            org.name,
            match changed {
                true => "now accepts",
                false => "already accepts",
            }
        ),
        None => format!(
            "{} {} every version of {name}",
            org.name,
            match changed {
                true => "accepts again",
                false => "already accepts",
            }
        ),
    };
    let text = match &before {
        Some(before) if changed => format!("{text}; before: from version {before}"),
        _ => text,
    };
    let mut document = floor_json(&org, &name, floor.as_ref());
    document["before"] = before.as_ref().map(PackageVersion::as_str).into();
    document["changed"] = changed.into();
    Ok(Report::told(text, document))
}

async fn list(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let mut text = Lines::new();
    let mut documents = Vec::new();
    for record in keys.list_version_floors(org.id).await? {
        let set_at = time::text(&record.set_at);
        text.push(format!("{}  {}  set {set_at}", record.package_name, record.floor));
        let mut document = floor_json(&org, &record.package_name, Some(&record.floor));
        document["set_at"] = set_at.into();
        documents.push(document);
    }
    Ok(Report::shown(text, Value::Array(documents)))
}

fn floor_json(
    org: &OrganizationRecord,
    name: &PackageName,
    floor: Option<&PackageVersion>,
) -> Value {
    json!({
        "org_id": org.id.to_string(),
        "package_name": name.as_str(),
        "floor": floor.map(PackageVersion::as_str),
    })
}
