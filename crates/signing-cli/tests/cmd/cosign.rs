//! Another signature for exactly what the signatures of a package state.

use serde_json::Value;
use signing_crypto::SignatureEnvelope;

use crate::support::{Scratch, text};

const LATE: &str = "2999-01-01T00:00:00Z";
const COSIGN: [&str; 6] = ["package", "cosign", "a.so", "--key", "two.pem", "--yes"];
const BY_ONE: [&str; 2] = ["--trust-key", "one.pub.pem"];

/// A package that `one` has signed, with a version and an expiry; `two` may sign as well.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("one");
    scratch.key_files("two");
    scratch.write("a.so", "a");
    let terms = ["--package-version", "1.4.0", "--expires", LATE];
    scratch.json(&[&["package", "sign", "a.so", "--key", "one.pem"], &terms[..]].concat());
    scratch
}

fn cosign<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&COSIGN[..], more].concat()
}

fn envelope(scratch: &Scratch) -> SignatureEnvelope {
    SignatureEnvelope::parse(&scratch.read("a.so.sig")).unwrap()
}

#[test]
fn exactly_what_is_there_is_shown_and_signed() {
    let scratch = scratch();
    let before = envelope(&scratch);
    let run = scratch.run(&cosign(&BY_ONE));
    assert_eq!(run.code, 0, "{}", run.stderr);
    for shown in ["a.so.sig states", "version    1.4.0", "2999-01-01", "verified, trusted (pinned"]
    {
        assert!(run.stdout.contains(shown), "{shown}: {}", run.stdout);
    }
    assert!(run.stdout.contains("signed a.so with the key "), "{}", run.stdout);
    let after = envelope(&scratch);
    assert_eq!(after.signed_bytes(), before.signed_bytes());
    assert_eq!(after.signatures().len(), 2);
    let both = ["--trust-key", "one.pub.pem", "--trust-key", "two.pub.pem"];
    let verify = [&["package", "verify", "a.so", "--required-signers", "2"], &both[..]].concat();
    scratch.json(&verify);
}

#[test]
fn a_key_that_has_signed_does_nothing_and_says_so() {
    let scratch = scratch();
    let first = scratch.json(&cosign(&BY_ONE))[0].clone();
    assert_eq!((&first["outcome"], &first["signatures"]), (&"added".into(), &2.into()));
    assert_eq!(first["before"][0]["verdict"], "verified");
    let before = scratch.read("a.so.sig");
    // Not even a question is asked.
    let again = scratch.json(&[&cosign(&BY_ONE)[..5], &BY_ONE].concat())[0].clone();
    assert_eq!(again["outcome"], "already_signed");
    assert_eq!(again["signer"], first["signer"]);
    assert_eq!(scratch.read("a.so.sig"), before);
}

#[test]
fn nothing_is_signed_unless_it_is_confirmed() {
    let scratch = scratch();
    let before = scratch.read("a.so.sig");
    scratch.fails(2, "ConfirmationNeeded", &[&cosign(&[])[..5], &BY_ONE].concat());
    assert_eq!(scratch.read("a.so.sig"), before);
}

#[test]
fn signatures_that_no_trusted_key_has_made_are_not_added_to() {
    let scratch = scratch();
    scratch.key_files("other");
    let before = scratch.read("a.so.sig");
    let untrusted = cosign(&["--trust-key", "other.pub.pem"]);
    scratch.fails(1, "UntrustedSigner", &untrusted);
    assert_eq!(scratch.read("a.so.sig"), before);
    let done = scratch.json(&cosign(&["--danger-cosign-unverified"]))[0].clone();
    assert_eq!(done["before"][0]["verdict"], "unverified");
    assert_eq!(envelope(&scratch).signatures().len(), 2);
}

#[test]
fn other_bytes_no_signature_and_another_name_are_refused_whatever_key_is_trusted() {
    for trust in [&BY_ONE[..], &["--danger-cosign-unverified"]] {
        let scratch = scratch();
        let before = scratch.read("a.so.sig");
        scratch.write("a.so", "b");
        scratch.fails(1, "TamperedPackage", &cosign(trust));
        scratch.write("a.so", "longer");
        scratch.fails(1, "TamperedPackage", &cosign(trust));
        scratch.write("a.so", "a");
        scratch.fails(1, "WrongName", &cosign(&[trust, &["--name", "b.so"]].concat()));
        assert_eq!(scratch.read("a.so.sig"), before);
        std::fs::remove_file(scratch.path("a.so.sig")).unwrap();
        scratch.fails(1, "SignatureNotFound", &cosign(trust));
        assert!(!scratch.exists("a.so.sig"));
    }
}

#[test]
fn of_several_packages_none_is_signed_if_one_is_refused() {
    let scratch = scratch();
    scratch.signed_package("b.so", "one.pem");
    let both = ["package", "cosign", "a.so", "b.so", "--key", "two.pem", "--yes"];
    let both = [&both[..], &BY_ONE].concat();
    scratch.write("b.so", "changed");
    let before = scratch.read("a.so.sig");
    let refused = scratch.fails(1, "TamperedPackage", &both);
    assert!(refused.stderr.contains("b.so"), "{}", refused.stderr);
    assert_eq!(scratch.read("a.so.sig"), before);
    scratch.write("b.so", "the bytes of b.so");
    assert_eq!(scratch.json(&both).as_array().unwrap().len(), 2);
}

#[test]
fn a_stored_key_cosigns_by_the_trust_of_its_organization_and_is_named() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    let (_, fingerprint) = scratch.stored_key("reviewer", "acme");
    scratch.write("a.so", "a");
    let signed = scratch.run(&["package", "sign", "a.so", "--key-id", "release"]);
    assert!(signed.stdout.contains("\n  by acme/release ("), "{}", signed.stdout);
    let cosign = ["package", "cosign", "a.so", "--key-id", "reviewer", "--yes"];
    let made = scratch.json(&cosign)[0].clone();
    assert_eq!(
        (text(&made["signer"]), text(&made["signer_name"])),
        (fingerprint, "reviewer".into())
    );
    assert_eq!(made["before"][0]["name"], "release");
}

/// A package whose signature by `signer` is in the store alone. acme trusts `release` and
/// `reviewer`, and not `stranger`.
fn stored(scratch: Scratch, signer: &str) -> Scratch {
    for name in ["release", "reviewer", "stranger"] {
        let (id, _) = scratch.stored_key(name, "acme");
        if name != "stranger" {
            scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
        }
    }
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", signer, "--package-version", "1.4.0"];
    scratch.json(&[&sign[..], &["--store"]].concat());
    scratch
}

const COSIGN_STORED: [&str; 7] =
    ["package", "cosign", "a.so", "--key-id", "reviewer", "--store", "--yes"];

fn cosign_what_the_store_keeps(scratch: Scratch) {
    let scratch = stored(scratch, "release");
    let verify = ["package", "verify", "a.so", "--org", "acme", "--required-signers", "2"];
    scratch.fails(1, "NotEnoughSigners", &verify);

    let made = scratch.json(&COSIGN_STORED)[0].clone();
    assert_eq!((&made["outcome"], &made["signatures"]), (&"added".into(), &2.into()));
    assert_eq!((&made["version"], &made["signature"]), (&"1.4.0".into(), &Value::Null));
    scratch.json(&verify);
    assert!(!scratch.exists("a.so.sig"));

    let again = scratch.json(&COSIGN_STORED)[0].clone();
    assert_eq!(again["outcome"], "already_signed");
    assert_eq!(again["signature_id"], made["signature_id"]);
}

#[test]
fn a_signature_in_the_store_is_added_to() {
    cosign_what_the_store_keeps(Scratch::with_orgs(&["acme"]));
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_signature_in_a_postgres_store_is_added_to() {
    cosign_what_the_store_keeps(Scratch::on_postgres(&["acme"]));
}

#[test]
fn a_signature_in_the_store_is_added_to_only_if_it_verifies() {
    let scratch = stored(Scratch::with_orgs(&["acme"]), "stranger");
    scratch.fails(1, "UntrustedSigner", &COSIGN_STORED);
    scratch.write("a.so", "b");
    let missing = scratch.fails(1, "SignatureNotFound", &COSIGN_STORED);
    assert!(missing.stderr.contains("in the store"), "{}", missing.stderr);
    // An untrusted one beside it is no obstacle.
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", "release", "--store", "--force"];
    scratch.json(&sign);
    let made = scratch.json(&COSIGN_STORED)[0].clone();
    assert_eq!((&made["version"], &made["before"][0]["name"]), (&Value::Null, &"release".into()));
}
