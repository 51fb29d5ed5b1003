//! The file of a new root document: it is there if the root is published, and only then.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{INIT, ROOT_OUTPUT, STATUS, scratch};
use crate::support::Scratch;

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
