use std::thread;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    INIT, PUBLISH, ROOT, ROOT_OUTPUT, STATUS, rooted, scratch, trust, verify, versions, words,
};
use crate::support::{finish, text};

#[test]
fn what_rows_trust_counts_once_it_is_published() {
    let scratch = rooted();
    trust(&scratch, "other");
    scratch.json(&["package", "sign", "a.so", "--key", "other.pem", "--force"]);
    let status = finish(scratch.command(&STATUS).arg("--json"), b"");
    status.assert_failed(1, "UnpublishedTrust");
    assert!(status.stderr.contains("cloacina trust publish --org acme "), "{}", status.stderr);
    let changes = status.document()["result"]["changes"].clone();
    assert_eq!(words(&changes, "change"), ["trusts_key"]);
    assert_eq!(words(&changes, "name"), ["other"]);
    let published = scratch.json(&PUBLISH);
    assert_eq!(published["changes"], changes);
    assert_eq!(versions(&scratch), [1, 2, 1]);
    assert_eq!(verify(&scratch).code, 0);
    scratch.json(&STATUS);
}

/// Neither is higher, and yet a statement is signed as it is shown.
#[test]
fn a_floor_with_other_build_metadata_is_a_change() {
    let scratch = rooted();
    let floor = ["package", "floor", "set", "--org", "acme", "--name", "a.so"];
    for version in ["1.4.0+a", "1.4.0+b"] {
        scratch.json(&[&floor[..], &[version]].concat());
        let status = finish(scratch.command(&STATUS).arg("--json"), b"");
        status.assert_failed(1, "UnpublishedTrust");
        let changes = scratch.json(&PUBLISH)["changes"].clone();
        assert_eq!(words(&changes, "change"), ["sets_floor"], "{changes}");
        scratch.json(&STATUS);
    }
}

#[test]
fn publishing_shows_which_stored_packages_start_and_stop_to_verify() {
    let scratch = rooted();
    let (id, _) = scratch.stored_key("stored", "acme");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id, "--store"]);
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    let published = scratch.json(&PUBLISH);
    assert_eq!(words(&published["starts"], "name"), ["a.so"]);
    assert_eq!(published["stops"].as_array().unwrap().len(), 0);
    let again = scratch.json(&PUBLISH);
    assert_eq!(again["starts"].as_array().unwrap().len(), 0);
}

#[test]
fn a_dry_run_shows_what_would_be_signed_and_signs_nothing() {
    let scratch = scratch();
    let dry_run = ["--dry-run"];
    let run = scratch.run(&[&INIT[..], &ROOT_OUTPUT, &dry_run].concat());
    let begin = "nothing was changed; this would be signed:\n";
    assert!(run.stdout.starts_with(begin), "{}", run.stdout);
    assert!(run.stdout.contains("role root: 1 of 1 key must sign"), "{}", run.stdout);
    assert!(!scratch.exists("root.json"));
    scratch.fails(1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);

    let two = ["--root-key", "second.pem", "--trust-threshold", "2"];
    scratch.json(&[&INIT[..], &two, &ROOT_OUTPUT, &["--yes"]].concat());
    trust(&scratch, "other");
    let before = versions(&scratch);
    // One of two keys is here, and no draft is to be written.
    let publish = [&PUBLISH[..6], &ROOT, &dry_run].concat();
    let run = scratch.run(&publish);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("other keys that must sign it\n"), "{}", run.stdout);
    let foreseen = scratch.json(&publish);
    assert_eq!((&foreseen["published"], &foreseen["draft"]), (&json!(false), &json!(null)));
    assert_eq!(versions(&scratch), before);
    scratch.fails(2, "DraftNeeded", &PUBLISH);
}

#[test]
fn a_key_signs_the_documents_of_its_roles_and_no_others() {
    let scratch = rooted();
    let publish =
        |key| ["trust", "publish", "--org", "acme", "--yes", ROOT[0], ROOT[1], "--key", key];
    scratch.json(&publish("online.pem"));
    assert_eq!(versions(&scratch), [1, 1, 2]);
    scratch.json(&publish("root.pem"));
    assert_eq!(versions(&scratch), [1, 2, 2]);
    scratch.json(&[&publish("root.pem")[..], &["--key", "online.pem"]].concat());
    assert_eq!(versions(&scratch), [1, 3, 3]);
    scratch.fails(1, "KeyWithoutRole", &publish("release.pem"));
    let both = [&publish("root.pem")[..], &["--key", "release.pem"]].concat();
    scratch.fails(1, "KeyWithoutRole", &both);
    assert_eq!(versions(&scratch), [1, 3, 3]);
}

#[test]
fn publishing_verifies_what_was_published_from_the_given_root() {
    let scratch = rooted();
    let (with, other) = (|root| [&PUBLISH[..8], &[root]].concat(), "ab".repeat(32));
    scratch.fails(1, "TrustDocumentMissing", &with(&other));
    scratch.fails(2, "Usage", &PUBLISH[..7]);
    assert_eq!(versions(&scratch), [1, 1, 1]);
    scratch.json(&with("root.json"));
    let shown = scratch.json(&["trust", "show", "root.json"]);
    scratch.json(&with(&text(&shown["documents"][0]["root"])));
    assert_eq!(versions(&scratch), [1, 3, 1]);
}

#[test]
fn a_granted_organization_counts_by_its_root() {
    let scratch = rooted();
    scratch.json(&["orgs", "create", "vendor"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let left_out = scratch.json(&PUBLISH);
    assert_eq!(words(&left_out["unrooted"], "org"), ["vendor"]);
    assert_eq!(left_out["unrooted"][0]["shown_root"], Value::Null);
    let init = ["trust", "init", "--org", "vendor", "--root-key", "second.pem", "--yes"];
    let root = text(&scratch.json(&init)["root"]);
    let left_out = scratch.json(&PUBLISH);
    assert_eq!(words(&left_out["unrooted"], "shown_root"), [&*root]);
    assert_eq!(left_out["changes"], Value::Array(Vec::new()));
    let says = format!(
        "left out: the grant to vendor: compare its root with the one that vendor names, then give \
         --child-root vendor=<digest> (the store shows {root})"
    );
    for shows in [&STATUS[..], &PUBLISH] {
        let text = scratch.run(shows).stdout;
        assert!(text.lines().any(|line| line.trim() == says), "{text}");
    }
    let named = format!("vendor={root}");
    let published = scratch.json(&[&PUBLISH[..], &["--child-root", &named]].concat());
    assert_eq!(words(&published["changes"], "root"), [root]);
    assert_eq!(scratch.json(&STATUS)["unrooted"], Value::Array(Vec::new()));

    // Once it is deleted, nobody is told to look for its documents.
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "other.pub.pem"]);
    scratch.json(&["package", "sign", "a.so", "--key", "other.pem", "--force"]);
    scratch.json(&["orgs", "delete", "vendor", "--yes"]);
    let refused = verify(&scratch);
    refused.assert_failed(1, "UntrustedSigner");
    assert!(
        refused.stderr.contains("vendor, which trusted it, was deleted at"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_document_that_has_expired_is_refused_and_makes_the_status_fail() {
    let scratch = rooted();
    let soon = (Utc::now() + TimeDelta::seconds(3)).to_rfc3339_opts(SecondsFormat::Secs, true);
    scratch.json(&[&PUBLISH[..], &["--expires", &soon]].concat());
    scratch.json(&STATUS);
    thread::sleep(Duration::from_secs(4));
    scratch.fails(1, "TrustDocumentExpired", &STATUS);
    let refused = verify(&scratch);
    refused.assert_failed(1, "TrustDocumentExpired");
    assert!(refused.stderr.contains("cloacina trust publish"), "{}", refused.stderr);
    scratch.json(&PUBLISH);
    assert_eq!(verify(&scratch).code, 0);
}
