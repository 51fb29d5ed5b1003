use serde_json::{Value, json};
use signing_trust::store::{Change, OrganizationRecord};

use crate::cli::{Grant, Orgs};
use crate::context::{Context, block_on, organization};
use crate::error::CliError;
use crate::output::Report;

pub(super) fn run(context: &Context, command: Orgs) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Orgs::Create { name } => create(context, &name).await,
            Orgs::List => list(context).await,
            Orgs::Delete { org } => delete(context, &org).await,
            Orgs::GrantTrust(grant) => grant_trust(context, &grant).await,
            Orgs::RevokeTrust(grant) => revoke_trust(context, &grant).await,
        }
    })
}

async fn create(context: &Context, name: &str) -> Result<Report, CliError> {
    let name = name.parse()?;
    let org = context.keys_in_new_or_old_store().await?.create_organization(name).await?;
    Ok(Report::new(format!("created {} ({})", org.name, org.id), org_json(&org)))
}

async fn list(context: &Context) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let orgs = keys.list_organizations().await?;
    let mut text = String::new();
    let mut documents = Vec::new();
    for org in &orgs {
        let grants = keys.list_grants(org.id).await?;
        let accepts: Vec<_> =
            grants.iter().filter_map(|grant| name_of(&orgs, grant.child_org_id)).collect();
        text += &format!("{}  {}", org.id, org.name);
        if !accepts.is_empty() {
            text += &format!("  accepts {}", accepts.join(", "));
        }
        text.push('\n');
        let mut document = org_json(org);
        document["accepts"] = accepts.into();
        documents.push(document);
    }
    Ok(Report::new(text, Value::Array(documents)))
}

async fn delete(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    keys.delete_organization(org.id).await?;
    let text =
        format!("deleted {} ({}): it trusts nothing and passes no trust on", org.name, org.id);
    Ok(Report::new(text, org_json(&org)))
}

async fn grant_trust(context: &Context, grant: &Grant) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let (done, changed) = match keys.grant_trust(parent.id, child.id).await? {
        Change::Made(_) => ("now accepts", true),
        Change::AlreadySo(_) => ("already accepts", false),
    };
    let text = format!("{} {done} the keys that {} trusts directly", parent.name, child.name);
    Ok(Report::new(text, grant_json(&parent, &child, changed)))
}

async fn revoke_trust(context: &Context, grant: &Grant) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let (done, changed) = match keys.revoke_trust(parent.id, child.id).await? {
        Change::Made(_) => ("no longer accepts", true),
        Change::AlreadySo(_) => ("did not accept", false),
    };
    let text = format!("{} {done} keys through {}", parent.name, child.name);
    Ok(Report::new(text, grant_json(&parent, &child, changed)))
}

fn name_of(orgs: &[OrganizationRecord], id: signing_crypto::OrgId) -> Option<String> {
    orgs.iter().find(|org| org.id == id).map(|org| org.name.to_string())
}

fn org_json(org: &OrganizationRecord) -> Value {
    json!({ "id": org.id.to_string(), "name": org.name.as_str() })
}

fn grant_json(parent: &OrganizationRecord, child: &OrganizationRecord, changed: bool) -> Value {
    json!({ "from": org_json(parent), "to": org_json(child), "changed": changed })
}
