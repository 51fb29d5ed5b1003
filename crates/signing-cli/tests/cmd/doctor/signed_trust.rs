//! Whether a runner with these files would believe what the store has.

use crate::support::{Scratch, forge, text, with_kept};

use super::{Examined, scratch, set_mode};

const INIT: [&str; 7] = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
const FILES: [&str; 4] = ["--trust-root", "root.json", "--state-file", "runner.state"];

/// An organization with signed trust, and a runner that has verified by it.
fn with_runner() -> Scratch {
    let scratch = scratch();
    scratch.key_files("root");
    scratch.json(&[&INIT[..], &["--root-output", "root.json"]].concat());
    verify(&scratch);
    scratch
}

/// Has a runner remember the documents of the store.
fn verify(scratch: &Scratch) {
    scratch.write("a.so", "a package");
    let sign = ["sign", "a.so", "--force"];
    scratch.json(&sign);
    let verify = [&["package", "verify", "a.so", "--org", "acme"][..], &FILES].concat();
    scratch.json(&verify);
}

#[track_caller]
fn assert_refused(scratch: &Scratch, files: &[&str], said: &str) {
    let before = scratch.files();
    let examined = Examined::of(scratch, files);
    let check = examined.assert("signed trust", "problem");
    let message = text(&check["message"]);
    assert!(message.contains(said), "{message}");
    examined.assert_problems(1);
    assert_eq!(scratch.files(), before);
}

#[test]
fn signed_trust_that_a_runner_believes_is_no_problem_and_is_not_remembered() {
    let scratch = with_runner();
    let state = scratch.read("runner.state");
    let publish = ["trust", "publish", "--org", "acme", "--key", "root.pem", "--yes"];
    scratch.json(&[&publish[..], &FILES[..2]].concat());
    Examined::of(&scratch, &FILES).assert("signed trust", "ok");
    assert_eq!(scratch.read("runner.state"), state);
    // Without a state file nothing is older than what was seen.
    let examined = Examined::of(&scratch, &FILES[..2]);
    examined.assert("signed trust", "ok");
    examined.assert_problems(0);
}

#[test]
fn an_older_store_than_the_runner_has_seen_is_a_problem() {
    let scratch = with_runner();
    let older = scratch.read("store.db");
    let publish = ["trust", "publish", "--org", "acme", "--key", "root.pem", "--yes"];
    scratch.json(&[&publish[..], &FILES[..2]].concat());
    verify(&scratch);
    Examined::of(&scratch, &FILES).assert_problems(0);
    scratch.write("store.db", older);
    assert_refused(&scratch, &FILES, "was seen before");
}

#[test]
fn a_root_of_another_organization_is_a_problem() {
    let scratch = with_runner();
    scratch.json(&["orgs", "create", "beta"]);
    scratch.key_files("betas");
    let init = ["trust", "init", "--org", "beta", "--root-key", "betas.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "beta.json"]].concat());
    let examined = |org: Option<&str>, root| {
        Examined::by(&scratch, &["--trust-root", root], |command| {
            org.map(|org| command.env("CLOACINA_ORG", org));
        })
    };
    let refused = examined(Some("acme"), "beta.json");
    let message = text(&refused.assert("signed trust", "problem")["message"]);
    assert!(message.contains("the pinned root is of the organization"), "{message}");
    for (org, root) in [(Some("beta"), "beta.json"), (None, "beta.json"), (None, "root.json")] {
        examined(org, root).assert("signed trust", "ok");
    }
}

#[test]
fn a_digest_of_no_root_document_is_a_problem() {
    let scratch = with_runner();
    let digest = "0".repeat(64);
    assert_refused(&scratch, &["--trust-root", &digest], "no root document with the digest");
    scratch.json(&["orgs", "create", "beta"]);
    assert_refused(&scratch, &["--trust-root", &digest], "no organization of the store has");

    let status = ["trust", "status", "--org", "acme", "--trust-root", "root.json"];
    let digest = text(&scratch.json(&status)["root"]);
    Examined::of(&scratch, &["--trust-root", &digest]).assert("signed trust", "ok");
}

#[test]
fn signed_trust_is_not_checked_without_its_files_or_a_store() {
    let scratch = with_runner();
    set_mode(&scratch, "runner.state", 0o666);
    Examined::of(&scratch, &FILES).assert("signed trust", "not_checked");
    set_mode(&scratch, "runner.state", 0o600);
    let gone = [&FILES[..], &["--database-url", "gone.db"]].concat();
    Examined::of(&scratch, &gone).assert("signed trust", "not_checked");
    Examined::of(&scratch, &FILES).assert("signed trust", "ok");
}

#[test]
fn signed_trust_that_nobody_can_read_is_a_problem() {
    let scratch = scratch();
    scratch.key_files("root");
    scratch.json(&INIT);
    Examined::of(&scratch, &[]).assert("expiry", "ok");
    for kind in ["root", "statement", "revocations"] {
        let keep = format!(
            "CREATE TABLE kept.{kind} AS SELECT * FROM trust_documents WHERE kind = '{kind}'"
        );
        forge(&scratch, &with_kept(&scratch, &keep));
        forge(
            &scratch,
            &format!("UPDATE trust_documents SET envelope = '{{}}' WHERE kind = '{kind}'"),
        );
        let examined = Examined::of(&scratch, &[]);
        let message = text(&examined.assert("expiry", "problem")["message"]);
        assert!(message.contains("cannot be read") && message.contains(kind), "{message}");
        examined.assert_problems(1);
        let back = format!(
            "UPDATE trust_documents SET envelope = (SELECT envelope FROM kept.{kind})
             WHERE kind = '{kind}'"
        );
        forge(&scratch, &with_kept(&scratch, &back));
        Examined::of(&scratch, &[]).assert("expiry", "ok");
    }
}
