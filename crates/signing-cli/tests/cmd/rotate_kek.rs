use std::process::Command;

use crate::support::{KEK, OTHER_KEK, Run, Scratch, finish, text};

const VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY";

/// Rotates to the KEK in the file `new`, which is written first.
fn rotate(scratch: &Scratch, new: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Run {
    scratch.write("new", format!("{new}\n"));
    finish(prepare(&mut scratch.command(&["keys", "rotate-kek", "--new-kek-file", "new"])), b"")
}

fn signs(scratch: &Scratch, kek: &str, id: &str) -> bool {
    scratch.write("a.so", "a");
    let mut sign = scratch.command(&["package", "sign", "a.so", "--force", "--key-id", id]);
    finish(sign.env(VAR, kek), b"").code == 0
}

#[test]
fn the_store_is_under_the_new_kek_and_no_kek_is_shown() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let (first, _) = scratch.stored_key("first", "acme");
    let (second, _) = scratch.stored_key("second", "other");

    let run = rotate(&scratch, OTHER_KEK, |command| command.arg("-vv"));

    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(
        lines[0].starts_with(
            "re-wrapped 2 private keys of 2 organizations with the key encryption key whose id is "
        ),
        "{lines:?}"
    );
    assert_eq!(
        lines[1..],
        [
            "replace the old key by the new one on every machine that signs",
            "keep the old key as long as you keep older backups of the store",
        ]
    );
    for kek in [KEK, OTHER_KEK] {
        run.assert_says_nowhere(kek);
    }
    assert!(run.stderr.contains("kek.rotated"), "{}", run.stderr);
    for id in [&first, &second] {
        assert!(signs(&scratch, OTHER_KEK, id));
        assert!(!signs(&scratch, KEK, id));
    }
    // Run again as it was, it says that it is done.
    let again = rotate(&scratch, OTHER_KEK, |command| command.arg("--json"));
    let result = &again.document()["result"];
    assert_eq!((&result["changed"], &result["keys"]), (&false.into(), &0.into()));
    assert!(lines[0].ends_with(&text(&result["kek_id"])));
}

/// The keys would be wrapped by a KEK that is gone with the shell's pipe.
#[test]
fn a_new_kek_that_nothing_keeps_is_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("first", "acme");
    let rotate = |file: &str| {
        let command =
            &mut scratch.command(&["keys", "rotate-kek", "--json", "--new-kek-file", file]);
        finish(command, OTHER_KEK.as_bytes())
    };
    for passed in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let run = rotate(passed);
        run.assert_failed(2, "KeyEncryptionKeyNotKept");
        assert!(run.stderr.contains("--new-kek-file new.kek"), "{}", run.stderr);
        assert!(signs(&scratch, KEK, &id));
    }
    scratch.write("kept", OTHER_KEK);
    assert_eq!(rotate("kept").code, 0);
    assert!(signs(&scratch, OTHER_KEK, &id));
}

#[test]
fn without_two_keks_that_differ_nothing_is_changed() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("first", "acme");
    let refused = |code: &str, next: &str, new: &str, prepare: &dyn Fn(&mut Command)| {
        let run = rotate(&scratch, new, |command| {
            prepare(command);
            command.arg("--json")
        });
        run.assert_failed(2, code);
        assert!(run.stderr.contains(next), "{}", run.stderr);
        assert!(signs(&scratch, KEK, &id));
    };
    refused("NoKeyEncryptionKey", "next: give the store's key", OTHER_KEK, &|command| {
        command.env_remove(VAR);
    });
    refused("InvalidKeyEncryptionKey", "next: give 64", &KEK[1..], &|_| {});
    refused("SameKeyEncryptionKey", "next: make a file", KEK, &|_| {});
    let third = "aa".repeat(32);
    refused("OtherKeyEncryptionKey", "next: give the store's key", &third, &|command| {
        command.env(VAR, OTHER_KEK);
    });
    let gone = scratch.run(&["--json", "keys", "rotate-kek", "--new-kek-file", "gone"]);
    gone.assert_failed(2, "UnreadableFile");
    assert!(signs(&scratch, KEK, &id));
}
