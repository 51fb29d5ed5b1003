//! The next steps that errors name: they can be pasted, and they work.

use crate::support::{OTHER_KEK, Run, Scratch, forge, text};

fn verify(scratch: &Scratch) -> Run {
    scratch.run(&["package", "verify", "a.so", "--org", "acme", "--json"])
}

/// What is said to do about a refusal, which must be this one.
#[track_caller]
fn next(refused: &Run, code: &str) -> String {
    refused.assert_failed(1, code);
    text(&refused.document()["error"]["next"])
}

/// Does what is said to do, with a reason in the place that asks for one.
fn follow(scratch: &Scratch, next: &str) {
    let (_, command) = next.split_once("cloacina ").unwrap();
    let command = command.replace("'<why>'", "mistake");
    scratch.json(&command.split(' ').collect::<Vec<_>>());
}

/// A package signed by a key that acme trusts, and the id of its row about the key.
fn trusted() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("release");
    scratch.signed_package("a.so", "release.pem");
    let row = scratch.json(&["keys", "trust", "--org", "acme", "--import", "release.pub.pem"]);
    assert_eq!(verify(&scratch).code, 0);
    (scratch, text(&row["id"]))
}

#[test]
fn own_signing_key_that_is_not_trusted_yet_is_recognized() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    scratch.write("a.so", "package");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id]);

    let refused = verify(&scratch);
    let said = next(&refused, "UntrustedSigner");
    assert!(said.contains("own signing key release"), "{said}");
    let command = format!("cloacina keys trust --org acme --key-id {}", &fingerprint[..16]);
    assert!(said.ends_with(&command), "{said}");
    let explained =
        scratch.run(&["package", "verify", "a.so", "--org", "acme", "--explain"]).stdout;
    assert!(explained.contains(&said), "{explained}");
    // To another organization it is a stranger's.
    let vendor = scratch.run(&["package", "verify", "a.so", "--org", "vendor", "--json"]);
    let said_to_vendor = next(&vendor, "UntrustedSigner");
    assert!(said_to_vendor.starts_with("find out whose key this is"), "{said_to_vendor}");
    assert!(said_to_vendor.contains("cloacina keys trust --org vendor --import "));

    follow(&scratch, &said);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn own_signing_key_that_was_revoked_is_not_offered_for_trust() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.write("a.so", "package");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id]);
    scratch.json(&["keys", "revoke", &id]);
    let said = next(&verify(&scratch), "UntrustedSigner");
    assert!(said.starts_with("find out whose key this is"), "{said}");
}

#[test]
fn trust_that_has_expired_is_renewed_by_one_command() {
    let (scratch, _) = trusted();
    let (id, _) = scratch.stored_key("own", "acme");
    for (signer, named) in
        [(["--key", "release.pem"], "--import <public key>"), (["--key-id", &*id], "--key-id ")]
    {
        scratch.json(&[&["package", "sign", "a.so", "--force"], &signer[..]].concat());
        scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
        assert_eq!(verify(&scratch).code, 0);
        forge(&scratch, "UPDATE trusted_keys SET expires_at = 1");
        let said = next(&verify(&scratch), "UntrustedSigner");
        assert!(said.contains(named), "{said}");
        let command = said.split(';').next().unwrap();
        follow(&scratch, &command.replace("<public key>", "release.pub.pem"));
        assert_eq!(verify(&scratch).code, 0);
    }
}

#[test]
fn retired_key_names_the_command_that_takes_it_back() {
    let (scratch, row) = trusted();
    scratch.json(&["keys", "revoke", &row]);
    let refused = verify(&scratch);
    assert!(refused.stderr.contains("revoked its trust in it"), "{}", refused.stderr);
    let said = next(&refused, "UntrustedSigner");

    let trust = ["keys", "trust", "--org", "acme", "--import", "release.pub.pem"];
    let of_trust = next(&scratch.fails(1, "PreviouslyRevoked", &trust), "PreviouslyRevoked");
    assert_eq!(said, format!("have the package signed by a key that is trusted now; {of_trust}"));
    follow(&scratch, &of_trust);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn compromised_key_does_not_name_a_command_that_takes_it_back() {
    let (scratch, row) = trusted();
    scratch.json(&["keys", "revoke", &row, "--reason", "compromised"]);
    let said = next(&verify(&scratch), "UntrustedSigner");
    assert!(!said.contains("reinstate"), "{said}");
    let trust = ["keys", "trust", "--org", "acme", "--import", "release.pub.pem"];
    let said = next(&scratch.fails(1, "PreviouslyRevoked", &trust), "PreviouslyRevoked");
    assert!(!said.contains("reinstate"), "{said}");
}

#[test]
fn denied_key_is_called_denied_wherever_it_is_shown() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = scratch.key_files("release");
    scratch.signed_package("a.so", "release.pem");
    scratch.json(&["keys", "deny", "--org", "acme", &fingerprint]);

    let refused = verify(&scratch);
    assert!(refused.stderr.contains("denied it at"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("revoked"), "{}", refused.stderr);
    for arguments in [
        &["keys", "list", "--org", "acme"][..],
        &["trust", "graph", "--org", "acme"],
        &["keys", "deny", "--org", "acme", &fingerprint],
    ] {
        let shown = scratch.run(arguments).stdout;
        assert!(shown.contains("denied at"), "{arguments:?}: {shown}");
        assert!(!shown.contains("revoked"), "{arguments:?}: {shown}");
    }
    let trust = ["keys", "trust", "--org", "acme", "--import", "release.pub.pem"];
    let untaken = scratch.fails(1, "PreviouslyRevoked", &trust);
    assert!(!untaken.stderr.contains("revoked"), "{}", untaken.stderr);
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["refused"][0]["standing"], "denied");

    follow(&scratch, &next(&refused, "UntrustedSigner"));
    assert!(next(&verify(&scratch), "UntrustedSigner").starts_with("find out whose key"));
}

#[test]
fn wrong_kek_file_is_not_answered_with_a_variable_to_set() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.write("a.so", "package");
    scratch.write("other", OTHER_KEK);
    let sign = ["package", "sign", "a.so", "--key-id", &id, "--kek-file", "other", "--json"];
    let refused = scratch.run(&sign);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let said = text(&refused.document()["error"]["next"]);
    assert!(said.contains("--kek-file"), "{said}");
    assert!(!said.contains("set "), "{said}");
}
