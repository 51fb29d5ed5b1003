//! The key that signs where none is named, and the next step where no key can sign.

use crate::support::{Scratch, text};

fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    scratch
}

fn sign(scratch: &Scratch) -> String {
    text(&scratch.json(&["sign", "a.so", "--force"])[0]["signer_name"])
}

/// It may have been taken back: which of them is trusted is not asked.
#[test]
fn the_key_that_replaces_the_others_is_named_and_does_not_sign() {
    let scratch = scratch();
    let (first, _) = scratch.stored_key("release", "acme");
    assert_eq!(sign(&scratch), "release");
    scratch.json(&["keys", "rotate", &first]);
    let run = scratch.fails(2, "SigningKeyNeeded", &["sign", "a.so"]);
    assert!(run.stderr.contains("--key-id acme/release.2\n"), "{}", run.stderr);
}

#[test]
fn a_key_that_is_the_only_one_signs_again() {
    let scratch = scratch();
    let (first, _) = scratch.stored_key("release", "acme");
    scratch.stored_key("night", "acme");
    scratch.json(&["keys", "rotate", &first]);
    let run = scratch.fails(2, "SigningKeyNeeded", &["sign", "a.so"]);
    assert!(run.stderr.contains("--key-id acme/release.2\n"), "{}", run.stderr);
    for key in ["night", &first] {
        scratch.json(&["keys", "revoke", key, "--signing"]);
    }
    assert_eq!(sign(&scratch), "release.2");
}

#[test]
fn a_revoked_key_can_be_reinstated_or_replaced_as_the_error_says() {
    let scratch = scratch();
    scratch.stored_key("release", "acme");
    scratch.json(&["keys", "revoke", "release", "--signing"]);
    let run = scratch.fails(2, "NoSigningKey", &["sign", "a.so"]);
    assert!(run.stderr.contains("no key that can sign; revoked: acme/release\n"), "{}", run.stderr);
    assert!(run.stderr.contains("keys reinstate acme/release --signing --note "), "{}", run.stderr);
    assert!(run.stderr.contains("generate --name release.2 --org acme;"), "{}", run.stderr);
    // The name that it gives leaves both possible.
    scratch.stored_key("release.2", "acme");
    scratch.json(&["keys", "reinstate", "acme/release", "--signing", "--note", "a mistake"]);

    for key in ["release", "release.2"] {
        let revoke = ["keys", "revoke", key, "--signing", "--reason", "compromised"];
        scratch.json(&revoke);
    }
    let run = scratch.fails(2, "NoSigningKey", &["sign", "a.so"]);
    assert!(!run.stderr.contains("reinstate"), "{}", run.stderr);
    assert!(run.stderr.contains("--name release.3 "), "{}", run.stderr);
}

#[test]
fn a_key_whose_name_another_has_is_not_reinstated_and_the_other_is_named() {
    let scratch = scratch();
    let (first, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "revoke", &first, "--signing"]);
    let (second, _) = scratch.stored_key("release", "acme");
    let reinstate = ["keys", "reinstate", &first, "--signing", "--note", "x"];
    let dry_run = [&reinstate[..], &["--dry-run"]].concat();
    for refused in [&dry_run[..], &reinstate] {
        let run = scratch.fails(2, "NameTaken", refused);
        assert!(run.stderr.contains("the name release "), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("keys revoke {second} --signing")), "{}", run.stderr);
    }
    scratch.json(&["keys", "revoke", &second, "--signing"]);
    assert_eq!(scratch.json(&dry_run)["could_sign_again"], true);
    scratch.json(&reinstate);
}
