use std::process::Command;

use crate::support::{KEK, OTHER_KEK, Run, Scratch, finish, text};

const VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY";
const NEW: &str = "CLOACINA_NEW_KEY_ENCRYPTION_KEY";

fn rotate(scratch: &Scratch, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Run {
    finish(prepare(&mut scratch.command(&["keys", "rotate-kek"])), b"")
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

    let run = rotate(&scratch, |command| command.env(NEW, OTHER_KEK).arg("-vv"));

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
            "put the new key in the place of the old one wherever something signs",
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
    let again = rotate(&scratch, |command| command.env(NEW, OTHER_KEK).arg("--json"));
    let result = &again.document()["result"];
    assert_eq!((&result["changed"], &result["keys"]), (&false.into(), &0.into()));
    assert!(lines[0].ends_with(&text(&result["kek_id"])));
}

#[test]
fn the_new_kek_is_read_from_a_file_rather_than_the_environment() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("first", "acme");
    scratch.write("new", format!("{OTHER_KEK}\n"));
    let run = rotate(&scratch, |command| command.env(NEW, KEK).args(["--new-kek-file", "new"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(signs(&scratch, OTHER_KEK, &id));
}

#[test]
fn without_two_keks_that_differ_nothing_is_changed() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("first", "acme");
    let refused = |code: &str, next: &str, prepare: &dyn Fn(&mut Command)| {
        let run = rotate(&scratch, |command| {
            prepare(command);
            command.arg("--json")
        });
        run.assert_failed(2, code);
        assert!(run.stderr.contains(next), "{}", run.stderr);
        assert!(signs(&scratch, KEK, &id));
    };
    refused("NoKeyEncryptionKey", "next: set CLOACINA_NEW_KEY_ENCRYPTION_KEY", &|_| {});
    refused("NoKeyEncryptionKey", "next: give the store's key", &|command| {
        command.env(NEW, OTHER_KEK).env_remove(VAR);
    });
    refused("InvalidKeyEncryptionKey", "next: give 64", &|command| {
        command.env(NEW, &KEK[1..]);
    });
    refused("SameKeyEncryptionKey", "next: make another one", &|command| {
        command.env(NEW, KEK);
    });
    let third = "aa".repeat(32);
    refused("OtherKeyEncryptionKey", "next: give the store's key", &|command| {
        command.env(VAR, OTHER_KEK).env(NEW, &third);
    });
    refused("UnreadableFile", "", &|command| {
        command.args(["--new-kek-file", "gone"]);
    });
}
