//! Graphviz (<https://graphviz.org/doc/info/lang.html>).

use signing_trust::{GrantStanding, KeyStanding, TrustGraph};

use super::{Nodes, grant_label, key_label, org_label, word_label};

pub(super) fn draw(graph: &TrustGraph) -> String {
    let nodes = Nodes::of(graph);
    let mut text = String::from("digraph trust {\n  rankdir=LR;\n  node [shape=box];\n");
    for (place, org) in nodes.orgs.iter().enumerate() {
        let style = if org.deleted_at.is_some() { ", style=dashed, color=gray" } else { "" };
        text += &format!("  o{place} [label={}{style}];\n", label(&org_label(org)));
    }
    for (place, key) in nodes.keys.iter().enumerate() {
        let style = match key.standing {
            KeyStanding::Compromised { .. } => ", color=red",
            _ => "",
        };
        text += &format!("  k{place} [label={}, shape=ellipse{style}];\n", label(&key_label(key)));
    }
    for (place, org) in nodes.orgs.iter().enumerate() {
        for key in &org.keys {
            let style = match key.standing {
                KeyStanding::Trusted => "",
                KeyStanding::Expired { .. } => ", style=dashed, color=gray",
                _ => ", style=dashed, color=red",
            };
            let (to, label) = (nodes.key(key), label(&word_label(key)));
            text += &format!("  o{place} -> k{to} [label={label}{style}];\n");
        }
        for grant in &org.grants {
            let Some(to) = nodes.child(grant) else { continue };
            let style = match grant.standing {
                GrantStanding::InForce => ", style=bold",
                _ => ", style=dashed, color=gray",
            };
            let label = label(&grant_label(grant));
            text += &format!("  o{place} -> o{to} [label={label}{style}];\n");
        }
    }
    text + "}\n"
}

/// A quoted string. In a label a backslash begins an escape, and `&` an entity.
fn label(lines: &[String]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;"))
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}
