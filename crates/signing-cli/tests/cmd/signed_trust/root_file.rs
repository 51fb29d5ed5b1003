//! The file of a new root document: it is there if the root is published, and only then.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{EXPORT, INIT, PUBLISH, ROOT, ROOT_OUTPUT, STATUS, rooted, scratch, trust, versions};
use crate::support::{Scratch, text};

const SHOW: [&str; 4] = ["trust", "show", "--org", "acme"];

#[test]
fn a_root_whose_file_cannot_be_written_is_not_published() {
    let scratch = scratch();
    fs::create_dir(scratch.path("root.json")).unwrap();
    let init = [&INIT[..], &ROOT_OUTPUT, &["--yes", "--force"]].concat();
    scratch.fails(2, "UnwritableFile", &init);
    scratch.fails(1, "TrustDocumentMissing", &SHOW);
    fs::remove_dir(scratch.path("root.json")).unwrap();
    scratch.json(&[&INIT[..], &ROOT_OUTPUT, &["--yes"]].concat());
    scratch.json(&STATUS);
}

#[test]
fn a_root_that_a_killed_run_left_is_named_as_such() {
    let scratch = scratch();
    let store = scratch.read("store.db");
    let init = [&INIT[..], &ROOT_OUTPUT, &["--yes"]].concat();
    scratch.json(&init);
    let root = scratch.read("root.json");
    // The store of a run that was killed after it wrote the file.
    scratch.write("store.db", store);
    scratch.fails(2, "RootNotPublished", &init);
    assert_eq!(scratch.read("root.json"), root);

    scratch.write("root.json", "something else");
    scratch.fails(2, "FileExists", &init);

    fs::remove_file(scratch.path("root.json")).unwrap();
    scratch.json(&init);
    scratch.json(&STATUS);
}

#[test]
fn the_newest_root_is_written_also_when_another_document_is_published() {
    let scratch = rooted();
    let root = scratch.read("root.json");
    let publish = [&PUBLISH[..], &["--root-output", "again.json"]].concat();
    let published = scratch.json(&publish);
    assert_eq!(published["root_file"], "again.json");
    assert_eq!(scratch.read("again.json"), root);
    scratch.fails(2, "FileExists", &publish);
    // Nothing is published without it.
    assert_eq!(versions(&scratch), [1, 2, 1]);
}

#[test]
fn a_draft_has_no_root_file_yet_and_says_when_it_is_written() {
    let two = ["--root-key", "second.pub.pem", "--root-threshold", "2", "--yes"];
    let scratch = scratch();
    let init = [&INIT[..], &ROOT_OUTPUT, &two].concat();
    let before = scratch.files();
    scratch.fails(2, "DraftNeeded", &init);
    scratch.json(&[&init[..], &["--dry-run"]].concat());
    assert_eq!(scratch.files(), before);

    let drafted = scratch.run(&[&init[..], &["--draft", "draft.json"]].concat());
    assert_eq!(drafted.code, 0, "{}", drafted.stderr);
    let said = "give --root-output root.json then";
    assert!(drafted.stderr.contains(said), "{}", drafted.stderr);
    let left: Vec<_> =
        scratch.files().into_iter().filter(|file| file.starts_with("root.json")).collect();
    assert_eq!(left, [""; 0]);

    // The next step is printed without a root document, which there is not yet.
    let from = ["trust", "publish", "--from", "draft.json", "--yes"];
    let unsigned = scratch.fails(1, "ThresholdNotMet", &from);
    let said = "cloacina trust cosign draft.json --key <private key> --trust-root <digest>";
    assert!(unsigned.stderr.contains(said), "{}", unsigned.stderr);
    let root = text(&scratch.json(&["trust", "show", "draft.json"])["documents"][0]["root"]);
    let cosign = ["trust", "cosign", "draft.json", "--key", "second.pem", "--yes"];
    let signed = scratch.run(&[&cosign[..], &["--trust-root", &root]].concat()).stdout;
    let said = "cloacina trust publish --from draft.json --root-output <file>";
    assert!(signed.contains(said), "{signed}");
    scratch.json(&[&from[..], &ROOT_OUTPUT].concat());
    scratch.json(&STATUS);
}

#[test]
fn a_bundle_or_a_draft_in_the_place_of_a_root_document_is_named() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    trust(&scratch, "other");
    let two = ["--root-key", "second.pub.pem", "--root-threshold", "2", "--yes"];
    let rotate = ["trust", "rotate-root", "--org", "acme", "--root-key", "root.pem"];
    let revocation = ["--revocation-key", "online.pem", "--draft", "draft.json"];
    scratch.json(&[&rotate[..], &ROOT, &two, &revocation].concat());
    for (file, what) in [("bundle.json", "a bundle"), ("draft.json", "a draft")] {
        let status = ["trust", "status", "--org", "acme", "--trust-root", file];
        let refused = scratch.fails(2, "UnknownTrustFile", &status);
        let said = format!("{file} is {what}; the root document is another file");
        assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    }
    scratch.fails(1, "UnpublishedTrust", &STATUS);
}

/// A key that another program is quicker with: while it signs, others publish.
fn overtaken() -> Scratch {
    let scratch = scratch();
    let script = format!(
        "#!/bin/sh
case $1 in
public-key) exec cat root.pub.pem ;;
sign)
    cat >message
    [ -e taken ] || {{
        touch taken
        {} --database-url store.db trust init --org acme --root-key other.pem --yes >&2
    }}
    exec openssl pkeyutl -sign -rawin -inkey root.pem -in message ;;
esac
",
        env!("CARGO_BIN_EXE_cloacina")
    );
    scratch.write("signer", script);
    fs::set_permissions(scratch.path("signer"), Permissions::from_mode(0o700)).unwrap();
    scratch
}

const OVERTAKEN: [&str; 7] =
    ["trust", "init", "--org", "acme", "--root-key", "exec:./signer", "--yes"];

#[test]
fn a_root_that_is_not_published_has_no_file() {
    let scratch = overtaken();
    let run = scratch.run(&[&OVERTAKEN[..], &ROOT_OUTPUT].concat());
    assert_ne!(run.code, 0, "{}", run.stdout);
    assert!(scratch.exists("taken"), "{}", run.stderr);
    assert!(!scratch.exists("root.json"), "{}", run.stderr);
    // What others have published is.
    scratch.json(&SHOW);
}

#[test]
fn a_file_that_a_root_was_to_replace_comes_back_if_it_is_not_published() {
    let scratch = overtaken();
    scratch.write("root.json", "the root document of another store");
    let run = scratch.run(&[&OVERTAKEN[..], &ROOT_OUTPUT, &["--force"]].concat());
    assert_ne!(run.code, 0, "{}", run.stdout);
    assert!(scratch.exists("taken"), "{}", run.stderr);
    assert_eq!(scratch.read("root.json"), b"the root document of another store");
    assert!(!scratch.files().iter().any(|name| name.starts_with(".cloacina-")));
}
