use signing_crypto::{SignatureEnvelope, SigningKey};

use crate::support::{Scratch, text};

/// A package that two keys have signed, `one` and `two`.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    scratch.key_files("one");
    scratch.key_files("two");
    scratch.signed_package("a.so", "one.pem");
    let mut envelope = SignatureEnvelope::parse(&scratch.read("a.so.sig")).unwrap();
    envelope.add_signature(&SigningKey::from_pem(&scratch.read("two.pem")).unwrap()).unwrap();
    scratch.write("a.so.sig", envelope.to_json());
    scratch
}

fn verify<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["package", "verify", "a.so"], more].concat()
}

#[test]
fn as_many_distinct_pinned_keys_must_have_signed_as_are_asked_for() {
    let scratch = scratch();
    let pinned = ["--trust-key", "one.pub.pem", "--trust-key", "two.pub.pem"];
    let required = |count| [&verify(&pinned)[..], &["--required-signers", count]].concat();
    let verified = scratch.json(&required("2"));
    assert_eq!(verified[0]["signers"].as_array().unwrap().len(), 2);
    assert_eq!(verified[0]["signers"][0]["via"]["path"], "pinned");
    let shown = scratch.run(&required("2")).stdout;
    for signer in verified[0]["signers"].as_array().unwrap() {
        assert!(shown.contains(&text(&signer["fingerprint"])), "{shown}");
    }
    scratch.fails(1, "NotEnoughSigners", &required("3"));
    for count in ["0", "17", "many"] {
        scratch.fails(2, "Usage", &required(count));
    }
}

#[test]
fn a_refusal_says_how_many_there_are_and_why_another_does_not_count() {
    let scratch = scratch();
    let arguments = verify(&["--trust-key", "one.pub.pem", "--required-signers", "2"]);
    let run = scratch.fails(1, "NotEnoughSigners", &arguments);
    let two = SigningKey::from_pem(&scratch.read("two.pem")).unwrap().fingerprint();
    assert_eq!(
        run.stderr,
        format!(
            "refused: a.so: the package must be signed by 2 distinct trusted keys, found 1: the \
             signer {two} is not trusted: it is not one of the keys that were given\n\
             next: have another trusted signer add a signature: cloacina package cosign <package> \
             --key <private key>\n"
        )
    );
}

#[test]
fn distinct_organizations_are_asked_of_an_organization_only() {
    let scratch = scratch();
    let distinct = ["--required-signers", "2", "--distinct-orgs"];
    let by_org = [&verify(&["--org", "acme"])[..], &distinct].concat();
    for key in ["one.pub.pem", "two.pub.pem"] {
        scratch.json(&["keys", "trust", "--org", "acme", "--import", key]);
    }
    scratch.json(&verify(&["--org", "acme", "--required-signers", "2"]));
    scratch.fails(1, "NotEnoughSigners", &by_org);

    let pinned = [&verify(&["--trust-key", "one.pub.pem"])[..], &distinct].concat();
    scratch.fails(2, "Usage", &pinned);
    scratch.fails(2, "Usage", &verify(&["--org", "acme", "--distinct-orgs"]));
}

#[test]
fn keys_of_two_organizations_are_of_distinct_ones() {
    let scratch = scratch();
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "one.pub.pem"]);
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "two.pub.pem"]);
    let arguments = verify(&["--org", "acme", "--required-signers", "2", "--distinct-orgs"]);
    scratch.fails(1, "NotEnoughSigners", &arguments);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let verified = scratch.json(&arguments);
    assert_eq!(verified[0]["signers"][1]["via"]["org"], "vendor");
}
