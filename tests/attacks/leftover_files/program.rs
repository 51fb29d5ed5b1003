//! What is signed, and what killed processes leave.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::{Run, Scratch, finish};

/// Gives a command to a shell, which knows what `*` is.
fn shell(scratch: &Scratch, script: &str) -> Run {
    let mut shell = scratch.tool("sh");
    shell.args(["-c", &format!("cloacina() {{ \"$0\" \"$@\"; }}; {script}")]);
    finish(shell.arg(env!("CARGO_BIN_EXE_cloacina")), b"")
}

#[test]
fn signatures_are_not_signed_as_packages() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    std::fs::create_dir(scratch.path("plugs")).unwrap();
    scratch.write("plugs/a.so", "a");
    scratch.write("plugs/b.so", "b");
    for _ in 0..2 {
        let run = shell(&scratch, "cloacina package sign plugs/* --key dev.pem");
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let run = shell(&scratch, "cloacina package sign plugs/* --key dev.pem");
    assert!(run.stderr.contains("note: left out plugs/a.so.sig: it is a signature"));
    let run = shell(&scratch, "cloacina package verify plugs/* --trust-key dev.pub.pem");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = shell(&scratch, "cloacina --json package verify plugs/* --trust-key dev.pub.pem");
    assert_eq!(run.document()["result"].as_array().unwrap().len(), 2);
    assert_eq!(run.document()["notes"].as_array().unwrap().len(), 2);
    let files = scratch.files();
    let plugs: Vec<_> = files.iter().filter(|file| file.starts_with("plugs/")).collect();
    assert_eq!(plugs, ["plugs/a.so", "plugs/a.so.sig", "plugs/b.so", "plugs/b.so.sig"]);

    let sign = ["package", "sign", "plugs/a.so.sig", "--key", "dev.pem"];
    let run = scratch.fails(2, "IsASignature", &sign);
    assert!(run.stderr.contains("plugs/a.so.sig is a signature"), "{}", run.stderr);
    // What is only called so is a package.
    scratch.signed_package("c.sig", "dev.pem");
    scratch.json(&["package", "verify", "c.sig", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let scratch = Scratch::new();
    let left = ".cloacina-Ab3dEf6hIj9lMn2p";
    scratch.write(left, "-----BEGIN PRIVATE KEY-----\n");
    set_permissions(scratch.path(left), Permissions::from_mode(0o600)).unwrap();
    scratch.write(".cloacina-notes", "somebody's own");
    scratch.key_files("dev");
    assert_eq!(scratch.files(), [".cloacina-notes", "dev.pem", "dev.pub.pem"]);
}

#[test]
fn a_file_that_is_not_there_is_named_once() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let run = scratch.run(&["package", "verify", "gone.so", "--trust-key", "dev.pub.pem"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: cannot read gone.so: "), "{}", run.stderr);
    // No warning mentions a store that is not asked.
    scratch.write("a.so", "a");
    let run = scratch.run(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
    assert_eq!(run.code, 1);
    assert!(!run.stderr.contains("in a store"), "{}", run.stderr);
}
