//! What becomes of a draft while it goes round.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signing_crypto::{RootDocument, SigningKey, TrustDocumentKind};

use super::expired::{ONE, ROTATE, TWO_OF_THREE, cosign_and_publish, expire, parse, signed};
use super::{EXPORT, PUBLISH, ROOT, trust, verify_by, words};
use crate::support::Scratch;

const PUBLISH_DRAFT: [&str; 9] = [
    "trust",
    "publish",
    "--from",
    "draft.json",
    "--yes",
    "--root-output",
    "newest.json",
    ROOT[0],
    ROOT[1],
];

/// A draft that enough keys have signed.
fn drafted() -> Scratch {
    let scratch = TWO_OF_THREE.rooted();
    trust(&scratch, "second");
    draft(&scratch, "draft.json");
    scratch
}

fn draft(scratch: &Scratch, file: &str) {
    scratch.json(&[&PUBLISH[..], &["--draft", file]].concat());
    let cosign = ["trust", "cosign", file, "--key", "second.pem", "--yes"];
    scratch.json(&[&cosign[..], &ROOT].concat());
}

/// The same root document, but that the root role is somebody else's, who signs it.
fn forged(scratch: &Scratch, root: &Value) -> Value {
    let key = SigningKey::from_pem(&scratch.read("release.pem")).unwrap();
    let payload = STANDARD.decode(root["payload"].as_str().unwrap()).unwrap();
    let mut document: Value = serde_json::from_slice(&payload).unwrap();
    let public = STANDARD.encode(key.verifying_key().as_bytes());
    document["keys"].as_array_mut().unwrap().push(json!(public));
    document["roles"]["root"] = json!({ "keyids": [key.fingerprint()], "threshold": 1 });
    let mut root = root.clone();
    root["payload"] = json!(STANDARD.encode(document.to_string()));
    let root: RootDocument = parse(&root.to_string());
    serde_json::from_str(&signed(&root, &[key])).unwrap()
}

/// Nobody compares what a draft says of the current root document but the program.
#[test]
fn a_draft_that_names_a_root_of_somebody_else_is_not_published() {
    let scratch = drafted();
    let good = scratch.read("draft.json");
    let mut draft: Value = serde_json::from_slice(&good).unwrap();
    draft["currentRoot"] = forged(&scratch, &draft["currentRoot"]);
    scratch.write("draft.json", draft.to_string());
    scratch.fails(1, "TrustDraftOutdated", &PUBLISH_DRAFT);
    assert!(!scratch.path("newest.json").exists());

    scratch.write("draft.json", good);
    scratch.json(&PUBLISH_DRAFT);
    assert_eq!(scratch.read("newest.json"), scratch.read("root.json"));
}

#[test]
fn a_draft_from_before_another_root_is_not_published() {
    let scratch = drafted();
    let newer = ["--root-key", "second.pem", "--revocation-key", "online.pem", "--yes"];
    scratch.json(&[&ROTATE[..8], &newer].concat());
    scratch.fails(1, "TrustDraftOutdated", &PUBLISH_DRAFT);
    assert!(!scratch.path("newest.json").exists());
}

/// That its numbers are taken is nobody's attack: the state file is as good as before.
#[test]
fn a_draft_that_another_publication_has_overtaken_is_to_be_made_again() {
    let scratch = drafted();
    for published in [&["draft.json", "later.json"][..], &["later.json", "draft.json"]] {
        let scratch = drafted();
        scratch.key_files("new");
        trust(&scratch, "new");
        draft(&scratch, "later.json");
        let from = |file| [&PUBLISH_DRAFT[..3], &[file], &PUBLISH_DRAFT[4..]].concat();
        scratch.json(&from(published[0]));
        let refused = scratch.fails(2, "TrustDocumentConflict", &from(published[1]));
        assert!(refused.stderr.contains("make a draft again"), "{}", refused.stderr);
        std::fs::remove_file(scratch.path("newest.json")).unwrap();
        draft(&scratch, "again.json");
        scratch.json(&from("again.json"));
    }
    scratch.json(&PUBLISH_DRAFT);
}

/// Such as after a lost connection.
#[test]
fn a_root_document_that_is_published_twice_leaves_nothing_to_do() {
    let scratch = ONE.rooted();
    let draft = ["--yes", "--trust-key", "second.pub.pem", "--draft", "draft.json"];
    scratch.json(&[&ROTATE[..8], &draft].concat());
    let published = cosign_and_publish(&scratch);
    assert_eq!(published.code, 0, "{}", published.stderr);
    let again = scratch.fails(2, "TrustDocumentConflict", &PUBLISH_DRAFT);
    assert!(again.stderr.contains("nothing is left to do"), "{}", again.stderr);
}

/// Hosts refuse what was published, because something of it has expired. What is signed again for
/// other keys must not have them accept what was revoked meanwhile.
#[test]
fn nothing_that_was_revoked_comes_back_for_other_keys() {
    use TrustDocumentKind::{Root, Statement};
    let rotate = [&ROTATE[..8], &["--yes", "--trust-key", "second.pem"]].concat();
    for expired in [&[Root][..], &[Statement], &[Root, Statement]] {
        let scratch = ONE.rooted();
        expire(&scratch, "acme", expired, &ONE);
        scratch.json(&["keys", "deny", "release", "--org", "acme"]);
        let rotated = scratch.json(&rotate);
        assert_eq!(words(&rotated["changes"], "change"), ["drops_key", "denies_key"]);
        scratch.json(&EXPORT);
        verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
    }
}

#[test]
fn a_draft_for_other_keys_brings_nothing_back_once_something_has_expired() {
    let draft = ["--yes", "--trust-key", "second.pub.pem", "--draft", "draft.json"];
    for has_expired in [true, false] {
        let scratch = ONE.rooted();
        if has_expired {
            expire(&scratch, "acme", &[TrustDocumentKind::Statement], &ONE);
        }
        scratch.json(&[&ROTATE[..8], &draft].concat());
        scratch.json(&["keys", "deny", "release", "--org", "acme"]);
        let published = cosign_and_publish(&scratch);
        let outdated = published.stderr.contains("the draft gives trust that was taken away");
        assert_eq!(outdated, has_expired, "{}", published.stderr);
        assert_eq!(published.code, i32::from(has_expired), "{}", published.stderr);
    }
}
