//! What a change of grants and organizations would bring about. Nothing is changed.

use super::{deletion_view, signing_keys};
use crate::cli::{Grant, OrgReference};
use crate::commands::impact::{About, ImpactView};
use crate::commands::publication_notes::{self, RowChange};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Report;
use crate::select::organization;
use crate::view::json_documents;
use signing_trust::TrustLimits;

pub(super) async fn deletion(context: &Context, org: &OrgReference) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = organization(&keys, org).await?;
    let impact = keys.deletion_impact(org.id).await?;
    let signing_keys = signing_keys(&keys, org.id).await?;
    let report = Report::requested(&deletion_view(&org, &impact, signing_keys));
    let parents = publication_notes::parents(&keys, org.id).await?;
    Ok(publication_notes::noted_for_deletion(&keys, &org, &parents, report).await)
}

pub(super) async fn grant(
    context: &Context,
    grant: &Grant,
    scope: TrustLimits,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let impact = keys.grant_impact(parent.id, child.id, scope).await?;
    let what = format!("a grant of {} to {}", parent.name, child.name);
    let report = Report::requested(&ImpactView::of(what, About::Keys, &impact));
    Ok(publication_notes::noted(&keys, &parent, RowChange::Gives, report).await)
}

pub(super) async fn withdrawal(context: &Context, grant: &Grant) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let impact = keys.grant_withdrawal_impact(parent.id, child.id).await?;
    let what = format!("withdrawing the grant of {} to {}", parent.name, child.name);
    Ok(Report::requested(&ImpactView::of(what, About::Keys, &impact)))
}

json_documents! {
    "orgs delete": ImpactView<'static>,
    "orgs grant-trust": ImpactView<'static>,
    "orgs revoke-trust": ImpactView<'static>,
}
