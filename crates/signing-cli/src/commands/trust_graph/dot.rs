//! Graphviz (<https://graphviz.org/doc/info/lang.html>).

use signing_trust::{GrantStanding, KeyStanding, TrustGraph};

use super::{Nodes, grant_label, key_label, org_label, row_label};
use crate::lines::Lines;

pub(super) fn draw(graph: &TrustGraph) -> Lines {
    let nodes = Nodes::of(graph);
    let mut text = Lines::new();
    for line in ["digraph trust {", "  rankdir=LR;", "  node [shape=box];"] {
        text.push(line);
    }
    for (place, org) in nodes.orgs.iter().enumerate() {
        let style = if org.deleted_at.is_some() { ", style=dashed, color=gray" } else { "" };
        text.push(format!("  o{place} [label={}{style}];", label(&org_label(org))));
    }
    for (place, key) in nodes.keys.iter().enumerate() {
        let style = match key.standing {
            KeyStanding::Compromised { .. } => ", color=red",
            _ => "",
        };
        text.push(format!("  k{place} [label={}, shape=ellipse{style}];", label(&key_label(key))));
    }
    for (place, org) in nodes.orgs.iter().enumerate() {
        for key in &org.keys {
            let style = match key.standing {
                KeyStanding::Trusted => "",
                KeyStanding::Expired { .. } => ", style=dashed, color=gray",
                _ => ", style=dashed, color=red",
            };
            let (to, label) = (nodes.key(key), label(&row_label(key)));
            text.push(format!("  o{place} -> k{to} [label={label}{style}];"));
        }
        for grant in &org.grants {
            let Some(to) = nodes.child(grant) else { continue };
            let style = match grant.standing {
                GrantStanding::InForce => ", style=bold",
                _ => ", style=dashed, color=gray",
            };
            let label = label(&grant_label(grant));
            text.push(format!("  o{place} -> o{to} [label={label}{style}];"));
        }
    }
    text.push("}");
    text
}

/// A quoted string. In a label a backslash begins an escape, and `&` an entity.
fn label(lines: &[String]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;"))
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}
