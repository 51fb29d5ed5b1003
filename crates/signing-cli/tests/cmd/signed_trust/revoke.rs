use serde_json::Value;

use super::{EXPORT, PUBLISH, ROOT, STATUS, rooted, verify, verify_by, versions, words};
use crate::support::{Run, Scratch, text};

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
    scratch.json(&[&["keys", "revoke", "release", "--publish", "online.pem"][..], &ROOT].concat());
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
    let revoke = [&["keys", "revoke", "release", "--publish", "online.pem"][..], &ROOT].concat();
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
    let fingerprint = text(&accepted(&scratch)["fingerprint"]);
    let beginning = &fingerprint[..16];
    let revoke =
        |key| ["keys", "revoke", beginning, "--publish", key, ROOT[0], ROOT[1]].map(str::to_owned);
    // Somebody can make a key whose fingerprint begins like that.
    let short = [&["keys", "revoke", &fingerprint[..15], "--publish", "online.pem"][..], &ROOT];
    let run = scratch.fails(2, "KeyNotStated", &short.concat());
    assert!(run.stderr.contains("fewer than 16 digits"), "{}", run.stderr);
    assert_eq!(verify(&scratch).code, 0);
    for key in ["gone.pem", "release.pem"] {
        let arguments = revoke(key);
        let arguments = arguments.each_ref().map(String::as_str);
        let run = scratch.fails(2, "RevocationNotPublished", &arguments);
        assert!(run.stderr.contains("the change was made in the store"), "{}", run.stderr);
        let draft = format!("--deny {fingerprint} --trust-root <file> --draft <file>");
        assert!(run.stderr.contains(&draft), "{}", run.stderr);
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

const NOT_KNOWN: &str = "hosts that verify by a bundle of acme do not know of this change";

const STILL_GIVEN: &str = "the bundle gives trust that rows have taken away";

/// The two commands that a note tells to run, with the files of this test.
fn noted_commands(run: &Run) -> [Vec<String>; 2] {
    let note = run.stderr.lines().find(|line| line.contains(NOT_KNOWN)).unwrap();
    let commands: Vec<_> = note.split(": cloacina ").skip(1).collect();
    let words = |command: &str| -> Vec<String> {
        let command = command.split(';').next().unwrap();
        let command = command.replace("--output <file>", "--output bundle.json --force");
        let command = command.replace("<revocation key>", "online.pem");
        let command = command.replace("<private key>", "root.pem --yes");
        command.replace("<file>", "root.json").split(' ').map(str::to_owned).collect()
    };
    [words(commands[0]), words(commands[1])]
}

fn run_noted(scratch: &Scratch, commands: &[Vec<String>]) {
    for command in commands {
        scratch.json(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn a_refusal_for_good_that_is_not_published_says_how_hosts_with_a_bundle_learn_of_it() {
    for reason in ["retired", "compromised"] {
        let scratch = rooted();
        scratch.json(&EXPORT);
        let revoke = ["keys", "revoke", "acme/release", "--trusted", "--reason", reason];
        let commands = noted_commands(&scratch.run(&revoke));
        let is_for_good = commands[0][1] == "deny";
        assert_eq!(is_for_good, reason == "compromised", "{commands:?}");
        assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
        run_noted(&scratch, &commands);
        verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
    }
}

#[test]
fn a_refusal_that_the_published_documents_state_needs_no_note() {
    let scratch = rooted();
    let fingerprint = text(&accepted(&scratch)["fingerprint"]);
    let deny = ["keys", "deny", &fingerprint, "--org", "acme"];
    let run = scratch.run(&deny);
    run_noted(&scratch, &noted_commands(&run)[..1]);
    assert_eq!(versions(&scratch), [1, 1, 2]);
    let again = scratch.run(&deny);
    assert!(!again.stderr.contains(NOT_KNOWN), "{}", again.stderr);
}

#[test]
fn a_key_that_is_declared_compromised_everywhere_is_to_be_denied_by_the_documents_too() {
    let scratch = rooted();
    let fingerprint = text(&accepted(&scratch)["fingerprint"]);
    let everywhere = ["keys", "deny", &fingerprint, "--org", "acme", "--danger-everywhere"];
    run_noted(&scratch, &noted_commands(&scratch.run(&everywhere))[..1]);
    assert_eq!(versions(&scratch), [1, 1, 2]);
}

/// A grant to an organization that has the root with this digest.
fn granting_by_row() -> (Scratch, String) {
    let scratch = rooted();
    scratch.json(&["orgs", "create", "vendor"]);
    let init = ["trust", "init", "--org", "vendor", "--root-key", "root.pem", "--yes"];
    let root = text(&scratch.json(&init)["root"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    (scratch, root)
}

#[test]
fn what_is_withdrawn_reaches_hosts_with_a_bundle_when_it_is_published() {
    let (scratch, root) = granting_by_row();
    scratch.json(&[&PUBLISH[..], &["--child-root", &format!("vendor={root}")]].concat());
    let withdraw = ["orgs", "revoke-trust", "--from", "acme", "--to", "vendor"];
    let floor = ["package", "floor", "set", "2.0.0", "--name", "a.so", "--org", "acme"];
    let key = ["keys", "revoke", "acme/release"];
    for command in [&withdraw[..], &floor, &key] {
        // Also when the row says so already, and somebody may have hidden the first note.
        scratch.json(command);
        let exported = scratch.run(&[&EXPORT[..], &["--force"]].concat());
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        assert!(exported.stderr.contains(STILL_GIVEN), "{}", exported.stderr);
        run_noted(&scratch, &noted_commands(&scratch.run(command)));
        let again = scratch.run(command);
        assert!(!again.stderr.contains(NOT_KNOWN), "{}", again.stderr);
        let exported = scratch.run(&[&EXPORT[..], &["--force"]].concat());
        assert!(!exported.stderr.contains(STILL_GIVEN), "{}", exported.stderr);
    }
    verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
}

#[test]
fn the_deletion_of_a_granted_organization_is_to_be_published_by_those_that_grant() {
    let (scratch, root) = granting_by_row();
    let delete = ["orgs", "delete", "vendor", "--dry-run"];
    let before = scratch.run(&delete);
    assert!(!before.stderr.contains(NOT_KNOWN), "{}", before.stderr);
    scratch.json(&[&PUBLISH[..], &["--child-root", &format!("vendor={root}")]].concat());
    assert!(scratch.run(&delete).stderr.contains(NOT_KNOWN));
    let deleted = scratch.run(&["orgs", "delete", "vendor", "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    run_noted(&scratch, &noted_commands(&deleted));
    assert_eq!(versions(&scratch), [1, 3, 1]);
}

#[test]
fn a_bundle_whose_revocations_deny_a_key_gives_no_trust_in_it() {
    let scratch = rooted();
    let deny = ["keys", "deny", "release", "--org", "acme"];
    scratch.json(&deny);
    let exported = scratch.run(&EXPORT);
    assert!(exported.stderr.contains(STILL_GIVEN), "{}", exported.stderr);
    scratch.json(&[&deny[..], &["--publish", "online.pem"], &ROOT].concat());
    let exported = scratch.run(&[&EXPORT[..], &["--force"]].concat());
    assert!(!exported.stderr.contains(STILL_GIVEN), "{}", exported.stderr);
}

#[test]
fn a_deleted_organization_gets_no_bundle() {
    let scratch = rooted();
    let org = text(&scratch.json(&["orgs", "show", "acme"])["id"]);
    let export = |file| ["trust", "export", "--org", &org, "--output", file, ROOT[0], ROOT[1]];
    scratch.json(&export("before.json"));
    let said =
        "nothing is published for a deleted organization: before that, revoke what acme trusts";
    for how in ["--dry-run", "--yes"] {
        let run = scratch.run(&["orgs", "delete", "acme", how]);
        assert!(run.code == 0 && run.stderr.contains(said), "{}", run.stderr);
    }
    scratch.fails(2, "OrganizationDeleted", &export("after.json"));
    assert!(!scratch.exists("after.json"));
}
