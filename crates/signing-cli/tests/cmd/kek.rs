use std::process::Command;

use crate::support::{KEK, OTHER_KEK, Run, Scratch, finish};

const VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY";

fn generate(scratch: &Scratch, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Run {
    let mut command =
        scratch.command(&["keys", "generate", "--name", "release", "--org", "acme", "--json"]);
    finish(prepare(&mut command), b"")
}

fn keys_made(scratch: &Scratch) -> usize {
    scratch.json(&["keys", "list", "--org", "acme"])["signing_keys"].as_array().unwrap().len()
}

#[test]
fn a_key_is_not_made_without_a_kek() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for missing in [
        generate(&scratch, |command| command.env_remove(VAR)),
        generate(&scratch, |command| command.env(VAR, " ")),
    ] {
        missing.assert_failed(2, "NoKeyEncryptionKey");
        assert!(missing.stderr.contains("next: set CLOACINA_KEY_ENCRYPTION_KEY"));
    }
    assert_eq!(keys_made(&scratch), 0);
    assert_eq!(generate(&scratch, |command| command).code, 0);
    assert_eq!(keys_made(&scratch), 1);
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
