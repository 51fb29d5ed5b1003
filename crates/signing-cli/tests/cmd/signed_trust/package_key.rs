//! Keys that sign packages, of an organization whose trust root keys sign.

use super::{INIT, PUBLISH, ROOT, ROOT_OUTPUT, rooted, scratch, trust, verify, words};
use crate::support::{Scratch, finish, text};

/// The same with a key in the store that acme trusts by a published statement, and that has signed
/// `a.so`.
fn with_stored_key() -> Scratch {
    let scratch = rooted();
    scratch.stored_key("build", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "acme/build"]);
    scratch.json(&PUBLISH);
    sign(&scratch, "acme/build");
    scratch
}

fn sign(scratch: &Scratch, key: &str) {
    scratch.json(&["package", "sign", "a.so", "--key-id", key, "--force"]);
}

/// The command of a step, with what only its reader knows.
fn follow(scratch: &Scratch, step: &str) {
    let step = step.replace("<private key>", "root.pem").replace("<file>", "root.json");
    let step = step.replace("<package>", "a.so");
    let words: Vec<_> = step.strip_prefix("cloacina ").unwrap().split(' ').collect();
    let more: &[&str] = if ["publish", "cosign"].contains(&words[1]) { &["--yes"] } else { &[] };
    scratch.json(&[&words[..], more].concat());
}

#[test]
fn the_printed_steps_of_a_rotation_refuse_no_load_of_a_runner_with_a_root() {
    let scratch = with_stored_key();
    let rotation = scratch.json(&["keys", "rotate", "acme/build"]);
    let steps = words(&rotation["next"], "command");
    assert!(steps[0].starts_with("cloacina trust publish --org acme "), "{steps:?}");
    for step in &steps {
        assert_eq!(verify(&scratch).code, 0);
        follow(&scratch, step);
    }
    assert_eq!(verify(&scratch).code, 0);
    let signers = verify(&scratch).document()["result"][0]["signers"].clone();
    let new = text(&rotation["successor"]["fingerprint"]);
    assert_eq!(words(&signers, "fingerprint"), [new]);
}

#[test]
fn a_rotation_without_signed_trust_has_nothing_to_publish() {
    let scratch = scratch();
    scratch.stored_key("build", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "acme/build"]);
    let steps = words(&scratch.json(&["keys", "rotate", "acme/build"])["next"], "command");
    assert!(steps.iter().all(|step| !step.contains("publish")), "{steps:?}");
}

#[test]
fn what_rows_give_is_said_to_count_once_it_is_signed() {
    let said = "once it is signed: cloacina trust publish --org acme";
    for (scratch, is_said) in [(rooted(), true), (scratch(), false)] {
        scratch.json(&["orgs", "create", "vendor"]);
        let gives: [&[&str]; 4] = [
            &["keys", "trust", "--org", "acme", "--import", "other.pub.pem", "--dry-run"],
            &["keys", "trust", "--org", "acme", "--import", "other.pub.pem", "--name", "other"],
            &["orgs", "grant-trust", "--from", "acme", "--to", "vendor", "--dry-run"],
            &["orgs", "grant-trust", "--from", "acme", "--to", "vendor"],
        ];
        for arguments in gives {
            let run = scratch.run(arguments);
            assert_eq!((run.code, run.stderr.contains(said)), (0, is_said), "{}", run.stderr);
        }
        // What takes trust away counts at once.
        let floor = ["package", "floor", "set", "--org", "acme", "--name", "a.so"];
        for (version, is_said) in [("2.0.0", false), ("1.0.0", is_said)] {
            let run = scratch.run(&[&floor[..], &[version]].concat());
            assert_eq!((run.code, run.stderr.contains(said)), (0, is_said), "{}", run.stderr);
        }
        scratch.json(&["keys", "revoke", "acme/other", "--trusted"]);
        let reinstate = ["keys", "reinstate", "acme/other", "--trusted", "--note", "a mistake"];
        let run = scratch.run(&reinstate);
        assert_eq!((run.code, run.stderr.contains(said)), (0, is_said), "{}", run.stderr);
    }
}

#[test]
fn a_key_in_the_revocations_is_not_said_to_be_accepted_again() {
    let scratch = with_stored_key();
    let publish = ["--publish", "online.pem", "--trust-root", "root.json"];
    scratch.json(&[&["keys", "revoke", "acme/build", "--trusted"][..], &publish].concat());
    let refused = || {
        let run = verify(&scratch);
        run.assert_failed(1, "UntrustedSigner");
        text(&run.document()["error"]["next"])
    };
    let other = "have the package signed by another key";
    assert!(refused().starts_with(other), "{}", refused());
    let reinstate = ["keys", "reinstate", "acme/build", "--trusted", "--note", "a mistake"];
    let run = scratch.run(&reinstate);
    assert!(run.stderr.contains("refuse this key for good"), "{}", run.stderr);
    // The row trusts it, and nothing is left to be done about the row.
    assert!(refused().starts_with(other), "{}", refused());
}

#[test]
fn a_draft_that_trusts_a_key_that_was_revoked_since_is_not_published() {
    let scratch = scratch();
    let two = ["--root-key", "second.pem", "--trust-threshold", "2"];
    scratch.json(&[&INIT[..], &two, &ROOT_OUTPUT, &["--yes"]].concat());
    trust(&scratch, "other");
    let draft = ["--draft", "draft.json"];
    scratch.json(&[&PUBLISH[..], &draft].concat());
    let cosign = ["trust", "cosign", "draft.json", "--key", "second.pem", "--yes"];
    scratch.json(&[&cosign[..], &ROOT].concat());
    let from = ["trust", "publish", "--from", "draft.json", "--yes", ROOT[0], ROOT[1]];

    scratch.json(&["keys", "revoke", "acme/other", "--trusted"]);
    let refused = scratch.fails(1, "TrustDraftOutdated", &from);
    assert!(refused.stderr.contains("is not trusted any more"), "{}", refused.stderr);
    let reinstate = ["keys", "reinstate", "acme/other", "--trusted", "--note", "a mistake"];
    scratch.json(&reinstate);
    let floor = ["package", "floor", "set", "--org", "acme", "--name", "a.so", "2.0.0"];
    scratch.json(&floor);
    scratch.fails(1, "TrustDraftOutdated", &from);
    scratch.json(&["package", "floor", "unset", "--org", "acme", "--name", "a.so"]);
    // What was added since is no reason to begin again.
    trust(&scratch, "online");
    scratch.json(&from);
    // The same once more has been published.
    let again = finish(&mut scratch.command(&from), b"");
    assert_eq!(again.code, 2, "{}", again.stderr);
}
