//! What the end of a grant, or of an organization, would end. Nothing is changed.

use serde::Serialize;
use signing_crypto::{OrgId, OrgName};
use signing_trust::{EndedTrust, RefusedKeys};

use crate::cli::{Grant, OrgReference};
use crate::commands::losses::LossView;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Lines, ShortIds, Table};
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;
use crate::select::organization;
use crate::view::{TrustedKeyView, View};

pub(super) async fn deletion(context: &Context, org: &OrgReference) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let ended = keys.deletion_impact(org.id).await?;
    Ok(Report::requested(&EndedView::of(format!("deleting {}", org.name), &ended)))
}

pub(super) async fn withdrawal(context: &Context, grant: &Grant) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let parent = organization(&keys, &grant.from).await?;
    let child = organization(&keys, &grant.to).await?;
    let ended = keys.grant_withdrawal_impact(parent.id, child.id).await?;
    let what = format!("withdrawing the grant of {} to {}", parent.name, child.name);
    Ok(Report::requested(&EndedView::of(what, &ended)))
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] = &[
    Document::of::<EndedView<'static>>("orgs delete"),
    Document::of::<EndedView<'static>>("orgs revoke-trust"),
];

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EndedView<'a> {
    dry_run: bool,
    refused: Vec<RefusedView<'a>>,
    losses: Vec<LossView<'a>>,
    #[serde(skip)]
    what: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RefusedView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    keys: Vec<TrustedKeyView<'a>>,
}

impl<'a> EndedView<'a> {
    fn of(what: String, ended: &'a EndedTrust) -> Self {
        let refused = |RefusedKeys { org, keys, .. }: &'a RefusedKeys| RefusedView {
            org_id: org.id,
            org: &org.name,
            keys: keys.iter().map(TrustedKeyView::of).collect(),
        };
        Self {
            dry_run: true,
            refused: ended.refused.iter().map(refused).collect(),
            losses: ended.losses.iter().map(LossView::of).collect(),
            what,
        }
    }
}

impl View for EndedView<'_> {
    fn text(&self) -> Lines {
        let what = &self.what;
        let mut text = Lines::from(format!("nothing was changed; {what} would have this effect:"));
        if self.refused.is_empty() {
            text.push("  no organization would accept fewer keys than now");
        }
        let keys = || self.refused.iter().flat_map(|refused| &refused.keys);
        let names = keys().filter_map(|key| key.name);
        let ids = ShortIds::new(keys().map(|key| key.fingerprint), names);
        for RefusedView { org, keys, .. } in &self.refused {
            text.push(format!("  {org} would no longer accept these keys:"));
            let mut table = Table::new(["NAME", "KEY"]).indented();
            for key in keys {
                let name = key.name.map_or("-", |name| name.as_str());
                table.row([name.into(), ids.cell(key.fingerprint)]);
            }
            text.table(table.indented());
        }
        text.append(LossView::text(&self.losses));
        text
    }
}
