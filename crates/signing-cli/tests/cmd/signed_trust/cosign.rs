use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::{
    INIT, PUBLISH, ROOT, ROOT_OUTPUT, scratch, trust, verify, versions, without_store, words,
};
use crate::support::{Run, Scratch, ended, spawn, text};

/// An organization whose documents two keys must sign.
const TWO: [&str; 8] = [
    "--root-key",
    "second.pub.pem",
    "--root-threshold",
    "2",
    "--trust-threshold",
    "2",
    "--revocation-threshold",
    "2",
];

/// The same with three keys.
const THREE: [&str; 10] = [
    "--root-key",
    "second.pub.pem",
    "--root-key",
    "online.pub.pem",
    "--root-threshold",
    "3",
    "--trust-threshold",
    "3",
    "--revocation-threshold",
    "3",
];

/// Makes a draft of first documents. The digest of its root is told to those who sign.
fn drafted(scratch: &Scratch, roles: &[&str]) -> String {
    let init = [&INIT[..], roles, &["--yes", "--draft", "draft.json"]].concat();
    text(&scratch.json(&init)["root"])
}

fn cosign(scratch: &Scratch, key: &str, root: &str) -> Run {
    let cosign = ["trust", "cosign", "draft.json", "--key", key, "--yes", "--json"];
    without_store(scratch, &[&cosign[..], &["--trust-root", root]].concat())
}

const FROM: [&str; 5] = ["trust", "publish", "--from", "draft.json", "--yes"];

#[test]
fn a_draft_goes_round_over_a_machine_without_a_store() {
    let scratch = scratch();
    let init = [&INIT[..], &TWO, &["--yes"]].concat();
    scratch.fails(2, "DraftNeeded", &init);
    let drafted = scratch.json(&[&init[..], &["--draft", "draft.json"]].concat());
    let root = text(&drafted["root"]);
    assert_eq!((&drafted["published"], &drafted["draft"]), (&false.into(), &"draft.json".into()));
    assert_eq!(words(&drafted["missing"], "kind"), ["root", "statement", "revocations"]);
    scratch.fails(1, "ThresholdNotMet", &FROM);
    scratch.fails(1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);

    let signed = cosign(&scratch, "second.pem", &root);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    assert_eq!(signed.document()["result"]["missing"], Value::Array(Vec::new()));
    scratch.json(&[&FROM[..], &ROOT_OUTPUT].concat());
    assert_eq!(verify(&scratch).code, 0);
    // The same documents once more are not the next.
    scratch.fails(2, "TrustDocumentConflict", &FROM);
}

#[test]
fn a_key_without_a_role_or_that_has_signed_does_not_sign_a_draft() {
    let scratch = scratch();
    let root = drafted(&scratch, &TWO);
    let before = scratch.read("draft.json");
    cosign(&scratch, "other.pem", &root).assert_failed(1, "KeyWithoutRole");
    cosign(&scratch, "root.pem", &root).assert_failed(1, "AlreadySigned");
    assert_eq!(scratch.read("draft.json"), before);
    assert_eq!(cosign(&scratch, "second.pem", &root).code, 0);
    assert_ne!(scratch.read("draft.json"), before);
}

#[test]
fn a_cosigner_compares_the_root_of_first_documents_and_of_later_ones() {
    let scratch = scratch();
    let with = |root: &str| cosign(&scratch, "second.pem", root);
    let first = drafted(&scratch, &TWO);
    with(&"ab".repeat(32)).assert_failed(1, "OtherRoot");
    assert_eq!(with(&first).code, 0);
    scratch.json(&[&FROM[..], &ROOT_OUTPUT].concat());
    trust(&scratch, "other");
    scratch.json(&[&PUBLISH[..], &["--draft", "draft.json", "--force"]].concat());
    with(&"ab".repeat(32)).assert_failed(1, "OtherRoot");
    scratch.fails(2, "Usage", &["trust", "cosign", "draft.json", "--key", "second.pem", "--yes"]);
    assert_eq!(with("root.json").code, 0);
    // What was published before is not believed on the draft's word.
    scratch.fails(2, "RootNeeded", &FROM);
    assert_eq!(versions(&scratch), [1, 1, 1]);
    scratch.json(&[&FROM[..], &ROOT].concat());
    assert_eq!(versions(&scratch), [1, 2, 2]);
}

#[test]
fn a_cosigner_waits_for_another_and_adds_to_what_that_one_has_written() {
    let scratch = scratch();
    let root = drafted(&scratch, &THREE);
    let root = ["--trust-root", &root];
    let lock = File::open(scratch.path("draft.json")).unwrap();
    lock.lock().unwrap();
    let online = ["trust", "cosign", "draft.json", "--key", "online.pem"];
    let mut command = scratch.command(&[&online[..], &root].concat());
    let mut child = spawn(command.arg("--yes").stdout(Stdio::null()).stderr(Stdio::piped()));
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("waiting for the program that signs draft.json"), "{said}");
    // What the other program does: it replaces the draft, and lets go of it.
    fs::copy(scratch.path("draft.json"), scratch.path("other.json")).unwrap();
    let second = ["trust", "cosign", "other.json", "--key", "second.pem", "--yes"];
    scratch.json(&[&second[..], &root].concat());
    scratch.fails(1, "ThresholdNotMet", &["trust", "publish", "--from", "other.json"]);
    fs::rename(scratch.path("other.json"), scratch.path("draft.json")).unwrap();
    drop(lock);
    assert_eq!(ended(child, |mut child| child.wait().unwrap()).code(), Some(0));
    scratch.json(&FROM);
}

#[test]
fn cosigners_at_once_lose_no_signature() {
    for _ in 0..3 {
        let scratch = scratch();
        let root = drafted(&scratch, &THREE);
        let cosigning = ["second.pem", "online.pem"].map(|key| {
            let cosign =
                ["trust", "cosign", "draft.json", "--yes", "--trust-root", &root, "--key", key];
            spawn(scratch.command(&cosign).stdout(Stdio::null()).stderr(Stdio::null()))
        });
        for child in cosigning {
            assert_eq!(ended(child, |mut child| child.wait().unwrap()).code(), Some(0));
        }
        scratch.json(&FROM);
    }
}

#[test]
fn a_draft_that_was_edited_is_not_published() {
    let scratch = scratch();
    let root = drafted(&scratch, &TWO);
    cosign(&scratch, "second.pem", &root);
    let good = scratch.read("draft.json");
    let mut draft: Value = serde_json::from_slice(&good).unwrap();
    // Both signatures by one key count once.
    let root = draft["statement"]["signatures"][0].clone();
    draft["statement"]["signatures"][1] = root;
    scratch.write("draft.json", draft.to_string());
    scratch.fails(1, "MalformedTrustDraft", &FROM);
    draft["statement"]["signatures"].as_array_mut().unwrap().pop();
    scratch.write("draft.json", draft.to_string());
    scratch.fails(1, "ThresholdNotMet", &FROM);
    scratch.write("draft.json", good);
    scratch.json(&FROM);
}

/// Who carries a draft before anybody has signed it, or a machine whose clock is ahead.
#[test]
fn documents_that_are_issued_later_are_not_published() {
    let scratch = scratch();
    let root = drafted(&scratch, &TWO);
    let drafted: Value = serde_json::from_slice(&scratch.read("draft.json")).unwrap();
    for (hours, is_published) in [(26, false), (22, true)] {
        let mut draft = drafted.clone();
        let statement = &mut draft["statement"];
        let payload = STANDARD.decode(statement["payload"].as_str().unwrap()).unwrap();
        let mut document: Value = serde_json::from_slice(&payload).unwrap();
        let later = Utc::now() + TimeDelta::hours(hours);
        document["issuedAt"] = later.to_rfc3339_opts(SecondsFormat::Secs, true).into();
        statement["payload"] = STANDARD.encode(document.to_string()).into();
        statement["signatures"] = Value::Array(Vec::new());
        scratch.write("draft.json", draft.to_string());
        for key in ["root.pem", "second.pem"] {
            let signed = cosign(&scratch, key, &root);
            assert_eq!(signed.code, 0, "{}", signed.stderr);
        }
        match is_published {
            true => drop(scratch.json(&FROM)),
            false => drop(scratch.fails(1, "TrustDocumentIssuedLater", &FROM)),
        }
    }
}

#[test]
fn a_draft_is_not_replaced_by_another_unless_it_is_to_be() {
    let scratch = scratch();
    scratch.write("draft.json", "precious");
    let init = [&INIT[..], &TWO, &["--yes", "--draft", "draft.json"]].concat();
    scratch.fails(2, "FileExists", &init);
    assert_eq!(scratch.read("draft.json"), b"precious");
    scratch.json(&[&init[..], &["--force"]].concat());
    let shown = scratch.json(&["trust", "show", "draft.json"]);
    assert_eq!((&shown["what"], &shown["verified"]), (&"draft".into(), &false.into()));
}
