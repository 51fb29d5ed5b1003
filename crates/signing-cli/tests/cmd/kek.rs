use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{KEK, OTHER_KEK, Run, Scratch, finish};

const VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY";

fn generate(scratch: &Scratch, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Run {
    let mut command =
        scratch.command(&["keys", "generate", "--name", "release", "--org", "acme", "--json"]);
    finish(prepare(&mut command), b"")
}

fn set_mode(scratch: &Scratch, name: &str, mode: u32) {
    std::fs::set_permissions(scratch.path(name), Permissions::from_mode(mode)).unwrap();
}

fn keys_made(scratch: &Scratch) -> usize {
    scratch.json(&["keys", "list", "--org", "acme"])["signing_keys"].as_array().unwrap().len()
}

#[test]
fn a_key_is_not_made_without_a_kek() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for (missing, next) in [
        (
            generate(&scratch, |command| command.env_remove(VAR)),
            "next: give the store's key encryption key: CLOACINA_KEY_ENCRYPTION_KEY_FILE=<file> or ",
        ),
        (
            generate(&scratch, |command| command.env(VAR, " ")),
            "next: set CLOACINA_KEY_ENCRYPTION_KEY to the store's key",
        ),
    ] {
        missing.assert_failed(2, "NoKeyEncryptionKey");
        assert!(missing.stderr.contains(next), "{}", missing.stderr);
        assert!(!missing.stderr.contains("stolen"), "{}", missing.stderr);
    }
    assert_eq!(keys_made(&scratch), 0);
    assert_eq!(generate(&scratch, |command| command).code, 0);
    assert_eq!(keys_made(&scratch), 1);
}

#[test]
fn without_a_store_it_is_the_store_that_is_missing_and_not_the_kek() {
    let scratch = Scratch::new();
    scratch.write("a.so", "a");
    let commands = [
        &["sign", "a.so", "--json"][..],
        &["sign", "a.so", "--store", "--json"],
        &["keys", "generate", "--name", "release", "--org", "acme", "--json"],
    ];
    let run = |arguments| finish(scratch.command(arguments).env_remove(VAR), b"");
    for command in commands {
        let missing = run(command);
        missing.assert_failed(2, "NoDatabase");
        assert!(missing.stderr.contains("; to begin: cloacina init <org>;"), "{}", missing.stderr);
    }
    scratch.json(&["orgs", "create", "acme"]);
    for command in commands {
        run(command).assert_failed(2, "NoKeyEncryptionKey");
    }
}

#[test]
fn a_key_that_cannot_be_proven_to_be_compromised_can_be_refused_without_the_kek() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let compromised = ["keys", "revoke", &id, "--reason", "compromised", "--json"];
    let without_kek = finish(scratch.command(&compromised).env_remove(VAR), b"");
    without_kek.assert_failed(2, "NoKeyEncryptionKey");
    let next = "cloacina keys deny <fingerprint> --org acme --danger-everywhere";
    assert!(without_kek.stderr.contains(next), "{}", without_kek.stderr);
    let deny = ["keys", "deny", &fingerprint, "--org", "acme", "--danger-everywhere", "--json"];
    assert_eq!(finish(scratch.command(&deny).env_remove(VAR), b"").code, 0);
    assert_eq!(finish(&mut scratch.command(&compromised), b"").code, 0);
}

#[test]
fn a_kek_of_another_length_or_form_is_refused_and_never_shown() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for kek in ["00112233445566778899aabbccddeeff", &KEK[1..], "correct-horse-battery-staple!"] {
        let run = generate(&scratch, |command| command.env(VAR, kek).arg("-vv"));
        run.assert_failed(2, "InvalidKeyEncryptionKey");
        run.assert_says_nowhere(kek);
        assert!(run.stderr.contains("next: give 64 hexadecimal digits"), "{}", run.stderr);
    }
    assert_eq!(keys_made(&scratch), 0);
}

#[test]
fn another_kek_than_the_stores_makes_no_key_and_uses_none() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("first", "acme");
    let run = generate(&scratch, |command| command.env(VAR, OTHER_KEK));
    run.assert_failed(2, "OtherKeyEncryptionKey");
    run.assert_says_nowhere(OTHER_KEK);
    assert!(run.stderr.contains("next: "), "{}", run.stderr);
    assert_eq!(keys_made(&scratch), 1);

    scratch.write("a.so", "a");
    let mut sign = scratch.command(&["package", "sign", "a.so", "--key-id", &id, "--json"]);
    let run = finish(sign.env(VAR, OTHER_KEK), b"");
    run.assert_failed(2, "OtherKeyEncryptionKey");
    assert!(run.stderr.contains("next: "), "{}", run.stderr);
    assert!(!scratch.exists("a.so.sig"));
    assert_eq!(finish(sign.env(VAR, KEK), b"").code, 0);
}

#[test]
fn the_kek_may_be_base64() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(generate(&scratch, |command| command.env(VAR, base64)).code, 0);
    // It is the same one as in hexadecimal.
    scratch.stored_key("second", "acme");
    assert_eq!(keys_made(&scratch), 2);
}

#[test]
fn the_kek_is_read_from_a_file_rather_than_the_environment() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("kek", format!("{KEK}\n"));
    scratch.write("short", &KEK[..62]);
    scratch.write("binary", [0xff; 32]);
    let from = |file: &str| {
        generate(&scratch, |command| command.env(VAR, OTHER_KEK).args(["--kek-file", file]))
    };
    from("gone").assert_failed(2, "UnreadableFile");
    from(".").assert_failed(2, "UnreadableFile");
    let short = from("short");
    short.assert_failed(2, "InvalidKeyEncryptionKey");
    short.assert_says_nowhere(&KEK[..62]);
    from("binary").assert_failed(2, "InvalidKeyEncryptionKey");
    assert_eq!(keys_made(&scratch), 0);
    assert_eq!(from("kek").code, 0);
    scratch.stored_key("second", "acme");
}

#[test]
fn a_kek_that_others_can_replace_is_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    std::fs::create_dir_all(scratch.path("above/below")).unwrap();
    scratch.write("above/below/kek", KEK);
    let by_file = || {
        generate(&scratch, |command| {
            command.env_remove(VAR).args(["--kek-file", "above/below/kek"])
        })
    };
    for directory in ["above", "above/below"] {
        set_mode(&scratch, directory, 0o777);
        let run = by_file();
        run.assert_failed(2, "UnsafeDirectory");
        let next =
            format!("chmod go-w {}", scratch.path(directory).canonicalize().unwrap().display());
        assert!(run.stderr.contains(&next), "{}", run.stderr);
        // What others cannot rename, they cannot replace.
        set_mode(&scratch, directory, 0o755);
    }
    set_mode(&scratch, "above/below", 0o1777);
    assert_eq!(keys_made(&scratch), 0);
    assert_eq!(by_file().code, 0);
}

#[test]
fn a_kek_that_is_piped_has_no_directory() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for (name, file) in ["-", "/dev/stdin", "/dev/fd/0"].into_iter().enumerate() {
        let name = format!("release.{name}");
        let mut generate = scratch.command(&["keys", "generate", "--org", "acme", "--name", &name]);
        let run = finish(generate.env_remove(VAR).args(["--kek-file", file]), KEK.as_bytes());
        assert_eq!(run.code, 0, "{file}: {}", run.stderr);
    }
    assert_eq!(keys_made(&scratch), 3);
}

const FILE_VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY_FILE";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// A scratch with files of two KEKs, and a directory of credentials that has one.
fn with_places() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("kek", KEK);
    scratch.write("other", OTHER_KEK);
    std::fs::create_dir(scratch.path("credentials")).unwrap();
    scratch.write("credentials/cloacina-key-encryption-key", KEK);
    // The store's KEK is decided by its first key.
    scratch.stored_key("first", "acme");
    scratch
}

#[test]
fn the_kek_is_read_from_the_file_that_the_environment_names_and_from_a_credential() {
    let scratch = with_places();
    for (var, right, wrong) in [(FILE_VAR, "kek", "other"), (CREDENTIALS, "credentials", "none")] {
        let named = |path: &str| {
            let export = ["keys", "export", "first", "--json"];
            finish(scratch.command(&export).env_remove(VAR).env(var, scratch.path(path)), b"")
        };
        assert_eq!(named(right).code, 0, "{var}: {}", named(right).stderr);
        assert_eq!(named(wrong).code, 2, "{var}");
        assert_eq!(named("").code, 2, "{var}");
    }
}

#[test]
fn a_credential_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = with_places();
    let path = scratch.path("credentials/cloacina-key-encryption-key");
    let export = |mode: u32| {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let mut command = scratch.command(&["keys", "export", "first", "--json"]);
        finish(command.env_remove(VAR).env(CREDENTIALS, scratch.path("credentials")), b"")
    };
    assert_eq!(export(0o400).code, 0);
    // Without a list that says so, the bits of the group are the group's.
    for mode in [0o440, 0o444, 0o640, 0o644] {
        export(mode).assert_failed(2, "UnprotectedFile");
    }
}

#[test]
fn two_places_that_differ_are_refused_and_the_option_decides() {
    let scratch = with_places();
    let places = |kek: &str, file: &str, more: &[&str]| {
        let mut command = scratch.command(&["keys", "export", "first", "--json"]);
        command.env(VAR, kek).env(FILE_VAR, scratch.path(file)).args(more);
        finish(command.env(CREDENTIALS, scratch.path("credentials")), b"")
    };
    assert_eq!(places(KEK, "kek", &[]).code, 0);
    for (kek, file) in [(OTHER_KEK, "kek"), (KEK, "other")] {
        let run = places(kek, file, &[]);
        run.assert_failed(2, "KeyEncryptionKeysDiffer");
        for name in [VAR, FILE_VAR] {
            assert!(run.stderr.contains(name), "{}", run.stderr);
        }
        run.assert_says_nowhere(OTHER_KEK);
        assert_eq!(places(kek, file, &["--kek-file", "kek"]).code, 0);
    }
    let run = places(KEK, "kek", &["--kek-file", "other"]);
    run.assert_failed(2, "OtherKeyEncryptionKey");
    assert!(run.stderr.contains("--kek-file other"), "{}", run.stderr);
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_passed_over() {
    let scratch = with_places();
    for (var, code) in [(VAR, "NoKeyEncryptionKey"), (FILE_VAR, "EmptyVariable")] {
        let mut command = scratch.command(&["keys", "export", "first", "--json"]);
        command.env_remove(VAR).env(var, "");
        finish(&mut command, b"").assert_failed(2, code);
        command.args(["--kek-file", "kek"]);
        assert_eq!(finish(&mut command, b"").code, 0, "{var}");
    }
}
