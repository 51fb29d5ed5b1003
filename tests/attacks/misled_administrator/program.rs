//! Somebody who can write the database changes it before an administrator, who has the root
//! document and the memory of what was published, signs the next documents.

use std::fs;

use serde_json::Value;

use crate::support::{Run, Scratch, finish, forge, text, with_kept};

const ROOT: [&str; 2] = ["--trust-root", "root.json"];
const PUBLISH: [&str; 9] =
    ["trust", "publish", "--org", "acme", "--yes", "--key", "root.pem", ROOT[0], ROOT[1]];
/// Fingerprints of keys are 32 times this.
const LEAKED: &str = "1e";
const LOST: &str = "10";
const KEEP: &str = "CREATE TABLE kept.rows AS SELECT * FROM trust_documents";
const PUT_BACK: &str = "INSERT OR IGNORE INTO trust_documents SELECT * FROM kept.rows";

#[test]
fn nothing_is_signed_after_documents_from_another_root() {
    let scratch = administered();
    init_elsewhere(&scratch, "acme");
    scratch.json(&PUBLISH);
    let pinned = scratch.json(&["trust", "show", "root.json"]);
    let digest = text(&pinned["documents"][0]["root"]);
    replace_documents(&scratch, "acme");
    let forged = documents(&scratch, "acme");
    for draft in [&[][..], &["--draft", "draft.json"]] {
        scratch.fails(1, "BrokenRootChain", &[&PUBLISH[..], draft].concat());
        let by_digest = [&PUBLISH[..8], &[&digest], draft].concat();
        scratch.fails(1, "TrustDocumentMissing", &by_digest);
    }
    let denied = deny(&scratch, &LOST.repeat(32));
    denied.assert_failed(2, "RevocationNotPublished");
    assert!(denied.stderr.contains("of the root document of"), "{}", denied.stderr);
    assert!(!scratch.exists("draft.json"));
    assert_eq!(documents(&scratch, "acme"), forged);
}

#[test]
fn revocations_are_not_signed_after_the_newest_were_removed() {
    let scratch = administered();
    assert_eq!(deny(&scratch, &LEAKED.repeat(32)).code, 0);
    forge(&scratch, &with_kept(&scratch, KEEP));
    forge(&scratch, "DELETE FROM trust_documents WHERE kind = 'revocations' AND version = 2");
    let before = documents(&scratch, "acme");
    let refused = deny(&scratch, &LOST.repeat(32));
    refused.assert_failed(2, "RevocationNotPublished");
    let remembered = "is older than version 2, which was seen before";
    assert!(refused.stderr.contains(remembered), "{}", refused.stderr);
    assert_eq!(documents(&scratch, "acme"), before);
    // With what was removed back in its place, both keys are denied for good.
    forge(&scratch, &with_kept(&scratch, PUT_BACK));
    assert_eq!(deny(&scratch, &LOST.repeat(32)).code, 0);
    let status = scratch.json(&["trust", "show", "--org", "acme"]);
    let newest = status["documents"].as_array().unwrap().last().unwrap();
    assert_eq!(newest["revoked"].as_array().unwrap().len(), 2);
}

#[test]
fn statement_is_not_signed_after_the_newest_was_removed() {
    let scratch = administered();
    scratch.json(&PUBLISH);
    forge(&scratch, &with_kept(&scratch, KEEP));
    forge(&scratch, "DELETE FROM trust_documents WHERE kind = 'statement' AND version = 2");
    let before = documents(&scratch, "acme");
    scratch.fails(1, "TrustDocumentRolledBack", &PUBLISH);
    assert_eq!(documents(&scratch, "acme"), before);
    forge(&scratch, &with_kept(&scratch, PUT_BACK));
    scratch.json(&PUBLISH);
}

#[test]
fn root_of_a_child_is_not_signed_because_the_store_shows_it() {
    let scratch = administered();
    let own = ["trust", "init", "--org", "vendor", "--root-key", "release.pem", "--yes"];
    let named = text(&scratch.json(&own)["root"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    init_elsewhere(&scratch, "vendor");
    replace_documents(&scratch, "vendor");
    let left_out = scratch.json(&PUBLISH);
    assert_eq!(left_out["changes"], Value::Array(Vec::new()));
    assert_ne!(left_out["unrooted"][0]["shown_root"], named);
    assert_eq!(granted(&scratch), Value::Array(Vec::new()));
    // The root that vendor itself has named is signed, whatever the store shows.
    let child = format!("vendor={named}");
    scratch.json(&[&PUBLISH[..], &["--child-root", &child]].concat());
    assert_eq!(granted(&scratch)[0]["root"], named);
}

#[test]
fn statement_is_not_signed_without_a_denial_that_was_made_unreadable() {
    let scratch = administered();
    let key = text(&scratch.json(&["package", "inspect", "a.so"])["signatures"][0]["keyid"]);
    let denied = scratch.json(&["keys", "deny", &key, "--org", "acme"]);
    let (id, draft) = (scratch.sql_id(&text(&denied["id"])), ["--draft", "draft.json"]);
    let set = |value: &str| {
        forge(&scratch, &format!("UPDATE trusted_keys SET revoked_at = {value} WHERE id = {id}"));
    };
    set("9223372036854775807");
    let before = documents(&scratch, "acme");
    scratch.fails(2, "UnreadableTrust", &PUBLISH);
    scratch.fails(2, "UnreadableTrust", &[&PUBLISH[..], &draft].concat());
    assert_eq!(documents(&scratch, "acme"), before);
    set("1");
    let published = scratch.json(&PUBLISH);
    let denies = |change: &Value| change["change"] == "denies_key" && change["fingerprint"] == key;
    assert!(published["changes"].as_array().unwrap().iter().any(denies), "{published}");
}

/// A store where acme trusts the key of `a.so` and has signed trust, whose root the
/// administrator keeps in `root.json`. A copy from before is `elsewhere.db`, and `evil.pem`
/// belongs to the one who can write both.
fn administered() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    for key in ["root", "evil", "release"] {
        scratch.key_files(key);
    }
    scratch.signed_package("a.so", "release.pem");
    fs::copy(scratch.path("store.db"), scratch.path("elsewhere.db")).unwrap();
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "release.pub.pem"]);
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    scratch
}

/// Makes documents of an organization from a root of the attacker's own.
fn init_elsewhere(scratch: &Scratch, org: &str) {
    let init = ["trust", "init", "--org", org, "--root-key", "evil.pem", "--yes"];
    let mut command = scratch.command(&init);
    let run = finish(command.env("CLOACINA_DATABASE_URL", "elsewhere.db"), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// Replaces the organization's own documents by these.
fn replace_documents(scratch: &Scratch, org: &str) {
    let elsewhere = scratch.path("elsewhere.db").display().to_string();
    let own = format!("org_id = (SELECT id FROM main.organizations WHERE name = '{org}')");
    let sql = format!(
        "ATTACH '{elsewhere}' AS elsewhere;
         DELETE FROM main.trust_documents WHERE {own};
         INSERT INTO main.trust_documents SELECT * FROM elsewhere.trust_documents WHERE {own};"
    );
    forge(scratch, &sql);
}

/// Denies a key, and publishes that.
fn deny(scratch: &Scratch, key: &str) -> Run {
    let deny = ["keys", "deny", key, "--org", "acme", "--publish", "root.pem", "--json"];
    scratch.run(&[&deny[..], &ROOT].concat())
}

/// All that the store shows of an organization's documents.
fn documents(scratch: &Scratch, org: &str) -> Value {
    scratch.json(&["trust", "show", "--org", org])["documents"].clone()
}

/// The grants of acme's newest statement.
fn granted(scratch: &Scratch) -> Value {
    let shown = documents(scratch, "acme");
    let views = shown.as_array().unwrap().iter();
    views.map(|view| &view["statement"]["grants"]).find(|grants| grants.is_array()).unwrap().clone()
}
