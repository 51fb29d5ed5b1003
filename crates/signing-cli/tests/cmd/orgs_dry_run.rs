//! What deleting an organization, or withdrawing a grant, would end.

use serde_json::Value;

use crate::support::{Scratch, text};

const WITHDRAW: [&str; 6] = ["orgs", "revoke-trust", "--from", "acme", "--to", "vendor"];

/// `acme` accepts the key `vendor/release` through a grant, and its own key `ci`. `vendor` keeps a
/// signature by its key in the store, and `acme` one by its own.
fn world() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    for (name, org, package) in [("release", "vendor", "a.so"), ("ci", "acme", "b.so")] {
        scratch.stored_key(name, org);
        let key = format!("{org}/{name}");
        scratch.json(&["keys", "trust", "--org", org, "--key-id", &key]);
        scratch.write(package, package);
        scratch.json(&["package", "sign", package, "--key-id", &key, "--store"]);
    }
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    scratch
}

fn dry_run(scratch: &Scratch, command: &[&str]) -> Value {
    scratch.json(&[command, &["--dry-run"]].concat())
}

/// The organizations that would lose something, and the names that these lists have.
fn names(of: &Value, list: &str) -> Vec<(String, Vec<String>)> {
    let each = of.as_array().unwrap().iter().map(|one| {
        let names = one[list].as_array().unwrap().iter().map(|item| text(&item["name"]));
        (text(&one["org"]), names.collect())
    });
    each.collect()
}

fn lost(org: &str, name: &str) -> (String, Vec<String>) {
    (org.into(), vec![name.into()])
}

fn verifies(scratch: &Scratch, package: &str, org: &str) -> bool {
    scratch.run(&["package", "verify", package, "--org", org]).code == 0
}

#[test]
fn withdrawing_a_grant_is_shown_first_and_then_does_that() {
    let scratch = world();
    let shown = dry_run(&scratch, &WITHDRAW);
    assert_eq!(names(&shown["refused"], "keys"), [lost("acme", "release")]);
    assert_eq!(names(&shown["losses"], "packages"), [lost("acme", "a.so")]);
    assert!(verifies(&scratch, "a.so", "acme"));
    let said = scratch.run(&[&WITHDRAW[..], &["--dry-run"]].concat()).stdout;
    assert!(said.starts_with("nothing was changed; withdrawing the grant of acme"), "{said}");

    scratch.json(&WITHDRAW);
    assert!(!verifies(&scratch, "a.so", "acme"));
    assert!(verifies(&scratch, "b.so", "acme") && verifies(&scratch, "a.so", "vendor"));
    let again = dry_run(&scratch, &WITHDRAW);
    assert_eq!(
        (&again["refused"], &again["losses"]),
        (&Value::Array(vec![]), &Value::Array(vec![]))
    );
}

#[test]
fn deleting_an_organization_is_shown_first_for_it_and_for_those_that_granted_it_trust() {
    let scratch = world();
    let shown = dry_run(&scratch, &["orgs", "delete", "vendor"]);
    let both = [lost("acme", "release"), lost("vendor", "release")];
    assert_eq!(names(&shown["refused"], "keys"), both);
    let both = [lost("acme", "a.so"), lost("vendor", "a.so")];
    assert_eq!(names(&shown["losses"], "packages"), both);
    assert!(verifies(&scratch, "a.so", "acme"));

    scratch.json(&["orgs", "delete", "vendor", "--yes"]);
    assert!(!verifies(&scratch, "a.so", "acme"));
    assert!(verifies(&scratch, "b.so", "acme"));
}

#[test]
fn a_key_that_is_accepted_otherwise_stays_accepted() {
    let scratch = world();
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "vendor/release"]);
    let shown = dry_run(&scratch, &WITHDRAW);
    assert_eq!(names(&shown["refused"], "keys"), []);
    // The store no longer finds the signature that vendor keeps.
    assert_eq!(names(&shown["losses"], "packages"), [lost("acme", "a.so")]);
    scratch.json(&WITHDRAW);
    assert!(!verifies(&scratch, "a.so", "acme"));
}
