mod dot;
mod mermaid;

use std::collections::HashMap;

use serde_json::{Value, json};
use signing_crypto::{KeyName, Note, OrgId, PackagePatterns};
use signing_trust::{
    GrantStanding, GraphGrant, GraphKey, GraphOrganization, KeyStanding, TrustGraph, TrustLimits,
};

use crate::cli::{Picture, Trust};
use crate::context::{Context, block_on, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::time;

pub(super) fn run(context: &Context, command: Trust) -> Result<Report, CliError> {
    let Trust::Graph { org, format } = command;
    block_on(async {
        let keys = context.keys().await?;
        let org = match org {
            Some(org) => Some(organization(&keys, &org).await?.id),
            None => None,
        };
        let graph = keys.trust_graph(org).await?;
        let drawn = match format {
            Picture::Text => text(&graph),
            Picture::Dot => dot::draw(&graph),
            Picture::Mermaid => mermaid::draw(&graph),
        };
        Ok(Report::shown(drawn, graph_json(&graph, org)))
    })
}

fn text(graph: &TrustGraph) -> Lines {
    let mut text = Lines::new();
    for org in &graph.organizations {
        text.push(format!("{}  {}{}", org.name, org.id, deleted_text(org)));
        for key in &org.keys {
            let name = key.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
            text.push(format!("  {}  {}{name}{}", verb(key), key.fingerprint, remark(key)));
        }
        for grant in &org.grants {
            text.push(format!("  {}", grant_text(grant)));
        }
    }
    text
}

fn deleted_text(org: &GraphOrganization) -> String {
    let deleted = |at| format!("  deleted at {}", time::text(at));
    org.deleted_at.as_ref().map(deleted).unwrap_or_default()
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

/// What there is to say about that.
pub(super) fn remark(key: &GraphKey) -> String {
    match (&key.standing, &key.expires_at) {
        (KeyStanding::Trusted, Some(at)) => format!("  until {}", time::text(at)),
        (KeyStanding::Trusted, None) => String::new(),
        (KeyStanding::Expired { at }, _) => format!("  expired at {}", time::text(at)),
        (KeyStanding::Revoked { at, reason }, _) => {
            format!("  revoked at {} as {reason}", time::text(at))
        }
        (KeyStanding::Denied { at }, _) => format!("  denied at {}", time::text(at)),
        (KeyStanding::Compromised { at }, _) => {
            format!("  compromised for every organization at {}", time::text(at))
        }
        _ => "  the row holds another key".into(),
    }
}

/// A grant in a line of text.
pub(super) fn grant_text(grant: &GraphGrant) -> String {
    let (name, limits) = (&grant.child_name, limits_text(&grant.limits));
    match &grant.standing {
        GrantStanding::InForce => format!("accepts  {name}{limits}"),
        GrantStanding::Expired { .. } => format!("accepted  {name}{limits}  expired"),
        GrantStanding::ChildDeleted { at } => {
            format!("accepted  {name}{limits}  deleted at {}", time::text(at))
        }
        _ => format!("accepted  {name}{limits}"),
    }
}

/// For which packages and until when, to follow on what is limited. The patterns are
/// quoted: they may hold anything that a file's name may.
pub(super) fn limits_text(limits: &TrustLimits) -> String {
    let mut text = String::new();
    if let Some(packages) = &limits.packages {
        let quoted: Vec<_> =
            packages.patterns().iter().map(|pattern| json!(pattern).to_string()).collect();
        text += &format!(" for packages {}", quoted.join(", "));
    }
    if let Some(at) = &limits.expires_at {
        text += &format!(" until {}", time::text(at));
    }
    text
}

pub(super) fn limits_json(limits: &TrustLimits) -> Value {
    json!({
        "packages": limits.packages.as_ref().map(PackagePatterns::patterns),
        "expires_at": limits.expires_at.as_ref().map(time::text),
    })
}

pub(super) fn grant_json(grant: &GraphGrant) -> Value {
    let mut document = limits_json(&grant.limits);
    document["id"] = grant.id.to_string().into();
    document["org_id"] = grant.child.to_string().into();
    document["org"] = grant.child_name.as_str().into();
    document["standing"] = match &grant.standing {
        GrantStanding::InForce => "in_force",
        GrantStanding::Expired { .. } => "expired",
        GrantStanding::ChildDeleted { .. } => "child_deleted",
        _ => "other",
    }
    .into();
    document
}

pub(super) fn key_json(key: &GraphKey) -> Value {
    let (standing, since, reason) = match &key.standing {
        KeyStanding::Trusted => ("trusted", None, None),
        KeyStanding::Expired { at } => ("expired", Some(at), None),
        KeyStanding::Revoked { at, reason } => ("revoked", Some(at), Some(reason.as_str())),
        KeyStanding::Denied { at } => ("denied", Some(at), None),
        KeyStanding::Compromised { at } => ("compromised", Some(at), None),
        _ => ("mismatched", None, None),
    };
    json!({
        "id": key.id.to_string(),
        "fingerprint": key.fingerprint.to_string(),
        "name": key.name.as_ref().map(KeyName::as_str),
        "expires_at": key.expires_at.as_ref().map(time::text),
        "standing": standing,
        "since": since.map(time::text),
        "reason": reason,
        "note": key.note.as_ref().map(Note::as_str),
    })
}

/// Where it is drawn for one organization, only its own rows have ids: those of others are
/// not its to act on.
fn graph_json(graph: &TrustGraph, drawn_for: Option<OrgId>) -> Value {
    let organization = |org: &GraphOrganization| {
        let mut keys: Vec<_> = org.keys.iter().map(key_json).collect();
        let mut grants: Vec<_> = org.grants.iter().map(grant_json).collect();
        if drawn_for.is_some_and(|id| id != org.id) {
            for document in keys.iter_mut().chain(&mut grants) {
                document["id"] = Value::Null;
            }
        }
        json!({
            "id": org.id.to_string(),
            "name": org.name.as_str(),
            "deleted_at": org.deleted_at.as_ref().map(time::text),
            "keys": keys,
            "grants": grants,
        })
    };
    json!({
        "as_of": time::text(&graph.as_of),
        "organizations": graph.organizations.iter().map(organization).collect::<Vec<_>>(),
    })
}

/// Where the lines of a picture go from and to: organizations by their place, keys,
/// which several organizations may speak of, by the place of their fingerprint.
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

/// The lines of a key's label: as much of the fingerprint as tells it from others.
fn key_label(key: &GraphKey) -> Vec<String> {
    let mut lines = vec![format!("{:.16}…", key.fingerprint.to_string())];
    if let KeyStanding::Compromised { at } = &key.standing {
        lines.push(format!("compromised at {}", time::text(at)));
    }
    lines
}

fn org_label(org: &GraphOrganization) -> Vec<String> {
    let deleted = |at| format!("deleted at {}", time::text(at));
    let name = [org.name.to_string()];
    name.into_iter().chain(org.deleted_at.as_ref().map(deleted)).collect()
}

/// The lines of the label between an organization and a key.
fn word_label(key: &GraphKey) -> Vec<String> {
    let name = key.name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    let verb = format!("{}{name}", verb(key));
    // That a key is compromised is said once, at the key.
    let remark = match &key.standing {
        KeyStanding::Compromised { .. } => String::new(),
        _ => remark(key).trim_start().to_owned(),
    };
    [verb, remark].into_iter().filter(|line| !line.is_empty()).collect()
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
    lines.extend(grant.limits.expires_at.as_ref().map(|at| format!("until {}", time::text(at))));
    lines
}

#[cfg(test)]
mod tests;
