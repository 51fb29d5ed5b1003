mod show;

use serde::Serialize;
use signing_crypto::{KeyName, OrgId, OrgName};
use signing_trust::store::OrganizationRecord;
use signing_trust::{GrantStanding, GraphGrant, TrustImpact, TrustLimits, TrustReader};

use crate::cli::{Grant, OrgReference, Orgs, Resolved};
use crate::commands::impact::{About, ImpactView};
use crate::commands::publication_notes::{self, RowChange};
use crate::context::{Context, Opened, block_on};
use crate::error::CliError;
use crate::lines::{Lines, ShortIds, Table, comma_separated};
use crate::output::Report;
use crate::question::confirm;
#[cfg(test)]
use crate::schemas::Document;
use crate::select::organization;
use crate::signed_trust::Withdrawn;
use crate::terminal::Confirmation;
use crate::view::{GraphGrantView, LimitsView, View, json_documents};

pub(super) fn run(context: &Context, command: Orgs) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Orgs::Create { name } => create(context, name).await,
            Orgs::List => list(context).await,
            Orgs::Show { org } => show::show(context, org.as_ref()).await,
            Orgs::Delete { org, dry_run, yes } => {
                delete(context, &org, dry_run, Confirmation::given_if(yes)).await
            }
            Orgs::GrantTrust { grant, scope: Resolved(scope), dry_run } => {
                grant_trust(context, &grant, scope, dry_run).await
            }
            Orgs::RevokeTrust { grant, dry_run } => revoke_trust(context, &grant, dry_run).await,
        }
    })
}

async fn create(context: &Context, name: OrgName) -> Result<Report, CliError> {
    let org = context.open_or_create().await?.create_organization(name).await?;
    let text = format!("created {} ({})", org.name, org.id);
    Ok(Report::done_as(text, &OrganizationView::of(&org)))
}

async fn list(context: &Context) -> Result<Report, CliError> {
    let graph = context.open_to_read().await?.trust_graph(None).await?;
    let organizations = graph.organizations.iter().filter(|org| org.deleted_at.is_none());
    let views = organizations.map(|org| {
        let grants: Vec<_> = org.grants.iter().map(GraphGrantView::of).collect();
        let in_force = grants.iter().filter(|grant| grant.is_in_force());
        let accepts = in_force.map(GraphGrantView::child).collect();
        ListedView { org: OrganizationView { id: org.id, name: &org.name }, accepts, grants }
    });
    let views: Vec<_> = views.collect();
    Ok(Report::requested_as(table(&views), &views))
}

async fn delete(
    context: &Context,
    org: &OrgReference,
    dry_run: bool,
    confirmation: Confirmation,
) -> Result<Report, CliError> {
    let keys = context.open(dry_run).await?;
    let org = organization(&keys, org).await?;
    let signing_keys = signing_keys(&keys, org.id).await?;
    let Opened::ToChange(keys) = keys else {
        let impact = keys.deletion_impact(org.id).await?;
        let report = Report::requested(&deletion_view(&org, &impact, signing_keys));
        let parents = publication_notes::parents(&keys, org.id).await?;
        return Ok(publication_notes::noted_for_deletion(&keys, &org, &parents, report).await);
    };
    if confirmation == Confirmation::Needed {
        let impact = keys.deletion_impact(org.id).await?;
        let preview = deletion_view(&org, &impact, signing_keys.clone()).preview();
        confirm(&preview, &format!("delete {} for good?", org.name))?;
    }
    let parents = publication_notes::parents(&keys, org.id).await?;
    keys.delete_organization(org.id).await?;
    let report = Report::done(&DeletedView { org: OrganizationView::of(&org), signing_keys });
    Ok(publication_notes::noted_for_deletion(&keys, &org, &parents, report).await)
}

fn deletion_view<'a>(
    org: &OrganizationRecord,
    impact: &'a TrustImpact,
    signing_keys: Vec<KeyName>,
) -> ImpactView<'a> {
    let what = format!("deleting {}", org.name);
    ImpactView::of(what, About::Keys, impact).without_signing_keys(signing_keys)
}

/// The keys in the store that can sign for an organization, and cannot once it is deleted.
async fn signing_keys(keys: &TrustReader, org: OrgId) -> Result<Vec<KeyName>, CliError> {
    let all = keys.store().signing_keys(org).await?;
    Ok(all.into_iter().filter(|key| key.revoked_at.is_none()).map(|key| key.name).collect())
}

async fn grant_trust(
    context: &Context,
    grant: &Grant,
    scope: TrustLimits,
    dry_run: bool,
) -> Result<Report, CliError> {
    let keys = context.open(dry_run).await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let Opened::ToChange(keys) = keys else {
        let impact = keys.grant_impact(parent.id, child.id, scope).await?;
        let what = format!("a grant of {} to {}", parent.name, child.name);
        let report = Report::requested(&ImpactView::of(what, About::Keys, &impact));
        return Ok(publication_notes::noted(&keys, &parent, RowChange::Gives, report).await);
    };
    let change = keys.grant_trust(parent.id, child.id, scope).await?;
    let (record, changed) = change.into_parts();
    let replaced = match changed {
        true => keys.store().replaced_grant(&record).await?.map(|replaced| replaced.limits()),
        false => None,
    };
    let limits = record.limits();
    let report = Report::done(&GrantedView {
        change: GrantChangeView::of(&parent, &child, changed),
        limits: LimitsView::of(&limits),
        replaced: replaced.as_ref().map(LimitsView::of),
    });
    Ok(publication_notes::noted(&keys, &parent, RowChange::Gives, report).await)
}

async fn revoke_trust(context: &Context, grant: &Grant, dry_run: bool) -> Result<Report, CliError> {
    let keys = context.open(dry_run).await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let Opened::ToChange(keys) = keys else {
        let impact = keys.grant_withdrawal_impact(parent.id, child.id).await?;
        let what = format!("withdrawing the grant of {} to {}", parent.name, child.name);
        return Ok(Report::requested(&ImpactView::of(what, About::Keys, &impact)));
    };
    let (_, changed) = keys.revoke_trust(parent.id, child.id).await?.into_parts();
    let verb = if changed { "no longer accepts" } else { "did not accept" };
    let text = format!("{} {verb} keys through {}", parent.name, child.name);
    let mut report = Report::done_as(text, &GrantChangeView::of(&parent, &child, changed));
    if !changed && accepts_through(&keys, child.id, parent.id).await {
        report.note(format!(
            "{0} accepts keys through {1}; to end that: cloacina orgs revoke-trust --from {0} --to {1}",
            child.name, parent.name
        ));
    }
    let change = RowChange::Withdraws(Withdrawn::GrantTo(child.id));
    Ok(publication_notes::noted(&keys, &parent, change, report).await)
}

/// Whether a grant of `parent` to `child` is in force. No command fails because this cannot be told.
async fn accepts_through(keys: &TrustReader, parent: OrgId, child: OrgId) -> bool {
    let is_it = |(from, grant): &(OrganizationRecord, GraphGrant)| {
        from.id == parent && grant.standing == GrantStanding::InForce
    };
    keys.grants_to(child).await.is_ok_and(|grants| grants.iter().any(is_it))
}

#[cfg(test)]
pub(super) fn documents() -> Vec<Document> {
    [DOCUMENTS, show::DOCUMENTS].concat()
}

json_documents! {
    "orgs create": OrganizationView<'static>,
    "orgs list": Vec<ListedView<'static>>,
    "orgs delete": DeletedView<'static>,
    "orgs grant-trust": GrantedView<'static>,
    "orgs revoke-trust": GrantChangeView<'static>,
    "orgs delete": ImpactView<'static>,
    "orgs grant-trust": ImpactView<'static>,
    "orgs revoke-trust": ImpactView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrganizationView<'a> {
    id: OrgId,
    name: &'a OrgName,
}

impl<'a> OrganizationView<'a> {
    fn of(org: &'a OrganizationRecord) -> Self {
        Self { id: org.id, name: &org.name }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DeletedView<'a> {
    #[serde(flatten)]
    org: OrganizationView<'a>,
    /// The keys of the store that can no longer sign.
    signing_keys: Vec<KeyName>,
}

impl View for DeletedView<'_> {
    fn text(&self) -> Lines {
        let OrganizationView { id, name } = &self.org;
        let mut text = Lines::from(format!(
            "deleted {name} ({id}): it trusts nothing, and its grants have ended"
        ));
        if !self.signing_keys.is_empty() {
            let keys = comma_separated(&self.signing_keys);
            text.push(format!("these keys can no longer sign: {keys}"));
        }
        text
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ListedView<'a> {
    #[serde(flatten)]
    org: OrganizationView<'a>,
    accepts: Vec<&'a OrgName>,
    grants: Vec<GraphGrantView<'a>>,
}

fn table(listed: &[ListedView<'_>]) -> Table {
    let orgs = || listed.iter().map(|listed| &listed.org);
    let ids = ShortIds::new(orgs().map(|org| org.id), orgs().map(|org| org.name));
    let mut table = Table::new(["NAME", "ID", "ACCEPTS THE KEYS OF"]);
    for ListedView { org, grants, .. } in listed {
        let in_force = grants.iter().filter(|grant| grant.is_in_force());
        let accepts: Vec<_> = in_force.map(GraphGrantView::child_text).collect();
        table.row([org.name.as_str().into(), ids.cell(org.id), accepts.join(", ").into()]);
    }
    table
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct GrantChangeView<'a> {
    from: OrganizationView<'a>,
    to: OrganizationView<'a>,
    changed: bool,
}

impl<'a> GrantChangeView<'a> {
    fn of(parent: &'a OrganizationRecord, child: &'a OrganizationRecord, changed: bool) -> Self {
        let (from, to) = (OrganizationView::of(parent), OrganizationView::of(child));
        Self { from, to, changed }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct GrantedView<'a> {
    #[serde(flatten)]
    change: GrantChangeView<'a>,
    limits: LimitsView<'a>,
    /// The limits of the grant that this one replaced.
    replaced: Option<LimitsView<'a>>,
}

impl View for GrantedView<'_> {
    fn text(&self) -> Lines {
        let GrantChangeView { from, to, changed } = &self.change;
        let verb = if *changed { "now accepts" } else { "already accepts" };
        let mut text = Lines::from(format!(
            "{} {verb} the keys that {} trusts directly{}",
            from.name,
            to.name,
            self.limits.text(),
        ));
        if let Some(replaced) = &self.replaced {
            let before = match replaced.text() {
                limits if limits.is_empty() => " for every package, without expiry".to_owned(),
                limits => limits,
            };
            text.push(format!("this replaces the grant{before}"));
        }
        text
    }
}
