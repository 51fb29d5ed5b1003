//! Several processes that sign one package at once, and one that keeps the lock.

use std::fs::File;
use std::process::Stdio;

use crate::support::{Scratch, spawn};

const SIGNERS: usize = 6;

/// A process that reported success finds its signature among those that count together.
#[test]
fn none_of_several_who_sign_into_the_store_at_once_is_lost() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let ids: Vec<_> = (0..=SIGNERS)
        .map(|number| {
            let (id, _) = scratch.stored_key(&format!("key{number}"), "acme");
            scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
            id
        })
        .collect();
    let sign = |package, id| ["package", "sign", package, "--store", "--key-id", id];
    for (package, is_begun) in [("a.so", false), ("b.so", true)] {
        scratch.write(package, package);
        if is_begun {
            scratch.json(&sign(package, &ids[SIGNERS]));
        }
        let children: Vec<_> = ids[..SIGNERS]
            .iter()
            .map(|id| {
                let mut command = scratch.command(&sign(package, id));
                spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let count = (SIGNERS + usize::from(is_begun)).to_string();
        let verify = ["package", "verify", package, "--org", "acme", "--required-signers", &count];
        scratch.json(&verify);
    }
}

/// Any process that can read the directory can hold its lock.
#[test]
fn a_lock_that_another_process_keeps_is_named_with_the_way_to_find_who() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.key_files("second");
    scratch.signed_package("a.so", "dev.pem");
    let before = scratch.read("a.so.sig");
    let holder = File::open(scratch.path("")).unwrap();
    holder.lock_shared().unwrap();
    let sign = ["package", "sign", "a.so", "--key", "second.pem"];
    let run = scratch.fails(2, "FileLocked", &sign);
    assert!(run.stderr.contains("fuser -v ."), "{}", run.stderr);
    assert_eq!(scratch.read("a.so.sig"), before);
    drop(holder);
    scratch.json(&sign);
    assert_ne!(scratch.read("a.so.sig"), before);
}
