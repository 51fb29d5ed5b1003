use serde_json::{Value, json};
use signing_crypto::PackagePatterns;
use signing_trust::store::{Change, GrantScope, OrganizationRecord, TrustGrantRecord};
use signing_trust::{GrantStanding, GraphGrant, TrustLimits};

use super::trust_graph::{grant_json, grant_text, limits_json, limits_text};
use crate::cli::{Grant, NewGrant, Orgs};
use crate::context::{Context, block_on, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::time;

pub(super) fn run(context: &Context, command: Orgs) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Orgs::Create { name } => create(context, &name).await,
            Orgs::List => list(context).await,
            Orgs::Show { org } => show(context, &org).await,
            Orgs::Delete { org } => delete(context, &org).await,
            Orgs::GrantTrust(grant) => grant_trust(context, grant).await,
            Orgs::RevokeTrust(grant) => revoke_trust(context, &grant).await,
        }
    })
}

async fn create(context: &Context, name: &str) -> Result<Report, CliError> {
    let name = name.parse()?;
    let org = context.keys_in_new_or_old_store().await?.create_organization(name).await?;
    Ok(Report::told(format!("created {} ({})", org.name, org.id), org_json(&org)))
}

async fn list(context: &Context) -> Result<Report, CliError> {
    let graph = context.keys().await?.trust_graph(None).await?;
    let mut text = Lines::new();
    let mut documents = Vec::new();
    for org in graph.organizations.iter().filter(|org| org.deleted_at.is_none()) {
        let mut line = format!("{}  {}", org.id, org.name);
        let mut accepts = Vec::new();
        let in_force = |grant: &&GraphGrant| grant.standing == GrantStanding::InForce;
        for (place, grant) in org.grants.iter().filter(in_force).enumerate() {
            let before = if place == 0 { "  accepts" } else { "," };
            line += &format!("{before} {}{}", grant.child_name, limits_text(&grant.limits));
            accepts.push(grant.child_name.as_str());
        }
        text.push(line);
        documents.push(json!({
            "id": org.id.to_string(),
            "name": org.name.as_str(),
            "accepts": accepts,
            "grants": org.grants.iter().map(grant_json).collect::<Vec<_>>(),
        }));
    }
    Ok(Report::shown(text, Value::Array(documents)))
}

async fn show(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let grants = graph.organization(org.id).map(|org| &*org.grants).unwrap_or_default();
    let mut text = Lines::from(format!("{}  {}", org.id, org.name));
    text.push(format!("created  {}", time::text(&org.created_at)));
    if let Some(at) = &org.deleted_at {
        text.push(format!("deleted  {}: it trusts nothing", time::text(at)));
    }
    for grant in grants {
        text.push(grant_text(grant));
    }
    let mut document = org_json(&org);
    document["created_at"] = time::text(&org.created_at).into();
    document["deleted_at"] = org.deleted_at.as_ref().map(time::text).into();
    document["grants"] = grants.iter().map(grant_json).collect();
    Ok(Report::shown(text, document))
}

async fn delete(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, org).await?;
    keys.delete_organization(org.id).await?;
    let text =
        format!("deleted {} ({}): it trusts nothing and passes no trust on", org.name, org.id);
    Ok(Report::told(text, org_json(&org)))
}

async fn grant_trust(context: &Context, new: NewGrant) -> Result<Report, CliError> {
    let packages = match new.packages.is_empty() {
        true => None,
        false => Some(PackagePatterns::new(new.packages)?),
    };
    let expires_at = new.expires.as_deref().map(time::parse).transpose()?;
    let scope = GrantScope { packages, expires_at };
    let keys = context.keys_to_change().await?;
    let parent = organization(&keys, &new.grant.from).await?;
    let child = organization(&keys, &new.grant.to).await?;
    let change = keys.grant_limited_trust(parent.id, child.id, scope).await?;
    let (done, changed) = match &change {
        Change::Made(_) => ("now accepts", true),
        Change::Unchanged(_) => ("already accepts", false),
    };
    let record = change.into_inner();
    let replaced = match changed {
        true => keys.replaced_grant(&record).await?.map(limits),
        false => None,
    };
    let limits = limits(record);
    let mut text = Lines::from(format!(
        "{} {done} the keys that {} trusts directly{}",
        parent.name,
        child.name,
        limits_text(&limits),
    ));
    if let Some(replaced) = &replaced {
        let before = match limits_text(replaced) {
            limits if limits.is_empty() => " for every package and for ever".to_owned(),
            limits => limits,
        };
        text.push(format!("this replaces what it accepted before:{before}"));
    }
    let mut document = change_json(&parent, &child, changed);
    document["limits"] = limits_json(&limits);
    document["replaced"] = replaced.as_ref().map(limits_json).into();
    Ok(Report::told(text, document))
}

async fn revoke_trust(context: &Context, grant: &Grant) -> Result<Report, CliError> {
    let keys = context.keys_to_change().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let (done, changed) = match keys.revoke_trust(parent.id, child.id).await? {
        Change::Made(_) => ("no longer accepts", true),
        Change::Unchanged(_) => ("did not accept", false),
    };
    let text = format!("{} {done} keys through {}", parent.name, child.name);
    Ok(Report::told(text, change_json(&parent, &child, changed)))
}

fn limits(record: TrustGrantRecord) -> TrustLimits {
    TrustLimits { packages: record.packages, expires_at: record.expires_at }
}

fn org_json(org: &OrganizationRecord) -> Value {
    json!({ "id": org.id.to_string(), "name": org.name.as_str() })
}

fn change_json(parent: &OrganizationRecord, child: &OrganizationRecord, changed: bool) -> Value {
    json!({ "from": org_json(parent), "to": org_json(child), "changed": changed })
}
