use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, PackagePatterns};
use signing_trust::TrustLimits;
use signing_trust::store::RevocationReason;

use super::*;
use crate::generated::assert_current;
use crate::lines::Layout;

fn at(day: u32) -> DateTime<Utc> {
    crate::time::since(&format!("2026-01-{day:02}")).unwrap()
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
    format!("{number:02}000000-0000-4000-8000-0000000000{number:02}").parse().unwrap()
}

fn org(number: u8, name: &str) -> GraphOrganization {
    let name = name.parse().unwrap();
    GraphOrganization { id: id(number), name, deleted_at: None, keys: vec![], grants: vec![] }
}

fn key(number: u8, name: Option<&str>, standing: KeyStanding) -> GraphKey {
    GraphKey {
        id: id(number),
        fingerprint: Fingerprint::from_bytes([number; 32]),
        name: name.map(|name| name.parse().unwrap()),
        expires_at: None,
        note: None,
        standing,
    }
}

fn grant(to: &GraphOrganization, packages: &[&str], standing: GrantStanding) -> GraphGrant {
    let patterns = packages.iter().map(|pattern| (*pattern).to_owned()).collect();
    let packages = (!packages.is_empty()).then(|| PackagePatterns::new(patterns).unwrap());
    GraphGrant {
        id: id(99),
        child: to.id,
        child_name: to.name.clone(),
        limits: TrustLimits { packages, expires_at: None },
        standing,
    }
}

/// An organization of every kind, with a key and a grant of every kind.
fn graph() -> TrustGraph {
    let retired = KeyStanding::Revoked { at: at(3), reason: RevocationReason::Retired };
    let mut acme = org(1, "acme");
    let mut gone = org(2, "gone");
    let past = org(3, "past");
    let mut vendor = org(4, "vendor");
    gone.deleted_at = Some(at(5));
    gone.keys = vec![key(0x11, None, KeyStanding::Trusted)];
    vendor.keys = vec![
        key(0x11, Some("release"), KeyStanding::Trusted),
        key(0x22, Some("stolen"), KeyStanding::Compromised { at: at(4) }),
    ];
    acme.keys = vec![
        GraphKey { expires_at: Some(at(31)), ..key(0x11, Some("ci"), KeyStanding::Trusted) },
        key(0x33, None, retired),
        key(0x44, None, KeyStanding::Expired { at: at(6) }),
        key(0x55, None, KeyStanding::Mismatched),
    ];
    let mut limited = grant(&vendor, &["etl-*", "lib?.so"], GrantStanding::InForce);
    limited.limits.expires_at = Some(at(30));
    let mut expired = grant(&past, &[], GrantStanding::Expired { at: at(7) });
    expired.limits.expires_at = Some(at(7));
    acme.grants =
        vec![grant(&gone, &[], GrantStanding::ChildDeleted { at: at(5) }), expired, limited];
    TrustGraph { as_of: at(15), organizations: vec![acme, gone, past, vendor] }
}

/// Two organizations with a grant for packages of a hostile name.
fn hostile(pattern: &str) -> TrustGraph {
    let (mut acme, vendor) = (org(1, "acme"), org(2, "vendor"));
    acme.grants = vec![grant(&vendor, &[pattern], GrantStanding::InForce)];
    TrustGraph { as_of: at(15), organizations: vec![acme, vendor] }
}

const HOSTILE: [&str; 8] = [
    "\"]; evil [",
    "\\\"]; evil [label=\"",
    "\\",
    "x\\N until 2099-01-01\\nlabel",
    "<b onclick=evil()>&lt;&amp;#quot;",
    "a|b]-->c{d}(e)%%f",
    "`*bold*` _x_ #34; #quot;",
    "style: a#b;c;",
];

#[test]
fn text_says_what_counts_and_what_does_not() {
    assert_eq!(text(&graph()).to_text(Layout::Fitted), include_str!("tests/graph.txt"));
}

#[test]
fn dot_draws_each_organization_and_key_once() {
    assert_eq!(dot::draw(&graph()).to_text(Layout::Fitted), include_str!("tests/graph.dot"));
}

#[test]
fn mermaid_draws_each_organization_and_key_once() {
    assert_eq!(mermaid::draw(&graph()).to_text(Layout::Fitted), include_str!("tests/graph.mmd"));
}

#[test]
fn svg_draws_each_organization_and_key_once() {
    let drawn = svg::draw(&graph()).to_text(Layout::Fitted);
    assert_current("src/commands/trust_graph/tests/graph.svg", &drawn);
    for node in ["gone", "past"] {
        assert_eq!(drawn.matches(&format!(r#"font-weight="bold">{node}</text>"#)).count(), 1);
    }
    assert_eq!(drawn.matches(">1111111111111111…</text>").count(), 1);
}

/// The picture in the guide on package signing, which `tests/docs` compares with this file.
#[test]
fn guide_shows_what_is_drawn() {
    let (mut acme, mut vendor, mut supplier) =
        (org(1, "acme"), org(2, "vendor"), org(3, "supplier"));
    acme.keys = vec![
        key(0x1a, Some("release"), KeyStanding::Trusted),
        key(0x5c, None, KeyStanding::Denied { at: at(9) }),
    ];
    vendor.keys = vec![
        GraphKey { expires_at: Some(at(31)), ..key(0x2b, Some("ci"), KeyStanding::Trusted) },
        key(0x5c, Some("nightly"), KeyStanding::Trusted),
    ];
    supplier.keys = vec![key(0x3d, Some("build"), KeyStanding::Trusted)];
    let patterns = ["libetl-*"];
    acme.grants = vec![grant(&vendor, &patterns, GrantStanding::InForce)];
    vendor.grants = vec![grant(&supplier, &[], GrantStanding::InForce)];
    let graph = TrustGraph { as_of: at(15), organizations: vec![acme, supplier, vendor] };
    let drawn = svg::draw(&graph).to_text(Layout::Fitted);
    assert_current("src/commands/trust_graph/tests/guide.svg", &drawn);
}

#[test]
fn patterns_cannot_end_a_string_in_text() {
    for pattern in HOSTILE {
        let text = text(&hostile(pattern)).to_text(Layout::Fitted);
        let line = text.lines().nth(1).unwrap();
        let quoted = line.strip_prefix("  accepts  vendor for packages ").unwrap();
        assert_eq!(serde_json::from_str::<String>(quoted).unwrap(), pattern);
        assert_eq!(text.lines().count(), 3);
    }
}

/// Reads the string at the beginning of `source` as Graphviz' lexer does, and its label
/// as its renderer does.
fn read_dot(source: &str) -> (Vec<String>, &str) {
    let mut rest = source.strip_prefix('"').unwrap().char_indices();
    let (mut lines, mut line) = (Vec::new(), String::new());
    loop {
        match rest.next().unwrap() {
            (at, '"') => {
                lines.push(line.replace("&amp;", "&"));
                return (lines, &source[at + 2..]);
            }
            (_, '\\') => match rest.next().unwrap().1 {
                'n' => lines.push(std::mem::take(&mut line).replace("&amp;", "&")),
                c @ ('\\' | '"') => line.push(c),
                other => panic!("an escape of {other} in {source}"),
            },
            (_, c) => line.push(c),
        }
    }
}

#[test]
fn patterns_cannot_end_a_string_in_dot() {
    for pattern in HOSTILE {
        let drawn = dot::draw(&hostile(pattern)).to_text(Layout::Fitted);
        let line = drawn.lines().find(|line| line.contains("->")).unwrap();
        let (label, rest) = read_dot(line.strip_prefix("  o0 -> o1 [label=").unwrap());
        assert_eq!(label, ["accepts".to_owned(), format!("for {}", json!(pattern))]);
        assert_eq!(rest, ", style=bold];", "{line}");
        assert!(!line.replace("&amp;", "").contains('&'), "{line}");
        assert_eq!(drawn.lines().count(), 7, "{drawn}");
    }
}

#[test]
fn patterns_cannot_end_a_string_in_mermaid() {
    for pattern in HOSTILE {
        let drawn = mermaid::draw(&hostile(pattern)).to_text(Layout::Fitted);
        let line = drawn.lines().find(|line| line.contains("==>")).unwrap();
        let label = line.strip_prefix("  o0 ==>|\"accepts<br/>for ").unwrap();
        let label = label.strip_suffix("\"| o1").unwrap();
        let mut read = String::new();
        for (place, piece) in label.split(['#', ';']).enumerate() {
            match place % 2 {
                0 => read.push_str(piece),
                _ => read.push(char::from_u32(piece.parse().unwrap()).unwrap()),
            }
        }
        assert_eq!(serde_json::from_str::<String>(&read).unwrap(), pattern);
        let plain = |c: char| c.is_alphanumeric() || " -.,@+#;".contains(c);
        assert!(label.chars().all(plain), "{label}");
        assert_eq!(drawn.lines().count(), 6, "{drawn}");
    }
}

#[test]
fn patterns_cannot_end_an_element_in_svg() {
    let markup = |svg: &str| svg.matches('<').count();
    let plain = markup(&svg::draw(&hostile("a")).to_text(Layout::Fitted));
    for pattern in HOSTILE {
        let drawn = svg::draw(&hostile(pattern)).to_text(Layout::Fitted);
        assert_eq!(markup(&drawn), plain, "{drawn}");
        assert!(!drawn.contains("<b "), "{drawn}");
    }
    let long = "x".repeat(200);
    let drawn = svg::draw(&hostile(&long)).to_text(Layout::Fitted);
    assert_eq!(markup(&drawn), plain + 2, "the cut text has a title: {drawn}");
    assert!(drawn.contains("…</text>"), "{drawn}");
}

/// Two lines of grants that lie on each other would say that both go to the same place.
#[test]
fn grants_that_pass_each_other_are_drawn_beside_each_other() {
    let mut orgs = vec![org(1, "a"), org(2, "b"), org(3, "c"), org(4, "d")];
    for (from, to) in [(0, 3), (1, 2), (3, 0), (2, 1), (0, 0)] {
        let grant = grant(&orgs[to].clone(), &[], GrantStanding::InForce);
        orgs[from].grants.push(grant);
    }
    let graph = TrustGraph { as_of: at(15), organizations: orgs };
    let lines = svg::grants(&Nodes::of(&graph), &svg::cards(&Nodes::of(&graph)));
    for (place, line) in lines.iter().enumerate() {
        for other in &lines[..place] {
            let apart = line.span().0 > other.span().1 || other.span().0 > line.span().1;
            assert!(apart || line.lane != other.lane);
        }
    }
}

#[test]
fn an_empty_store_has_an_empty_picture() {
    let graph = TrustGraph { as_of: at(15), organizations: vec![] };
    assert_eq!(text(&graph).to_text(Layout::Fitted), "");
    assert!(dot::draw(&graph).to_text(Layout::Fitted).ends_with("}\n"));
    assert!(mermaid::draw(&graph).to_text(Layout::Fitted).starts_with("flowchart LR\n"));
    assert!(svg::draw(&graph).to_text(Layout::Fitted).ends_with("</svg>\n"));
}
