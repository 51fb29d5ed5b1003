//! Several processes that sign one package at once, into one store.

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
