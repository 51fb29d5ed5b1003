mod dot;
mod mermaid;
mod svg;

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;
use signing_crypto::{OrgId, OrgName, PackagePatterns};
use signing_trust::{
    GrantStanding, GraphGrant, GraphKey, GraphOrganization, KeyStanding, TrustGraph,
};

use crate::cli::{OrgReference, Picture};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::lines::{Cell, Lines, ShortIds, Table};
use crate::output::Report;
use crate::select::organization;
use crate::time::Time;
use crate::view::{GraphGrantView, GraphKeyView, json_documents, standing_text};

pub(super) fn run(
    context: &Context,
    org: Option<OrgReference>,
    format: Picture,
) -> Result<Report, CliError> {
    block_on(async {
        let keys = context.open_to_read().await?;
        let org = match org {
            Some(org) => Some(organization(&keys, &org).await?.id),
            None => None,
        };
        let graph = keys.trust_graph(org).await?;
        let drawing = match format {
            Picture::Text => text(&graph),
            Picture::Dot => dot::draw(&graph),
            Picture::Mermaid => mermaid::draw(&graph),
            Picture::Svg => svg::draw(&graph),
        };
        Ok(Report::requested_as(drawing, &GraphView::of(&graph, org)))
    })
}

fn text(graph: &TrustGraph) -> Lines {
    let mut text = Lines::new();
    let keys = || graph.organizations.iter().flat_map(|org| &org.keys);
    let names = keys().filter_map(|key| key.name.as_ref());
    let ids = ShortIds::new(keys().map(|key| key.fingerprint), names);
    let orgs = || graph.organizations.iter();
    let org_ids = ShortIds::new(orgs().map(|org| org.id), orgs().map(|org| &org.name));
    for org in &graph.organizations {
        text.push(match org.deleted_at {
            None => format!("{}  {}", org.name, org_ids.short(org.id)),
            // Only its whole id still names it.
            Some(at) => format!("{}  {}  deleted at {}", org.name, org.id, Time(at)),
        });
        let mut table = Table::new(["", "", "", ""]).indented();
        for key in &org.keys {
            let (name, key_id) = (Cell::or_dash(key.name.as_ref()), ids.cell(key.fingerprint));
            table.row([verb(key).into(), name, key_id, standing_text(key).trim_start().into()]);
        }
        text.table(table);
        for grant in &org.grants {
            text.push(format!("  {}", GraphGrantView::of(grant).text()));
        }
    }
    text
}

/// What an organization does about a key.
fn verb(key: &GraphKey) -> &'static str {
    match &key.standing {
        KeyStanding::Trusted => "trusts",
        KeyStanding::Revoked { .. }
        | KeyStanding::Denied { .. }
        | KeyStanding::Compromised { .. } => "refuses",
        KeyStanding::Expired { .. } => "trusted",
        _ => "ignores",
    }
}

json_documents! { "trust graph": GraphView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct GraphView<'a> {
    as_of: Time,
    organizations: Vec<OrganizationView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrganizationView<'a> {
    id: OrgId,
    name: &'a OrgName,
    deleted_at: Option<Time>,
    keys: Vec<GraphKeyView<'a>>,
    grants: Vec<GraphGrantView<'a>>,
}

impl<'a> GraphView<'a> {
    /// The rows of other organizations than `drawn_for` have no ids: only their owners can
    /// change them.
    fn of(graph: &'a TrustGraph, drawn_for: Option<OrgId>) -> Self {
        let organization = |org: &'a GraphOrganization| {
            let mut keys: Vec<_> = org.keys.iter().map(GraphKeyView::of).collect();
            let mut grants: Vec<_> = org.grants.iter().map(GraphGrantView::of).collect();
            if drawn_for.is_some_and(|id| id != org.id) {
                keys.iter_mut().for_each(|key| key.id = None);
                grants.iter_mut().for_each(|grant| grant.id = None);
            }
            let deleted_at = org.deleted_at.map(Time);
            OrganizationView { id: org.id, name: &org.name, deleted_at, keys, grants }
        };
        let organizations = graph.organizations.iter().map(organization).collect();
        Self { as_of: Time(graph.as_of), organizations }
    }
}

/// The nodes of a picture: organizations by their place, and keys, which several
/// organizations may have rows about, by the place of their fingerprint.
struct Nodes<'a> {
    orgs: &'a [GraphOrganization],
    places: HashMap<OrgId, usize>,
    keys: Vec<&'a GraphKey>,
}

impl<'a> Nodes<'a> {
    fn of(graph: &'a TrustGraph) -> Self {
        let mut keys: Vec<_> = graph.organizations.iter().flat_map(|org| &org.keys).collect();
        keys.sort_by_key(|key| key.fingerprint);
        keys.dedup_by_key(|key| key.fingerprint);
        let orgs = &*graph.organizations;
        let places = orgs.iter().enumerate().map(|(place, org)| (org.id, place)).collect();
        Self { orgs, places, keys }
    }

    fn key(&self, key: &GraphKey) -> usize {
        self.keys.partition_point(|other| other.fingerprint < key.fingerprint)
    }

    /// The other end of a grant, which is always in the same graph.
    fn child(&self, grant: &GraphGrant) -> Option<usize> {
        self.places.get(&grant.child).copied()
    }
}

/// The lines of a key's label, with enough of the fingerprint to tell it from others.
fn key_label(key: &GraphKey) -> Vec<String> {
    let mut lines = vec![format!("{:.16}…", key.fingerprint.to_string())];
    if let KeyStanding::Compromised { at } = &key.standing {
        lines.push(format!("compromised at {}", Time(*at)));
    }
    lines
}

fn org_label(org: &GraphOrganization) -> Vec<String> {
    let deleted = |at| format!("deleted at {}", Time(at));
    let name = [org.name.to_string()];
    name.into_iter().chain(org.deleted_at.map(deleted)).collect()
}

/// The lines of the label between an organization and a key.
fn row_label(key: &GraphKey) -> Vec<String> {
    let name = key.name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    let verb = format!("{}{name}", verb(key));
    // The key's own label shows that it is compromised.
    let standing = match &key.standing {
        KeyStanding::Compromised { .. } => String::new(),
        _ => standing_text(key).trim_start().to_owned(),
    };
    [verb, standing].into_iter().filter(|line| !line.is_empty()).collect()
}

fn grant_label(grant: &GraphGrant) -> Vec<String> {
    let verb = match grant.standing {
        GrantStanding::InForce => "accepts",
        GrantStanding::Expired { .. } => "accepted, expired",
        _ => "accepted",
    };
    let packages = grant.limits.packages.iter().flat_map(PackagePatterns::patterns);
    let mut lines = vec![verb.to_owned()];
    lines.extend(packages.map(|pattern| format!("for {}", json!(pattern))));
    lines.extend(grant.limits.expires_at.map(|at| format!("until {}", Time(at))));
    lines
}

#[cfg(test)]
mod tests;
