use serde_json::Value;

use super::{EXPORT, PUBLISH, ROOT, STATUS, rooted, trust, verify, verify_by, versions, words};
use crate::support::{Scratch, forge, text};

fn accepted(scratch: &Scratch) -> Value {
    scratch.json(&["keys", "list", "--org", "acme"])["accepted"][0].clone()
}

#[test]
fn a_denial_is_published_for_hosts_that_have_a_bundle() {
    let scratch = rooted();
    let fingerprint = text(&accepted(&scratch)["fingerprint"]);
    scratch.json(&EXPORT);
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
    let deny = ["keys", "deny", &fingerprint, "--org", "acme"];
    scratch.json(&[&deny[..], &["--publish", "online.pem"], &ROOT].concat());
    assert_eq!(versions(&scratch), [1, 1, 2]);
    scratch.json(&[&EXPORT[..], &["--force"]].concat());
    verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
}

#[test]
fn a_revoked_key_is_refused_by_a_bundle_that_is_exported_again() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    let id = text(&accepted(&scratch)["id"]);
    scratch.json(&[&["keys", "revoke", &id, "--publish", "online.pem"][..], &ROOT].concat());
    // A host does not learn of it before it gets the next bundle.
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
    scratch.json(&[&EXPORT[..], &["--force"]].concat());
    verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
}

#[test]
fn the_status_warns_of_a_key_that_rows_trust_again_after_its_revocation_was_published() {
    let scratch = rooted();
    let key = accepted(&scratch);
    let (id, fingerprint) = (text(&key["id"]), text(&key["fingerprint"]));
    let warned = |status: &Value| words(&status["trusted_but_revoked"], "fingerprint");
    let revoke = [&["keys", "revoke", &id, "--publish", "online.pem"][..], &ROOT].concat();
    scratch.json(&revoke);
    let run = scratch.run(&[&STATUS[..], &["--json"]].concat());
    assert_eq!(warned(&run.document()["result"]), [""; 0]);
    scratch.json(&["keys", "reinstate", &id, "--note", "mistake"]);
    assert_eq!(warned(&scratch.json(&STATUS)), [&*fingerprint]);
    let shown = scratch.run(&STATUS).stdout;
    let (_, after) = shown.split_once("warning: rows trust these keys").unwrap();
    assert!(after.contains(&fingerprint), "{shown}");
    verify(&scratch).assert_failed(1, "UntrustedSigner");
}

#[test]
fn a_denial_that_is_not_published_counts_in_the_store_alone() {
    let scratch = rooted();
    let fingerprint = text(&accepted(&scratch)["fingerprint"]);
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme"]);
    assert_eq!(versions(&scratch), [1, 1, 1]);
    scratch.json(&EXPORT);
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
    verify(&scratch).assert_failed(1, "UntrustedSigner");
}

#[test]
fn a_revocation_that_cannot_be_published_counts_in_the_store_and_says_so() {
    let scratch = rooted();
    let id = text(&accepted(&scratch)["id"]);
    let revoke =
        |key| ["keys", "revoke", &id, "--publish", key, ROOT[0], ROOT[1]].map(str::to_owned);
    for key in ["gone.pem", "release.pem"] {
        let arguments = revoke(key);
        let arguments = arguments.each_ref().map(String::as_str);
        let run = scratch.fails(2, "RevocationNotPublished", &arguments);
        assert!(run.stderr.contains("the change was made in the store"), "{}", run.stderr);
        let draft = "--deny <fingerprint> --trust-root <file> --draft <file>";
        assert!(run.stderr.contains(draft), "{}", run.stderr);
        verify(&scratch).assert_failed(1, "UntrustedSigner");
    }
    assert_eq!(versions(&scratch), [1, 1, 1]);
    let arguments = revoke("online.pem");
    scratch.json(&arguments.each_ref().map(String::as_str));
    assert_eq!(versions(&scratch), [1, 1, 2]);
}

#[test]
fn a_retired_signing_key_has_no_revocation_to_publish() {
    let scratch = rooted();
    let (id, _) = scratch.stored_key("stored", "acme");
    let revoke = ["keys", "revoke", &id, "--publish", "online.pem", ROOT[0], ROOT[1]];
    scratch.fails(2, "NothingToPublish", &revoke);
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"][0]["revoked_at"], Value::Null);
    scratch.json(&[&revoke[..], &["--reason", "compromised"]].concat());
    assert_eq!(versions(&scratch), [1, 1, 2]);
}

#[test]
fn a_key_that_is_denied_by_name_is_published_as_the_statement_knows_it() {
    let scratch = rooted();
    let deny = ["keys", "deny", "release", "--org", "acme", "--publish", "online.pem"];
    scratch.json(&[&deny[..], &ROOT].concat());
    assert_eq!(versions(&scratch), [1, 1, 2]);
}

/// Somebody who may write rows gives the name to another key, so that the administrator
/// revokes that one for good.
#[test]
fn a_key_that_rows_alone_call_so_is_not_revoked_for_good() {
    let scratch = rooted();
    trust(&scratch, "other");
    let listed = scratch.json(&["keys", "list", "--org", "acme"])["accepted"].clone();
    let other = listed.as_array().unwrap().iter().find(|key| key["name"] == "other").unwrap();
    let rename =
        "UPDATE trusted_keys SET name = CASE name WHEN 'release' THEN 'old' ELSE 'release' END";
    forge(&scratch, rename);
    for key in ["release", &text(&other["id"]), &text(&other["fingerprint"])[..8]] {
        scratch.fails(1, "OtherKeyInRow", &[&PUBLISH[..], &["--deny", key]].concat());
        let deny = ["keys", "deny", key, "--org", "acme", "--publish", "online.pem"];
        scratch.fails(2, "RevocationNotPublished", &[&deny[..], &ROOT].concat());
    }
    assert_eq!(versions(&scratch), [1, 1, 1]);
    let fingerprint = text(&other["fingerprint"]);
    let publish = [&PUBLISH[..], &["--key", "online.pem", "--deny", &fingerprint]].concat();
    scratch.json(&publish);
    assert_eq!(versions(&scratch)[2], 2);
}
