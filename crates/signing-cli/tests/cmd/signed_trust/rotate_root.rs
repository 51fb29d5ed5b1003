use std::fs::{self, File};
use std::process::Stdio;

use serde_json::Value;

use super::{
    INIT, PUBLISH, ROOT, ROOT_OUTPUT, STATUS, rooted, scratch, verify, versions, without_store,
    words,
};
use crate::support::{ended, spawn};

const ROTATE: [&str; 9] = [
    "trust",
    "rotate-root",
    "--org",
    "acme",
    "--yes",
    ROOT[0],
    ROOT[1],
    "--root-key",
    "second.pem",
];
const REVOCATION: [&str; 2] = ["--revocation-key", "online.pem"];

#[test]
fn new_root_keys_take_over_and_a_runner_with_the_old_root_follows() {
    let scratch = rooted();
    scratch.json(&[&ROTATE[..], &REVOCATION, &["--key", "root.pem"]].concat());
    // The revocation role has kept its key, so that its document stays.
    assert_eq!(versions(&scratch), [2, 2, 1]);
    scratch.json(&STATUS);
    assert_eq!(verify(&scratch).code, 0);
    scratch.fails(1, "KeyWithoutRole", &PUBLISH);
    let publish = ["trust", "publish", "--org", "acme", "--key", "second.pem", "--yes"];
    scratch.json(&[&publish[..], &ROOT].concat());
    assert_eq!(versions(&scratch), [2, 3, 1]);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn new_root_keys_do_not_take_over_without_the_old_ones() {
    let scratch = rooted();
    scratch.fails(2, "DraftNeeded", &[&ROTATE[..], &REVOCATION].concat());
    let stranger = [&ROTATE[..], &REVOCATION, &["--key", "other.pem"]].concat();
    scratch.fails(1, "KeyWithoutRole", &stranger);
    assert_eq!(versions(&scratch), [1, 1, 1]);
}

#[test]
fn a_rotation_goes_round_as_a_draft() {
    let scratch = rooted();
    let draft = ["--draft", "draft.json"];
    let drafted = scratch.json(&[&ROTATE[..], &REVOCATION, &draft].concat());
    assert_eq!(words(&drafted["missing"], "kind"), ["root"]);
    let from = ["trust", "publish", "--from", "draft.json", "--yes", ROOT[0], ROOT[1]];
    let unsigned = scratch.fails(1, "ThresholdNotMet", &from);
    let said = "cloacina trust cosign draft.json --key <private key> --trust-root <file>";
    assert!(unsigned.stderr.contains(said), "{}", unsigned.stderr);
    let shown = scratch.run(&["trust", "show", "draft.json"]).stdout;
    assert!(shown.contains("0 of the 1 keys of the root role of the previous root"), "{shown}");
    assert_eq!(versions(&scratch), [1, 1, 1]);
    let cosign = ["trust", "cosign", "draft.json", "--key", "root.pem", "--yes"];
    assert_eq!(without_store(&scratch, &cosign).code, 2);
    let cosign = [&cosign[..], &ROOT].concat();
    assert_eq!(without_store(&scratch, &cosign).code, 0);
    scratch.json(&from);
    assert_eq!(versions(&scratch), [2, 2, 1]);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn missing_signatures_of_the_previous_and_of_the_new_root_are_told_apart() {
    let scratch = scratch();
    let two = ["--root-key", "second.pub.pem", "--root-threshold", "2"];
    let draft = ["--draft", "draft.json", "--yes"];
    let first = scratch.run(&[&INIT[..], &two, &draft].concat()).stdout;
    assert!(first.contains("root: signed by 1 of the 2 keys of the root role\n"), "{first}");
    let init = ["--root-key", "second.pem", "--root-threshold", "2", "--yes"];
    scratch.json(&[&INIT[..], &init, &ROOT_OUTPUT].concat());
    let rotate = [&ROTATE[..8], &["root.pem"], &two[..2], &draft[..2], &["--force"]].concat();
    let said = scratch.run(&rotate).stdout;
    for root in ["previous", "new"] {
        let line = format!("signed by 1 of the 2 keys of the root role of the {root} root\n");
        assert!(said.contains(&line), "{said}");
    }
}

#[test]
fn documents_are_signed_again_if_the_keys_of_their_role_change() {
    let scratch = rooted();
    let same = [&ROTATE[..8], &["root.pem"]].concat();
    scratch.json(&[&same[..], &REVOCATION].concat());
    assert_eq!(versions(&scratch), [2, 1, 1]);
    scratch.json(&[&same[..], &["--revocation-key", "second.pem"]].concat());
    assert_eq!(versions(&scratch), [3, 1, 2]);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn a_threshold_stays_unless_another_is_given() {
    let scratch = scratch();
    let two = ["--root-key", "second.pem", "--root-threshold", "2", "--trust-threshold", "2"];
    scratch.json(&[&INIT[..], &two, &ROOT_OUTPUT, &["--yes"]].concat());
    let rotate = [&ROTATE[..], &["--root-key", "other.pem", "--key", "root.pem"]].concat();
    let roles = |rotated: &Value| -> Vec<_> {
        let roles = rotated["content"]["roles"].as_array().unwrap().iter();
        roles.map(|role| role["threshold"].as_u64().unwrap()).collect()
    };
    assert_eq!(roles(&scratch.json(&rotate)), [2, 2, 1]);
    let fewer = [&rotate[..9], &["--key", "other.pem", "--root-threshold", "1"]].concat();
    scratch.fails(2, "TooFewRoleKeys", &fewer);
    let lower = [&fewer[..], &["--trust-threshold", "1"]].concat();
    assert_eq!(roles(&scratch.json(&lower)), [1, 1, 1]);
}

#[test]
fn a_role_with_keys_of_its_own_must_be_named() {
    let scratch = rooted();
    let rotate = [&ROTATE[..], &["--key", "root.pem"]].concat();
    scratch.fails(2, "RoleKeysNeeded", &rotate);
    assert_eq!(versions(&scratch), [1, 1, 1]);
    scratch.json(&[&rotate[..], &REVOCATION].concat());
    assert_eq!(versions(&scratch), [2, 2, 1]);
}

/// Everybody may read the file, and so hold a lock on it.
#[test]
fn a_lock_or_a_pipe_in_the_place_of_the_root_document_holds_nothing_up() {
    let scratch = rooted();
    let rotate = [&ROTATE[..8], &["root.pem", "--key", "root.pem", "--force"]].concat();
    let rotate = [&rotate[..], &REVOCATION, &["--root-output", "next.json"]].concat();
    let bounded = || {
        let child = spawn(scratch.command(&rotate).stdout(Stdio::null()).stderr(Stdio::null()));
        ended(child, |mut child| child.wait().unwrap().code())
    };
    scratch.write("next.json", "another");
    let held = File::open(scratch.path("next.json")).unwrap();
    held.lock().unwrap();
    assert_eq!(bounded(), Some(0));
    assert_eq!(versions(&scratch), [2, 1, 1]);

    fs::remove_file(scratch.path("next.json")).unwrap();
    assert_eq!(scratch.tool("mkfifo").arg("next.json").status().unwrap().code(), Some(0));
    assert_eq!(bounded(), Some(2));
    assert_eq!(versions(&scratch), [2, 1, 1]);
}
