//! All that it takes to sign and verify, made at once.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{KEK, OTHER_KEK, Run, Scratch, finish, text};

const DEFAULT_KEK: &str = "home/.config/cloacina/key-encryption-key";
const DEFAULT_STORE: &str = "home/.local/share/cloacina/cloacina.db";

/// The program with a home, and with nothing else in its environment.
fn plain(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = scratch.command(arguments);
    command.env_clear().env("HOME", scratch.path("home"));
    command
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Run {
    finish(&mut plain(scratch, arguments), b"")
}

/// Without the store and the KEK of other tests.
fn empty() -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("home")).unwrap();
    scratch.write("libworkflow.so", "a package");
    scratch
}

/// Does it, and gives what became of each step.
fn outcomes(scratch: &Scratch, arguments: &[&str]) -> Vec<String> {
    let run = finish(plain(scratch, arguments).arg("--json"), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document = run.document();
    let steps = document["result"]["steps"].as_array().unwrap();
    steps.iter().map(|step| text(&step["outcome"])).collect()
}

fn fails(scratch: &Scratch, exit: i32, code: &str, arguments: &[&str]) -> Run {
    let run = finish(plain(scratch, arguments).arg("--json"), b"");
    run.assert_failed(exit, code);
    run
}

#[test]
fn from_nothing_to_a_verified_package_are_three_commands() {
    let scratch = empty();
    for arguments in
        [&["init", "acme"][..], &["sign", "libworkflow.so"], &["verify", "libworkflow.so"]]
    {
        let run = run(&scratch, arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    }
    for (path, mode) in [
        (DEFAULT_KEK, 0o600),
        (DEFAULT_STORE, 0o600),
        ("home/.config/cloacina", 0o700),
        ("home/.local/share/cloacina", 0o700),
    ] {
        assert_eq!(scratch.mode(path), mode, "{path}");
    }
    scratch.write("libworkflow.so", "another package");
    assert_eq!(run(&scratch, &["verify", "libworkflow.so"]).code, 1);
}

#[test]
fn init_says_what_to_type_next() {
    let scratch = empty();
    let shown = run(&scratch, &["init", "acme"]).stdout;
    assert!(shown.ends_with("\nnext: cloacina sign libworkflow.so\n"), "{shown}");
    // What only this command line says, others must be told.
    let elsewhere = ["init", "acme", "--kek-file", "a kek", "--database-url", "store/s.db"];
    let shown = run(&scratch, &elsewhere).stdout;
    let lines: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("next: ")).collect();
    let exports = format!("set -e\n{}\n", lines[..lines.len() - 1].join("\n"));
    assert_eq!(lines[lines.len() - 1], "cloacina sign libworkflow.so");
    let program = env!("CARGO_BIN_EXE_cloacina");
    let mut shell = scratch.tool("sh");
    shell.env_clear().env("HOME", scratch.path("home"));
    let script = format!("{exports} cd / && {program} db status && {program} keys export release");
    let done = finish(shell.args(["-c", &script]), b"");
    assert_eq!(done.code, 0, "{script}: {}", done.stderr);
    assert!(done.stdout.contains("store/s.db"), "{}", done.stdout);
}

#[test]
fn init_again_changes_nothing() {
    let scratch = empty();
    assert_eq!(outcomes(&scratch, &["init", "acme"]), ["made"; 5]);
    let files = || [DEFAULT_KEK, DEFAULT_STORE].map(|path| scratch.read(path));
    let before = files();
    assert_eq!(outcomes(&scratch, &["init", "acme"]), ["existed"; 5]);
    assert_eq!(files(), before);
    // What differs is made beside what is there.
    let other = outcomes(&scratch, &["init", "acme", "--key", "night"]);
    assert_eq!(other, ["existed", "existed", "existed", "made", "made"]);
    let run = fails(&scratch, 2, "SigningKeyNeeded", &["sign", "libworkflow.so"]);
    assert!(run.stderr.contains("--key-id acme/"), "{}", run.stderr);
}

#[test]
fn init_goes_on_where_it_was_interrupted() {
    let scratch = empty();
    fs::create_dir_all(scratch.path("home/.config/cloacina")).unwrap();
    scratch.write(DEFAULT_KEK, KEK);
    assert_eq!(run(&scratch, &["db", "migrate"]).code, 0);
    let steps = outcomes(&scratch, &["init", "acme", "--dry-run"]);
    assert_eq!(steps, ["existed", "existed", "would_make", "would_make", "would_make"]);
    assert_eq!(run(&scratch, &["orgs", "create", "acme"]).code, 0);
    assert_eq!(run(&scratch, &["keys", "generate", "--name", "release"]).code, 0);
    let steps = outcomes(&scratch, &["init", "acme"]);
    assert_eq!(steps, ["existed", "existed", "existed", "existed", "made"]);
    assert_eq!(scratch.read(DEFAULT_KEK), KEK.as_bytes());
}

#[test]
fn a_dry_run_makes_nothing() {
    let scratch = empty();
    let before = scratch.files();
    assert_eq!(outcomes(&scratch, &["init", "acme", "--dry-run"]), ["would_make"; 5]);
    let signed = outcomes(&scratch, &["init", "acme", "--signed-trust", "--dry-run"]);
    assert_eq!(signed, ["would_make"; 6]);
    assert_eq!(scratch.files(), before);
    assert!(!scratch.exists("home/.config"));
}

#[test]
fn a_kek_that_does_not_fit_the_store_is_refused_and_kept() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    let own = scratch.read(DEFAULT_KEK);
    scratch.write(DEFAULT_KEK, OTHER_KEK);
    let before = scratch.read(DEFAULT_STORE);
    for arguments in [&["init", "acme"][..], &["init", "new"], &["init", "new", "--dry-run"]] {
        let run = fails(&scratch, 2, "OtherKeyEncryptionKey", arguments);
        assert!(run.stderr.contains(DEFAULT_KEK), "{}", run.stderr);
        assert!(run.stderr.contains("next: give the store's key"), "{}", run.stderr);
    }
    assert_eq!(scratch.read(DEFAULT_KEK), OTHER_KEK.as_bytes());
    assert_eq!(scratch.read(DEFAULT_STORE), before);
    scratch.write(DEFAULT_KEK, own);
    assert_eq!(outcomes(&scratch, &["init", "acme"]), ["existed"; 5]);
}

#[test]
fn no_kek_is_made_for_a_store_whose_keys_are_under_another() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    fs::rename(scratch.path(DEFAULT_KEK), scratch.path("moved")).unwrap();
    fails(&scratch, 2, "NoKeyEncryptionKey", &["init", "acme"]);
    assert!(!scratch.exists(DEFAULT_KEK));
    let found = outcomes(&scratch, &["init", "acme", "--kek-file", "moved"]);
    assert_eq!(found, ["existed"; 5]);
}

#[test]
fn a_kek_is_not_made_beside_the_store() {
    let scratch = empty();
    let beside = ["init", "acme", "--database-url", "store/s.db", "--kek-file", "store/kek"];
    fails(&scratch, 2, "KeyEncryptionKeyBesideStore", &beside);
    assert!(!scratch.exists("store"));
    let apart = ["init", "acme", "--database-url", "store/s.db", "--kek-file", "keys/kek"];
    assert_eq!(outcomes(&scratch, &apart), ["made"; 5]);
    assert_eq!(scratch.mode("keys/kek"), 0o600);
}

#[test]
fn the_environment_names_kek_and_organization_too() {
    let scratch = empty();
    let mut command = plain(&scratch, &["init", "--json"]);
    command.env("CLOACINA_ORG", "acme").env("CLOACINA_KEY_ENCRYPTION_KEY", KEK);
    let document = finish(&mut command, b"").document();
    assert_eq!(document["result"]["org"], "acme");
    assert_eq!(document["result"]["steps"][0]["outcome"], "existed");
    assert!(!scratch.exists("home/.config"));
}

#[test]
fn without_a_terminal_the_missing_organization_is_named() {
    let scratch = empty();
    let run = fails(&scratch, 2, "ArgumentNeeded", &["init"]);
    assert!(run.stderr.contains("<ORG>"), "{}", run.stderr);
    assert!(!scratch.exists("home/.config"));
}

#[test]
fn a_key_that_was_revoked_is_not_made_again() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    assert_eq!(run(&scratch, &["keys", "revoke", "release", "--signing"]).code, 0);
    fails(&scratch, 1, "SigningKeyRevoked", &["init", "acme"]);
    let run = fails(&scratch, 2, "NoSigningKey", &["sign", "libworkflow.so"]);
    assert!(run.stderr.contains("cloacina keys generate"), "{}", run.stderr);
    let next = outcomes(&scratch, &["init", "acme", "--key", "release.2"]);
    assert_eq!(next[3..], ["made", "made"]);
}

#[test]
fn a_key_that_was_rotated_is_found_by_its_successor() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    for (old, new) in [("release", "release.2"), ("release.2", "release.3")] {
        for change in [&["keys", "rotate", old][..], &["keys", "revoke", old, "--signing"]] {
            assert_eq!(run(&scratch, change).code, 0);
            for dry_run in [&[][..], &["--dry-run"]] {
                let again = run(&scratch, &[&["init", "acme"], dry_run].concat());
                let found = format!("found signing key         acme/{new}\n");
                assert!(again.stdout.contains(&found), "{}{}", again.stdout, again.stderr);
            }
        }
    }
    let refused = run(&scratch, &["init", "acme", "--key", "release.2"]);
    assert!(refused.stderr.contains("cloacina init acme --key release.4"), "{}", refused.stderr);
}

/// Somebody made it for something else.
#[test]
fn a_key_that_the_organization_does_not_trust_does_not_take_the_place_of_a_revoked_one() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    assert_eq!(run(&scratch, &["keys", "generate", "--name", "other"]).code, 0);
    assert_eq!(run(&scratch, &["keys", "revoke", "release", "--signing"]).code, 0);
    fails(&scratch, 1, "SigningKeyRevoked", &["init", "acme"]);
    assert_eq!(outcomes(&scratch, &["init", "acme", "--key", "other"])[3..], ["existed", "made"]);
    assert_eq!(outcomes(&scratch, &["init", "acme"])[3..], ["existed", "existed"]);
}

#[test]
fn a_key_that_the_organization_denies_is_not_trusted() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    assert_eq!(run(&scratch, &["keys", "revoke", "release", "--trusted"]).code, 0);
    fails(&scratch, 1, "PreviouslyRevoked", &["init", "acme"]);
    assert_eq!(run(&scratch, &["verify", "libworkflow.so"]).code, 1);
}

#[test]
fn signed_trust_is_turned_on_once_and_a_runner_can_pin_it() {
    let scratch = empty();
    let signed = ["init", "acme", "--signed-trust"];
    assert_eq!(outcomes(&scratch, &signed), ["made"; 7]);
    let root = "home/.config/cloacina/acme-root.json";
    assert_eq!(scratch.mode("home/.config/cloacina/acme-root.pem"), 0o600);
    run(&scratch, &["sign", "libworkflow.so"]);
    let verify = ["verify", "libworkflow.so", "--trust-root", root];
    assert_eq!(run(&scratch, &verify).code, 0);
    let before = scratch.read(root);
    assert_eq!(outcomes(&scratch, &signed), ["existed"; 6]);
    assert_eq!(scratch.read(root), before);
    // A root document that is somebody else's is not replaced.
    let other = ["init", "other", "--signed-trust", "--root-output", root];
    fails(&scratch, 2, "FileExists", &other);
    assert_eq!(scratch.read(root), before);
}

#[test]
fn a_root_key_does_not_sign_rows_that_were_not_shown() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    run(&scratch, &["keys", "generate", "--name", "more", "--output", "more.pem"]);
    let more = ["keys", "trust", "--org", "acme", "--import", "more.pub.pem"];
    assert_eq!(run(&scratch, &more).code, 0);
    let signed = ["init", "acme", "--signed-trust"];
    fails(&scratch, 2, "UnseenTrust", &signed);
    fails(&scratch, 1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);
    assert!(!scratch.exists("home/.config/cloacina/acme-root.json"));
}

#[test]
fn a_key_encryption_key_on_standard_input_is_used() {
    let scratch = empty();
    let mut init = plain(&scratch, &["init", "acme", "--kek-file", "-"]);
    let run = finish(&mut init, OTHER_KEK.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!scratch.exists("-"));
    scratch.write("kek", OTHER_KEK);
    let sign = ["sign", "libworkflow.so", "--kek-file", "kek"];
    assert_eq!(self::run(&scratch, &sign).code, 0);
}

#[test]
fn a_relative_home_names_no_store_and_no_key() {
    let scratch = empty();
    run(&scratch, &["init", "acme"]);
    for (home, code) in [(scratch.path("home").to_str().unwrap(), 0), ("home", 2)] {
        let mut list = plain(&scratch, &["orgs", "list", "--json"]);
        let run = finish(list.env("HOME", home), b"");
        assert_eq!(run.code, code, "{}", run.stdout);
    }
}

#[test]
fn the_readme_shows_these_commands_and_what_comes_of_them() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, block) = readme.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let scratch = empty();
    let home = scratch.path("home").display().to_string();
    let mut found = String::new();
    for line in block.lines().filter(|line| line.starts_with("$ ")) {
        let words: Vec<_> = line.split_whitespace().skip(2).collect();
        let run = run(&scratch, &words);
        assert_eq!((run.code, &*run.stderr), (0, ""), "{line}");
        found += &format!("{line}\n{}", run.stdout.replace(&home, "~"));
    }
    assert_eq!(without_digests_and_times(&found), without_digests_and_times(block));
    assert_eq!(found.matches("$ cloacina ").count(), 3);
}

fn without_digests_and_times(text: &str) -> String {
    let is_digest = |word: &str| {
        let digits = word.trim_start_matches('(').trim_end_matches(')');
        [16, 64].contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let is_time = |word: &str| word.len() == 20 && word.ends_with('Z') && word.contains("T");
    let lines = text.lines().map(|line| {
        let words = line.split(' ').map(|word| match is_digest(word) || is_time(word) {
            true => "…",
            false => word,
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn init_makes_the_tables_of_an_empty_database_and_finds_them_again() {
    let scratch = Scratch::on_empty_postgres();
    let outcomes = |document: &Value| -> Vec<String> {
        let steps = document["steps"].as_array().unwrap();
        steps.iter().map(|step| text(&step["outcome"])).collect()
    };
    let dry = scratch.json(&["init", "acme", "--dry-run"]);
    assert_eq!(outcomes(&dry)[1..], ["would_make"; 4]);
    scratch.fails(2, "NoStore", &["db", "status"]);
    let made = scratch.json(&["init", "acme"]);
    assert_eq!(outcomes(&made), ["existed", "made", "made", "made", "made"]);
    let again = scratch.json(&["init", "acme"]);
    assert_eq!(outcomes(&again), ["existed"; 5]);
    scratch.write("a.so", "a");
    scratch.json(&["sign", "a.so"]);
    scratch.json(&["verify", "a.so"]);
}
