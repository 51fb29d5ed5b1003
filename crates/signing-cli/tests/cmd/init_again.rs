//! `init` where an organization has signed trust already: what it finds is verified, or it says
//! that it was not.

use std::fs;

use serde_json::Value;
use signing_crypto::TrustDocumentKind;

use crate::signed_trust::expired::{ONE, expire};
use crate::support::{Scratch, forge, text};

/// The last step, of a store whose documents have their root in `acme-root.json`.
fn found(scratch: &Scratch, more: &[&str]) -> Value {
    let steps = scratch.json(&[&["init", "acme"], more].concat())["steps"].clone();
    steps.as_array().unwrap().last().unwrap().clone()
}

const SIGNED: [&str; 3] = ["--signed-trust", "--root-output", "acme-root.json"];

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("root");
    let made = found(&scratch, &[&SIGNED[..], &["--root-key", "root.pem"]].concat());
    assert_eq!((&made["step"], &made["outcome"]), (&"signed trust".into(), &"made".into()));
    scratch
}

#[test]
fn signed_trust_is_verified_by_the_root_document_that_is_there() {
    let scratch = scratch();
    for more in [&SIGNED[..], &[&SIGNED[..], &["--dry-run"]].concat()] {
        let found = found(&scratch, more);
        assert_eq!(found["outcome"], "existed");
        assert_eq!(found["verified"], true, "{found}");
    }
    // The documents of others under the same root are refused.
    scratch.key_files("other");
    let other = ["trust", "init", "--org", "acme", "--root-key", "other.pem", "--yes", "--force"];
    forge(&scratch, "DELETE FROM trust_documents");
    scratch.json(&[&other[..], &["--root-output", "other.json"]].concat());
    for dry_run in [&[][..], &["--dry-run"]] {
        let refused = [&["init", "acme"], &SIGNED[..], dry_run].concat();
        scratch.fails(1, "BrokenRootChain", &refused);
    }
}

#[test]
fn signed_trust_that_nothing_verifies_is_said_to_be_unverified() {
    let scratch = scratch();
    // Where there is no root document, with and without the option.
    for more in [&[][..], &["--signed-trust", "--root-output", "gone.json"]] {
        let found = found(&scratch, more);
        assert_eq!(found["outcome"], "existed");
        assert_eq!(found["verified"], false, "{found}");
        let shown = scratch.run(&[&["init", "acme"], more].concat()).stdout;
        let command = "cloacina trust status --org acme --trust-root <file>";
        assert!(shown.contains("not verified: ") && shown.contains(command), "{shown}");
    }
    // At the place where commands look for it, it is found without being named.
    fs::create_dir_all(scratch.path("home/.config/cloacina")).unwrap();
    fs::rename(
        scratch.path("acme-root.json"),
        scratch.path("home/.config/cloacina/acme-root.json"),
    )
    .unwrap();
    assert_eq!(found(&scratch, &[])["verified"], true);
}

#[test]
fn signed_trust_that_is_broken_ends_init_before_it_makes_anything() {
    let scratch = scratch();
    forge(&scratch, "UPDATE trust_documents SET envelope = '{}' WHERE kind = 'statement'");
    for more in [&SIGNED[..], &[], &["--dry-run"]] {
        let init = [&["init", "acme", "--key", "night"], more].concat();
        let refused = scratch.fails(1, "MalformedTrustDocument", &init);
        assert_ne!(text(&refused.document()["error"]["next"]), "");
    }
    let keys = scratch.json(&["keys", "list", "--org", "acme"]);
    assert!(!keys.to_string().contains("night"), "{keys}");
    // Another organization's is no reason.
    scratch.json(&["init", "vendor"]);
}

#[test]
fn signed_trust_that_has_expired_is_said_to_have_expired_with_the_step_that_renews_it() {
    let scratch = scratch();
    assert_eq!(found(&scratch, &SIGNED)["expired"], Value::Null);
    fs::copy(scratch.path("acme-root.json"), scratch.path("root.json")).unwrap();
    expire(&scratch, "acme", &TrustDocumentKind::ALL, &ONE);
    fs::rename(scratch.path("root.json"), scratch.path("acme-root.json")).unwrap();
    fs::remove_file(scratch.path("acme-root.json.state")).unwrap();
    let step = found(&scratch, &SIGNED);
    assert_eq!(step["expired"], serde_json::json!(["root", "statement", "revocations"]));
    let shown = scratch.run(&[&["init", "acme"], &SIGNED[..]].concat()).stdout;
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("has expired: root, statement, revocations"), "{shown}");
    let rotate = "trust rotate-root --org acme --trust-root acme-root.json --root-key";
    assert!(shown.contains(rotate), "{shown}");
    let root = ["--trust-root", "acme-root.json", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&["trust", "rotate-root", "--org", "acme"][..], &root].concat());
    assert_eq!(found(&scratch, &SIGNED)["expired"], Value::Null);
}
