use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signing_crypto::{SignatureEnvelope, SigningKey};

use crate::support::{Scratch, spawn, text};

const SIGN: [&str; 4] = ["package", "sign", "a.so", "--key"];

/// A package that `one` has signed; `two` may sign as well.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("one");
    scratch.key_files("two");
    scratch.signed_package("a.so", "one.pem");
    scratch
}

fn sign<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SIGN[..], &[key], more].concat()
}

fn envelope(scratch: &Scratch) -> SignatureEnvelope {
    SignatureEnvelope::parse(&scratch.read("a.so.sig")).unwrap()
}

/// The envelope's statement as JSON.
fn statement(scratch: &Scratch) -> Value {
    let document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    let payload = STANDARD.decode(document["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn a_second_signature_is_added_over_the_same_statement() {
    let scratch = scratch();
    let before = envelope(&scratch);
    let added = scratch.json(&sign("two.pem", &[]))[0].clone();
    assert_eq!((&added["outcome"], &added["signatures"]), (&"added".into(), &2.into()));
    let after = envelope(&scratch);
    assert_eq!(after.signed_bytes(), before.signed_bytes());
    assert_eq!(after.signatures()[0], before.signatures()[0]);
    for key in ["one.pub.pem", "two.pub.pem"] {
        scratch.json(&["package", "verify", "a.so", "--trust-key", key]);
    }
    assert_eq!(scratch.mode("a.so.sig"), 0o644);
}

#[test]
fn signing_again_changes_nothing_and_says_so() {
    let scratch = scratch();
    let before = scratch.read("a.so.sig");
    let run = scratch.run(&sign("one.pem", &[]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let one = SigningKey::from_pem(&scratch.read("one.pem")).unwrap().fingerprint().to_string();
    let by = format!("  by the key {}\n", &one[..16]);
    let already = "a.so is already signed as a.so by this key\n";
    assert_eq!(run.stdout, format!("{already}{by}  in a.so.sig\n"));
    assert_eq!(scratch.json(&sign("one.pem", &[]))[0]["outcome"], "already_signed");
    assert_eq!(scratch.read("a.so.sig"), before);

    // Also if the signature does not name the key.
    let mut document: Value = serde_json::from_slice(&before).unwrap();
    document["signatures"][0].as_object_mut().unwrap().remove("keyid");
    scratch.write("a.so.sig", document.to_string());
    assert_eq!(scratch.json(&sign("one.pem", &[]))[0]["outcome"], "already_signed");
    assert_eq!(scratch.json(&sign("two.pem", &[]))[0]["outcome"], "added");
}

#[test]
fn nothing_is_added_to_signatures_of_something_else() {
    let refused = |change: fn(&Scratch), more: &[&str], difference: &str, same: &str| {
        let scratch = scratch();
        change(&scratch);
        let before = scratch.read("a.so.sig");
        let run = scratch.fails(1, "OtherStatement", &sign("two.pem", more));
        let first = match same {
            "" => String::new(),
            same => format!("to sign the same terms: {same}; otherwise "),
        };
        let expected = format!(
            "refused: cannot add to the signatures at a.so.sig: {difference}\nnext: {first}sign \
             into another file with --output, or replace these signatures with --force\n"
        );
        assert_eq!(run.stderr, expected);
        assert_eq!(scratch.read("a.so.sig"), before);

        scratch.json(&sign("two.pem", &[more, &["--force"]].concat()));
        assert_eq!(envelope(&scratch).signatures().len(), 1);
        scratch.fails(
            1,
            "UntrustedSigner",
            &["package", "verify", "a.so", "--trust-key", "one.pub.pem"],
        );
    };
    let nothing: fn(&Scratch) = |_| {};
    refused(
        |scratch| scratch.write("a.so", "other bytes"),
        &[],
        "they are about other bytes than the package has now",
        "",
    );
    refused(nothing, &["--name", "b.so"], "they are about \"a.so\", not about \"b.so\"", "");
    refused(
        nothing,
        &["--package-version", "1.0.0"],
        "they state no version, but version 1.0.0 was requested",
        "no --package-version",
    );
    refused(
        nothing,
        &["--package-version", "1.0.0", "--expires", "2999-01-01"],
        "they state no version, but version 1.0.0 was requested; they state no expiry, but expiry \
         2999-01-01T00:00:00Z was requested",
        "no --package-version and no --expires",
    );
    let versioned: fn(&Scratch) = |scratch| {
        let more = ["--force", "--package-version", "1.0.0+a", "--expires", "2999-01-01"];
        scratch.json(&sign("one.pem", &more));
    };
    let same = "--package-version 1.0.0+a --expires 2999-01-01T00:00:00Z";
    refused(
        versioned,
        &["--package-version", "1.0.0+b", "--expires", "2999-01-01"],
        "they state version 1.0.0+a, but version 1.0.0+b was requested",
        same,
    );
    refused(
        versioned,
        &["--package-version", "1.0.0+a", "--expires", "2999-01-02"],
        "they state expiry 2999-01-01T00:00:00Z, but expiry 2999-01-02T00:00:00Z was requested",
        same,
    );
    // A planted signature must not make others vouch for its version.
    refused(
        versioned,
        &["--expires", "2999-01-01"],
        "they state version 1.0.0+a, but no version was requested",
        same,
    );
    refused(
        versioned,
        &["--package-version", "1.0.0+a"],
        "they state expiry 2999-01-01T00:00:00Z, but no expiry was requested",
        same,
    );
    let only_versioned: fn(&Scratch) = |scratch| {
        scratch.json(&sign("one.pem", &["--force", "--package-version", "1.0.0"]));
    };
    refused(
        only_versioned,
        &["--expires", "2999-01-01"],
        "they state version 1.0.0, but no version was requested; they state no expiry, but expiry \
         2999-01-01T00:00:00Z was requested",
        "--package-version 1.0.0 and no --expires",
    );
}

#[test]
fn the_options_that_a_refusal_names_sign_the_same() {
    let scratch = scratch();
    let terms = ["--package-version", "1.0.0+a", "--expires", "2999-01-01T00:00:00.5Z"];
    scratch.json(&sign("one.pem", &[&terms[..], &["--force"]].concat()));
    let refusal = scratch.fails(1, "OtherStatement", &sign("two.pem", &[])).stderr;
    let (_, named) = refusal.split_once("to sign the same terms: ").unwrap();
    let named: Vec<_> = named.split_once(';').unwrap().0.split(' ').collect();
    assert_eq!(scratch.json(&sign("two.pem", &named))[0]["outcome"], "added");
    for key in ["one.pub.pem", "two.pub.pem"] {
        scratch.json(&["package", "verify", "a.so", "--trust-key", key]);
    }
}

#[test]
fn version_and_expiry_stay_as_they_were_signed_and_are_shown() {
    let scratch = scratch();
    let terms = ["--package-version", "1.4.0", "--expires", "2999-01-28T12:00:00+02:00"];
    scratch.json(&sign("one.pem", &[&terms[..], &["--force"]].concat()));
    let predicate = statement(&scratch)["predicate"].clone();
    assert_eq!(predicate["version"], "1.4.0");
    assert_eq!(predicate["expiresAt"], "2999-01-28T10:00:00Z");

    let shown = scratch.run(&sign("two.pem", &terms)).stdout;
    let two = SigningKey::from_pem(&scratch.read("two.pem")).unwrap().fingerprint().to_string();
    let by = format!("  by the key {}", &two[..16]);
    assert_eq!(
        shown,
        format!(
            "signed a.so as a.so, as one of 2\n{by}\n  version 1.4.0\n  expires \
             2999-01-28T10:00:00Z\n  in a.so.sig\n"
        )
    );
    assert_eq!(statement(&scratch)["predicate"], predicate);
    // The same terms again are the same statement.
    assert_eq!(scratch.json(&sign("two.pem", &terms))[0]["outcome"], "already_signed");

    let verified = scratch.json(&["package", "verify", "a.so", "--trust-key", "two.pub.pem"]);
    assert_eq!(verified[0]["version"], "1.4.0");
    assert_eq!(verified[0]["expires_at"], "2999-01-28T10:00:00Z");
}

#[test]
fn an_expiry_is_a_time_that_is_still_to_come() {
    let scratch = scratch();
    let expires = |time| sign("one.pem", &["--force", "--expires", time]);
    for past in ["2020-01-01", "2020-01-01T00:00:00Z"] {
        scratch.fails(2, "ExpiryPast", &expires(past));
    }
    for wrong in ["tomorrow", "2999-13-01", "2999-01-01T00:00:00", "12999-01-01", ""] {
        scratch.fails(2, "Usage", &expires(wrong));
    }
    scratch.fails(2, "Usage", &sign("one.pem", &["--package-version", "v1"]));
}

/// Signed by the library, as the program refuses to sign what has expired.
#[test]
fn an_expired_signature_is_refused_and_not_added_to() {
    let scratch = scratch();
    let statement = envelope(&scratch).unverified_statement().unwrap();
    let statement = statement.with_expiry("2020-01-01T00:00:00Z".parse().unwrap());
    let key = SigningKey::from_pem(&scratch.read("one.pem")).unwrap();
    scratch.write("a.so.sig", SignatureEnvelope::sign(&statement, &key).to_json());

    let verify = ["package", "verify", "a.so", "--trust-key", "one.pub.pem"];
    let run = scratch.fails(1, "Expired", &verify);
    assert!(run.stderr.contains("the signature expired at 2020-01-01T00:00:00Z"), "{}", run.stderr);
    assert!(run.stderr.contains("next: "), "{}", run.stderr);
    // No allowance that can be given makes up for years.
    let allowing = |seconds| [&verify[..], &["--clock-skew-allowance", seconds]].concat();
    scratch.fails(1, "Expired", &allowing("300"));
    for wrong in ["301", "10000000000", "1h"] {
        scratch.fails(2, "Usage", &allowing(wrong));
    }
    let run = scratch.fails(1, "OtherStatement", &sign("two.pem", &[]));
    assert!(run.stderr.contains("they expired at 2020-01-01T00:00:00Z"), "{}", run.stderr);
}

#[test]
fn a_signature_that_expires_soon_is_a_warning_in_the_audit_log() {
    let scratch = scratch();
    let statement = envelope(&scratch).unverified_statement().unwrap();
    let key = SigningKey::from_pem(&scratch.read("one.pem")).unwrap();
    let verify = ["package", "verify", "a.so", "--trust-key", "one.pub.pem", "-v"];
    let warned = |days: u64| {
        let expiry = statement.signed_at().to_utc() + Duration::from_secs(days * 24 * 60 * 60);
        let statement = statement.clone().with_expiry(expiry.try_into().unwrap());
        scratch.write("a.so.sig", SignatureEnvelope::sign(&statement, &key).to_json());
        let run = scratch.run(&verify);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr.contains("signature.expiring")
    };
    assert!(warned(29));
    assert!(!warned(31));
}

#[test]
fn a_key_whose_signature_is_broken_is_not_taken_for_signed() {
    let scratch = scratch();
    let mut document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    document["signatures"][0]["sig"] = "AAAA".into();
    scratch.write("a.so.sig", document.to_string());
    scratch.fails(1, "InvalidSignature", &sign("one.pem", &[]));
    assert_eq!(scratch.json(&sign("two.pem", &[]))[0]["outcome"], "added");
}

#[test]
fn a_17th_signature_is_refused() {
    let scratch = scratch();
    let mut full = envelope(&scratch);
    for _ in 1..16 {
        full.add_signature(&SigningKey::generate().unwrap()).unwrap();
    }
    scratch.write("a.so.sig", full.to_json());
    scratch.fails(1, "TooManySignatures", &sign("two.pem", &[]));
    assert_eq!(envelope(&scratch), full);
}

#[test]
fn one_refusal_stops_all_before_any_is_written() {
    let scratch = scratch();
    scratch.write("b.so", "b");
    scratch.signed_package("c.so", "one.pem");
    scratch.write("c.so", "changed");
    let before = scratch.read("a.so.sig");
    let arguments = ["package", "sign", "a.so", "b.so", "c.so", "--key", "two.pem"];
    scratch.fails(1, "OtherStatement", &arguments);
    assert_eq!(scratch.read("a.so.sig"), before);
    assert!(!scratch.exists("b.so.sig"));
}

/// A process that reported success finds its signature in the file.
#[test]
fn none_of_several_who_sign_at_once_is_lost() {
    let scratch = scratch();
    let names: Vec<_> = (0..6).map(|n| format!("key{n}")).collect();
    let fingerprints: Vec<_> = names.iter().map(|name| scratch.key_files(name)).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let key = format!("{name}.pem");
            let mut command = scratch.command(&sign(&key, &["--json"]));
            spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
        })
        .collect();
    let codes: Vec<_> =
        children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    let signers: Vec<_> = envelope(&scratch)
        .signatures()
        .iter()
        .map(|signature| signature.claimed_signer().unwrap().to_string())
        .collect();
    assert!(codes.contains(&0), "{codes:?}");
    for (code, fingerprint) in codes.iter().zip(&fingerprints) {
        assert_eq!(*code == 0, signers.contains(fingerprint), "{codes:?}");
        assert!([0, 2].contains(code), "{codes:?}");
    }
    for name in names {
        scratch.json(&sign(&format!("{name}.pem"), &[]));
    }
    assert_eq!(envelope(&scratch).signatures().len(), 7);
}

/// With stored keys, in the store.
#[test]
fn a_stored_signature_gets_another_of_the_same_organization() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    scratch.write("a.so", "a");
    let store = |id: &str, more: &[&str]| {
        let arguments = [&["package", "sign", "a.so", "--key-id", id, "--store"], more].concat();
        scratch.json(&arguments)[0].clone()
    };
    let verify = |org: &str, count: &str| {
        scratch.run(&["package", "verify", "a.so", "--org", org, "--required-signers", count]).code
    };
    let [one, two] = ["one", "two"].map(|name| {
        let (id, _) = scratch.stored_key(name, "acme");
        scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
        id
    });
    let (stranger, _) = scratch.stored_key("one", "other");

    let first = store(&one, &[]);
    assert_eq!(
        (&first["outcome"], verify("acme", "1"), verify("acme", "2")),
        (&"signed".into(), 0, 1)
    );
    assert_eq!(store(&stranger, &[])["outcome"], "signed");
    let second = store(&two, &[]);
    assert_eq!((&second["outcome"], &second["signatures"]), (&"added".into(), &2.into()));
    assert_eq!(verify("acme", "2"), 0);
    assert_ne!(first["signature_id"], second["signature_id"]);

    let again = store(&one, &["--output", "a.so.sig"]);
    assert_eq!(again["outcome"], "already_signed");
    assert_eq!(again["signature_id"], second["signature_id"]);
    assert_eq!(envelope(&scratch).signatures().len(), 2);

    // One with other terms does not prevent a signature, and neither does signing again.
    assert_eq!(store(&two, &["--package-version", "2.0.0"])["outcome"], "signed");
    assert_eq!(store(&one, &["--package-version", "2.0.0"])["outcome"], "added");
    assert_eq!(store(&one, &["--force"])["outcome"], "signed");
    assert_eq!(text(&store(&one, &["--force"])["signature_id"]).len(), 36);
}
