//! Python programs that know the specification alone, on the examples and the other way round.
//! Ed25519 is openssl's.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use signing_crypto::{
    MalformedTrustDocument, PackageName, Revocations, RootDocument, SignedDocument, TrustDocument,
    TrustStatement, VerifiedRoot,
};

use crate::example::{acme_revocations, acme_root_1, acme_statement};
use crate::examples::{directory, read};

const NOW: &str = "2026-02-01T00:00:00Z";

fn python(arguments: &[&str], directory: &Path) -> Output {
    Command::new("python3").args(arguments).current_dir(directory).output().unwrap_or_else(
        |error| panic!("this test needs the program 'python3', which does not run: {error}"),
    )
}

/// Runs a Python program, which must succeed.
fn succeeds(arguments: &[&str], directory: &Path) -> String {
    let output = python(arguments, directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the verifier of the specification says of a bundle at some time.
fn verify(bundle: &str, now: &str) -> Result<String, String> {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("bundle.json"), bundle).unwrap();
    fs::write(scratch.path().join("root.json"), read("root-1.json")).unwrap();
    let program = directory().canonicalize().unwrap().join("verify.py");
    let arguments = [program.to_str().unwrap(), "bundle.json", "root.json", now];
    let output = python(&arguments, scratch.path());
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[test]
fn verifier_of_the_specification_accepts_the_bundle_of_the_specification() {
    let statement = acme_statement();
    let denied = acme_revocations().denied;
    let own: Vec<_> = statement.keys.keys().filter(|key| !denied.contains_key(key)).collect();
    let theirs = crate::example::vendor_statement().keys.into_keys().next().unwrap();
    let [own] = own[..] else { panic!("{own:?}") };
    let expected = format!("any package: {own}\netl-*: {theirs}\n");
    assert_eq!(verify(&read("bundle.json"), NOW).unwrap(), expected);
}

#[test]
fn verifier_of_the_specification_refuses_each_change() {
    let bundle: Value = serde_json::from_str(&read("bundle.json")).unwrap();
    let acme = "/organizations/1";
    let signature = |document: &str, at: usize| format!("{acme}{document}/signatures/{at}/sig");
    let refuses = |what: &str, expected: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = bundle.clone();
        change(&mut changed);
        let refused = verify(&changed.to_string(), NOW).unwrap_err();
        assert!(refused.contains(expected), "{what}: {refused}");
    };
    for (place, role) in [
        (signature("/roots/0", 0), "root"),
        (signature("/roots/1", 1), "root"),
        (signature("/statement", 0), "trust"),
        (signature("/statement", 1), "trust"),
        (signature("/revocations", 0), "revocation"),
    ] {
        refuses(&place, &format!("too few keys of the {role} role"), &|value| {
            let text = value.pointer_mut(&place).unwrap();
            let good = text.as_str().unwrap();
            let first = if good.starts_with('A') { "B" } else { "A" };
            *text = format!("{first}{}", &good[1..]).into();
        });
    }
    refuses("a root is missing", "the root document is older", &|value| {
        value.pointer_mut(&format!("{acme}/roots")).unwrap().as_array_mut().unwrap().pop();
    });
    refuses("the pinned root is missing", "pinned root document is not there", &|value| {
        value.pointer_mut(&format!("{acme}/roots")).unwrap().as_array_mut().unwrap().remove(0);
    });
    refuses("another kind", "not a statement document", &|value| {
        let revocations = value.pointer(&format!("{acme}/revocations")).unwrap().clone();
        *value.pointer_mut(&format!("{acme}/statement")).unwrap() = revocations;
    });
    refuses("another organization", "a document of another organization", &|value| {
        let theirs = value["organizations"][0]["statement"].clone();
        *value.pointer_mut(&format!("{acme}/statement")).unwrap() = theirs;
    });
    refuses("a child is missing", "documents are missing or extraneous", &|value| {
        value["organizations"].as_array_mut().unwrap().remove(0);
    });
    let refused = verify(&read("bundle.json"), "2026-02-12T08:00:00Z").unwrap_err();
    assert!(refused.contains("the revocations document has expired"), "{refused}");
    verify(&read("bundle.json"), "2026-02-12T07:59:59Z").unwrap();
}

#[test]
fn documents_that_python_makes_are_accepted() {
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signed_trust/make.py");
    let arguments = [program.to_str().unwrap(), scratch.path().to_str().unwrap()];
    succeeds(&arguments, scratch.path());
    let text = |kind: &str| fs::read_to_string(scratch.path().join(kind)).unwrap();

    let root: SignedDocument<RootDocument> = parse(&text("root.json")).unwrap();
    let root = VerifiedRoot::pinned(&root).unwrap();
    assert_eq!(root.document().keys().count(), 4);
    let statement = root.verify(&parse::<TrustStatement>(&text("statement.json")).unwrap());
    let statement = statement.unwrap().into_document();
    let floors: Vec<_> = statement.floors.keys().map(PackageName::as_str).collect();
    assert_eq!(floors, ["ワークフロー \"a\\b\".so"]);
    assert_eq!(statement.header.expires_at.to_string(), "2026-03-28T12:00:00.500000Z");
    let revocations = root.verify(&parse::<Revocations>(&text("revocations.json")).unwrap());
    assert_eq!(revocations.unwrap().document().denied.len(), 1);

    // A signature under another key's name does not count.
    let swapped = text("statement.json").replace(
        &crate::example::key(4).fingerprint().to_string(),
        &crate::example::key(6).fingerprint().to_string(),
    );
    let refused = root.verify(&parse::<TrustStatement>(&swapped).unwrap()).unwrap_err();
    assert_eq!((refused.required, refused.found), (2, 1));
}

/// Reads a payload and writes it again.
const AGAIN: &str = "import json, sys\n\
    text = open(sys.argv[1], encoding='utf-8').read()\n\
    again = json.dumps(json.loads(text), separators=(',', ':'), ensure_ascii=False)\n\
    open('again', 'w', encoding='utf-8').write(again)\n";

#[test]
fn python_writes_our_payloads_byte_for_byte() {
    let mut unusual = acme_statement();
    for (name, version) in [
        ("ワークフロー.so", "1.0.0+b"),
        ("a\"b\\c'd<&>.so", "2.0.0-rc.1"),
        ("é😀/".trim_end_matches('/'), "0.0.0"),
    ] {
        unusual.floors.insert(name.parse().unwrap(), version.parse().unwrap());
    }
    let scratch = tempfile::tempdir().unwrap();
    let again = |payload: &str| {
        fs::write(scratch.path().join("payload"), payload).unwrap();
        succeeds(&["-c", AGAIN, "payload"], scratch.path());
        fs::read_to_string(scratch.path().join("again")).unwrap()
    };
    for payload in [
        acme_root_1().to_json(),
        acme_statement().to_json(),
        unusual.to_json(),
        acme_revocations().to_json(),
    ] {
        assert_eq!(again(&payload), payload);
        assert_ne!(again(&payload), payload.replacen(':', ": ", 1));
    }
}

fn parse<D: TrustDocument>(text: &str) -> Result<SignedDocument<D>, MalformedTrustDocument> {
    SignedDocument::parse(text.as_bytes())
}
