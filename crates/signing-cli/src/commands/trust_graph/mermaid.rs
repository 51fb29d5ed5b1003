//! Mermaid flowcharts (<https://mermaid.js.org/syntax/flowchart.html>).

use std::fmt::Write as _;

use signing_trust::{GrantStanding, KeyStanding, TrustGraph};

use super::{Nodes, grant_label, key_label, org_label, row_label};
use crate::lines::Lines;

pub(super) fn draw(graph: &TrustGraph) -> Lines {
    let nodes = Nodes::of(graph);
    let mut text = Lines::from("flowchart LR");
    for (place, org) in nodes.orgs.iter().enumerate() {
        let class = if org.deleted_at.is_some() { ":::gone" } else { "" };
        text.push(format!("  o{place}[{}]{class}", label(&org_label(org))));
    }
    for (place, key) in nodes.keys.iter().enumerate() {
        let class = match key.standing {
            KeyStanding::Compromised { .. } => ":::bad",
            _ => "",
        };
        text.push(format!("  k{place}([{}]){class}", label(&key_label(key))));
    }
    for (place, org) in nodes.orgs.iter().enumerate() {
        for key in &org.keys {
            let line = match key.standing {
                KeyStanding::Trusted => "-->",
                KeyStanding::Expired { .. } => "-.->",
                _ => "-.-x",
            };
            let (to, label) = (nodes.key(key), label(&row_label(key)));
            text.push(format!("  o{place} {line}|{label}| k{to}"));
        }
        for grant in &org.grants {
            let Some(to) = nodes.child(grant) else { continue };
            let line = match grant.standing {
                GrantStanding::InForce => "==>",
                _ => "-.->",
            };
            text.push(format!("  o{place} {line}|{}| o{to}", label(&grant_label(grant))));
        }
    }
    text.push("  classDef gone stroke-dasharray:4,color:gray");
    text.push("  classDef bad stroke:red,color:red");
    text
}

/// A quoted string. What could end it, or mean something in HTML or Markdown, which
/// labels are read as, is written by its number.
fn label(lines: &[String]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            line.chars().fold(String::new(), |mut text, c| {
                match c {
                    ' ' | '-' | '.' | ',' | '@' | '+' | '…' => text.push(c),
                    c if c.is_alphanumeric() => text.push(c),
                    c => {
                        let _ = write!(text, "#{};", u32::from(c));
                    }
                }
                text
            })
        })
        .collect();
    format!("\"{}\"", lines.join("<br/>"))
}
