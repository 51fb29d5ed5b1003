use super::{INIT, ROOT_OUTPUT, STATUS, rooted, scratch, trust, verify, words};
use crate::support::{finish, text};

#[test]
fn an_organization_turns_signed_trust_on_and_a_runner_pins_its_root() {
    let scratch = scratch();
    let show = ["trust", "show", "--org", "acme"];
    scratch.fails(1, "TrustDocumentMissing", &show);
    let made = scratch.json(&[&INIT[..], &ROOT_OUTPUT, &["--yes"]].concat());
    assert_eq!(words(&made["documents"], "kind"), ["root", "statement", "revocations"]);
    assert_eq!(words(&made["changes"], "change"), ["trusts_key"]);
    assert_eq!(made["published"], true);
    let root = text(&made["root"]);
    let verify = ["package", "verify", "a.so", "--org", "acme", "--trust-root"];
    scratch.json(&[&verify[..], &[&root]].concat());
    let audit = ["audit", "list", "--org", "acme", "--event", "trust.published"];
    let logged = finish(scratch.command(&audit).arg("--json"), b"").stdout;
    assert!(logged.contains("root 1, statement 1, revocations 1"), "{logged}");
    let status = scratch.json(&STATUS);
    assert_eq!(status["root"], root);
    assert_eq!(words(&status["roles"], "role"), ["root", "trust", "revocation"]);
    // Another root is not believed.
    let other = root.chars().rev().collect::<String>();
    scratch.fails(1, "TrustDocumentMissing", &[&verify[..], &[&other]].concat());
}

#[test]
fn a_runner_with_a_root_refuses_a_store_without_documents_and_says_how_to_make_them() {
    let scratch = scratch();
    let root = "ab".repeat(32);
    let verify = ["package", "verify", "a.so", "--org", "acme", "--trust-root", &root];
    let run = scratch.fails(1, "TrustDocumentMissing", &verify);
    assert!(run.stderr.contains("cloacina trust init"), "{}", run.stderr);
    scratch.json(&verify[..5]);
}

#[test]
fn signed_trust_is_turned_on_once() {
    let scratch = rooted();
    let again = [&INIT[..], &["--yes"]].concat();
    let run = scratch.fails(1, "SignedTrustExists", &again);
    assert!(run.stderr.contains("trust rotate-root"), "{}", run.stderr);
    assert!(run.stderr.contains("the organization acme already has"), "{}", run.stderr);
}

#[test]
fn without_signed_trust_the_organization_is_named_and_the_way_to_make_it() {
    let scratch = scratch();
    let root = "ab".repeat(32);
    let show = ["trust", "show", "--org", "acme"];
    let status = ["trust", "status", "--org", "acme", "--trust-root", &root];
    let verify = ["package", "verify", "a.so", "--org", "acme", "--trust-root", &root];
    for command in [&show[..], &status, &verify] {
        let run = scratch.fails(1, "TrustDocumentMissing", command);
        assert!(run.stderr.contains("acme has published no signed trust"), "{}", run.stderr);
        assert!(run.stderr.contains("cloacina trust init --org acme "), "{}", run.stderr);
    }
    rooted().json(&show);
}

#[test]
fn nothing_is_published_that_nobody_has_agreed_to() {
    let scratch = scratch();
    let init = [&INIT[..], &ROOT_OUTPUT].concat();
    let run = scratch.fails(2, "ConfirmationNeeded", &init);
    assert!(run.stderr.contains("the statement trusts"), "{}", run.stderr);
    scratch.fails(1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);
    assert!(!scratch.exists("root.json"));
    scratch.json(&[&init[..], &["--yes"]].concat());
    scratch.json(&STATUS);
}

#[test]
fn a_role_has_as_many_keys_as_must_sign() {
    let scratch = scratch();
    let two = [&INIT[..], &["--root-threshold", "2", "--yes"]].concat();
    scratch.fails(2, "TooFewRoleKeys", &two);
    // One key twice is one key.
    scratch.fails(2, "TooFewRoleKeys", &[&two[..], &["--root-key", "root.pem"]].concat());
    scratch.fails(2, "Usage", &[&INIT[..], &["--root-threshold", "17"]].concat());
    scratch.json(&[&two[..], &["--root-key", "second.pem", "--trust-key", "root.pem"]].concat());
}

#[test]
fn documents_that_would_have_expired_are_not_made() {
    let scratch = scratch();
    for option in ["--root-expires", "--expires", "--revocations-expires"] {
        let expired = [&INIT[..], &["--yes", option, "2026-01-01"]].concat();
        scratch.fails(2, "ExpiryPast", &expired);
    }
    scratch.json(&[&INIT[..], &["--yes", "--expires", "1h"]].concat());
}

#[test]
fn rows_that_no_statement_says_count_for_nothing_to_a_runner_with_a_root() {
    let scratch = rooted();
    assert_eq!(verify(&scratch).code, 0);
    trust(&scratch, "other");
    scratch.json(&["package", "sign", "a.so", "--key", "other.pem", "--force"]);
    let refused = verify(&scratch);
    refused.assert_failed(1, "UntrustedSigner");
    assert!(refused.stderr.contains("cloacina trust publish"), "{}", refused.stderr);
    // Without a root, the row suffices.
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
}

#[test]
fn a_root_file_that_others_can_write_is_not_pinned() {
    let scratch = rooted();
    finish(scratch.tool("chmod").args(["0666", "root.json"]), b"");
    verify(&scratch).assert_failed(2, "UnprotectedFile");
    finish(scratch.tool("chmod").args(["0644", "root.json"]), b"");
    assert_eq!(verify(&scratch).code, 0);
}
