use serde_json::json;

use crate::support::{Scratch, text};

const GRAPH: [&str; 2] = ["trust", "graph"];
const HOSTILE: &str = "\"]; evil [";

/// An operator that accepts a vendor's keys, and a stranger's nothing.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["vendor", "operator", "stranger"]);
    for (name, org) in [("release", "vendor"), ("old", "vendor"), ("other", "stranger")] {
        scratch.key_files(name);
        let file = format!("{name}.pub.pem");
        scratch.json(&["keys", "trust", "--org", org, "--import", &file, "--name", name]);
    }
    let grant = ["orgs", "grant-trust", "--from", "operator", "--to", "vendor"];
    scratch.json(&[&grant[..], &["--packages", HOSTILE, "--expires", "2999-01-01"]].concat());
    scratch
}

#[test]
fn a_graph_tells_who_accepts_whose_keys() {
    let scratch = scratch();
    let listed = scratch.json(&["keys", "list", "--org", "vendor"])["accepted"].clone();
    let old = listed.as_array().unwrap().iter().find(|key| key["name"] == "old").unwrap();
    scratch.json(&["keys", "revoke", &text(&old["id"])]);
    scratch.json(&["orgs", "delete", "stranger", "--yes"]);

    let graph = scratch.json(&GRAPH);
    let orgs = graph["organizations"].as_array().unwrap();
    let names: Vec<_> = orgs.iter().map(|org| text(&org["name"])).collect();
    assert_eq!(names, ["operator", "stranger", "vendor"]);
    assert_eq!(orgs[0]["grants"][0]["packages"], json!([HOSTILE]));
    assert_eq!(orgs[0]["grants"][0]["expires_at"], "2999-01-01T00:00:00Z");
    assert_ne!(orgs[1]["deleted_at"], json!(null));
    let standings = orgs[2]["keys"].as_array().unwrap().iter();
    let mut standings: Vec<_> =
        standings.map(|key| (text(&key["name"]), text(&key["standing"]))).collect();
    standings.sort();
    let expected = [("old", "revoked"), ("release", "trusted")];
    assert_eq!(standings, expected.map(|(name, standing)| (name.into(), standing.into())));

    let shown = scratch.run(&GRAPH).stdout;
    for part in [
        "accepts  vendor for packages \"\\\"]; evil [\" until 2999-01-01T00:00:00Z",
        "refuses",
        "as retired",
        "deleted at",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(scratch.run(&GRAPH).stdout, shown);
}

#[test]
fn a_graph_of_one_organization_has_only_what_bears_on_it() {
    let scratch = scratch();
    scratch.json(&["orgs", "grant-trust", "--from", "vendor", "--to", "stranger"]);
    let names = |org: &str| {
        let graph = scratch.json(&["trust", "graph", "--org", org]);
        let orgs = graph["organizations"].as_array().unwrap().clone();
        let grants: usize = orgs.iter().map(|org| org["grants"].as_array().unwrap().len()).sum();
        (orgs.iter().map(|org| text(&org["name"])).collect::<Vec<_>>().join(" "), grants)
    };
    assert_eq!(names("operator"), ("operator vendor".into(), 1));
    assert_eq!(names("vendor"), ("stranger vendor".into(), 1));
    assert_eq!(names("stranger"), ("stranger".into(), 0));
    scratch.fails(2, "NoSuchOrganization", &["trust", "graph", "--org", "vendors"]);
}

#[test]
fn pictures_are_drawn_for_graphviz_and_mermaid_and_quote_what_is_hostile() {
    let scratch = scratch();
    let dot = scratch.run(&["trust", "graph", "--format", "dot"]);
    assert!(dot.stdout.starts_with("digraph trust {\n"), "{}", dot.stdout);
    assert!(dot.stdout.ends_with("}\n"), "{}", dot.stdout);
    assert!(!dot.stdout.contains("\"]; evil [\""), "{}", dot.stdout);
    let mermaid = scratch.run(&["trust", "graph", "--format", "mermaid"]);
    assert!(mermaid.stdout.starts_with("flowchart LR\n"), "{}", mermaid.stdout);
    assert!(!mermaid.stdout.contains("\"]; evil ["), "{}", mermaid.stdout);
    let svg = scratch.run(&["trust", "graph", "--format", "svg"]);
    assert!(svg.stdout.starts_with("<svg xmlns="), "{}", svg.stdout);
    assert!(svg.stdout.ends_with("</svg>\n"), "{}", svg.stdout);
    assert!(!svg.stdout.contains("\"]; evil ["), "{}", svg.stdout);
    assert_eq!(scratch.run(&["trust", "graph", "--format", "svg"]).stdout, svg.stdout);
    scratch.fails(2, "Usage", &["trust", "graph", "--format", "png"]);
}
