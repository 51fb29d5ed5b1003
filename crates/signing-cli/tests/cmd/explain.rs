//! What `--explain` says of each kind of refusal, compared with the page that shows it.

mod stored;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use signing_crypto::OrgId;

use crate::support::{Scratch, text};

/// Where the page is. With `CLOACINA_TEST_REWRITE` set, what is shown is written there
/// instead of compared.
fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/content/reference/refusals.md")
}

/// An organization `acme` that trusts the key of `release.pem`, which has signed
/// `libworkflow.so`.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    scratch.key_files("release");
    scratch.signed_package("libworkflow.so", "release.pem");
    let trust = ["keys", "trust", "--org", "acme", "--import", "release.pub.pem"];
    scratch.json(&[&trust[..], &["--name", "release"]].concat());
    scratch
}

fn verify(package: &str) -> Vec<&str> {
    vec!["package", "verify", package, "--org", "acme", "--explain"]
}

/// Asserts that the page shows this refusal as it is, under the heading `code`.
#[track_caller]
fn is_shown(scratch: &Scratch, heading: &str, code: &str, arguments: &[&str]) -> Value {
    let run = scratch.run(arguments);
    let shown = steady(&run.stdout);
    // The tree says the next step, and so does what is written to standard error.
    for line in run.stderr.lines().filter(|line| line.starts_with("next: ")) {
        assert!(run.stdout.contains(line), "{line} is not in {}", run.stdout);
    }
    let page_text = fs::read_to_string(page()).unwrap();
    let start = page_text.find(&format!("## {heading}\n")).expect("the page has no such heading");
    let block = start + page_text[start..].find("```text\n").unwrap() + "```text\n".len();
    let end = block + page_text[block..].find("```").unwrap();
    if std::env::var_os("CLOACINA_TEST_REWRITE").is_some() {
        let new = format!("{}{shown}{}", &page_text[..block], &page_text[end..]);
        fs::write(page(), new).unwrap();
    } else {
        assert_eq!(shown, page_text[block..end], "under {heading}");
    }
    scratch.fails(1, code, arguments).document()["result"][0]["explanation"].clone()
}

/// The output, with fingerprints, digests, times and ids as words.
fn steady(text: &str) -> String {
    let mut steady = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_end_matches([',', ':']);
                let hex = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
                let time = bare.len() >= 20 && bare.as_bytes()[10] == b'T' && bare.contains(':');
                let id = bare.parse::<OrgId>().is_ok();
                match (hex, time, id) {
                    (true, ..) => word.replace(bare, "<hex>"),
                    (_, true, _) => word.replace(bare, "<time>"),
                    (.., true) => word.replace(bare, "<id>"),
                    _ => word.to_owned(),
                }
            })
            .collect();
        steady.push(words.join(" "));
    }
    steady.join("\n") + "\n"
}

#[test]
fn page_shows_ten_kinds_of_refusal_as_they_are() {
    let scratch = scratch();
    let (good, signature) = (scratch.read("libworkflow.so"), scratch.read("libworkflow.so.sig"));

    scratch.write("unsigned.so", "unsigned");
    let missing = is_shown(&scratch, "No signature", "SignatureNotFound", &verify("unsigned.so"));
    assert_eq!(missing, json!([]));

    scratch.write("unsigned.so.sig", "-----BEGIN PGP SIGNATURE-----\n");
    let code = "MalformedSignature";
    let foreign = is_shown(&scratch, "Not a signature", code, &verify("unsigned.so"));
    assert_eq!(foreign[0]["source"], json!({ "kind": "file", "path": "unsigned.so.sig" }));
    assert_eq!((&foreign[0]["readable"], &foreign[0]["code"]), (&json!(false), &json!(code)));

    scratch.key_files("stranger");
    scratch.signed_package("stranger.so", "stranger.pem");
    let code = "UntrustedSigner";
    let stranger = is_shown(&scratch, "An unknown signer", code, &verify("stranger.so"));
    assert_eq!(stranger[0]["signatures"][0]["code"], code);
    assert_eq!(stranger[0]["signatures"][0]["reason"], "unknown");

    scratch.write("renamed.so", &good);
    scratch.write("renamed.so.sig", &signature);
    is_shown(&scratch, "Another name", "WrongName", &verify("renamed.so"));

    let mut changed = good.clone();
    changed[0] ^= 1;
    scratch.write("libworkflow.so", &changed);
    let tampered = verify("libworkflow.so");
    let tampered = is_shown(&scratch, "Another content", "TamperedPackage", &tampered);
    assert_eq!(tampered[0]["accepted"], true, "the signature is good; the package is not");
    scratch.write("libworkflow.so", &good);

    let mut envelope: Value = serde_json::from_slice(&signature).unwrap();
    let other: Value = serde_json::from_slice(&scratch.read("stranger.so.sig")).unwrap();
    envelope["signatures"][0]["sig"] = other["signatures"][0]["sig"].clone();
    scratch.write("libworkflow.so.sig", envelope.to_string());
    let code = "InvalidSignature";
    is_shown(&scratch, "A broken signature", code, &verify("libworkflow.so"));
    scratch.write("libworkflow.so.sig", &signature);

    let mut two = verify("libworkflow.so");
    two.extend(["--required-signers", "2"]);
    is_shown(&scratch, "Too few signers", "NotEnoughSigners", &two);

    let floor = ["package", "floor", "set", "--org", "acme", "--name", "libworkflow.so", "2.0.0"];
    scratch.json(&floor);
    let code = "VersionBelowFloor";
    is_shown(&scratch, "Too low a version", code, &verify("libworkflow.so"));
    scratch.json(&["package", "floor", "unset", "--org", "acme", "--name", "libworkflow.so"]);

    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "stranger.pub.pem"]);
    let grant = ["orgs", "grant-trust", "--from", "acme", "--to", "vendor", "--packages", "etl-*"];
    scratch.json(&grant);
    let code = "UntrustedSigner";
    is_shown(&scratch, "A grant for other packages", code, &verify("stranger.so"));

    let list = scratch.json(&["keys", "list", "--org", "acme"]);
    // The list is by fingerprint, and the grant's key is in it as well.
    let accepted = list["accepted"].as_array().unwrap();
    let own = accepted.iter().find(|key| key["via"]["path"] == "direct").unwrap();
    let id = text(&own["id"]);
    scratch.json(&["keys", "revoke", &id]);
    is_shown(&scratch, "A revoked key", code, &verify("libworkflow.so"));
}

#[test]
fn each_of_several_packages_says_why_it_is_refused_and_what_to_do() {
    let scratch = scratch();
    scratch.key_files("stranger");
    scratch.signed_package("stranger.so", "stranger.pem");
    scratch.write("unsigned.so", "unsigned");
    let packages = ["stranger.so", "libworkflow.so", "unsigned.so"];
    for explain in [&[][..], &["--explain"]] {
        let arguments = [&["package", "verify"], &packages[..], &["--org", "acme"], explain];
        let document = scratch.fails(1, "UntrustedSigner", &arguments.concat()).document();
        let [stranger, good, unsigned] = [0, 1, 2].map(|index| document["result"][index].clone());
        for (result, code) in [(stranger, "UntrustedSigner"), (unsigned, "SignatureNotFound")] {
            assert_eq!((&result["verdict"], &result["code"]), (&json!("refused"), &json!(code)));
            assert_ne!((text(&result["message"]), text(&result["next"])), Default::default());
        }
        assert_eq!((&good["verdict"], &good["message"]), (&json!("verified"), &Value::Null));
    }
}

#[test]
fn what_was_not_decided_is_not_called_refused() {
    let scratch = scratch();
    let arguments = verify("missing.so");
    let document = scratch.fails(2, "UnreadableFile", &arguments).document();
    assert_eq!(document["result"][0]["verdict"], "undecided");
    let run = scratch.run(&arguments);
    assert!(run.stdout.starts_with("undecided missing.so\n"), "{}", run.stdout);
    let rule = "├─ undecided because of UnreadableFile: cannot read missing.so: ";
    assert!(run.stdout.contains(rule), "{}", run.stdout);
    assert!(!run.stdout.contains("refused"), "{}", run.stdout);
    let refused = scratch.run(&verify("release.pem")).stdout;
    assert!(refused.contains("├─ refused by SignatureNotFound: "), "{refused}");
}

#[test]
fn an_accepted_package_is_explained_as_well() {
    let scratch = scratch();
    let run = scratch.run(&verify("libworkflow.so"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        steady(&run.stdout),
        "verified libworkflow.so\n\
         ├─ signature file libworkflow.so.sig: sufficient\n\
         │  ├─ states: libworkflow.so, 27 bytes, sha256 <hex>, signed at <time>\n\
         │  └─ signature by <hex>\n\
         │     └─ counts: trusted as release, direct\n\
         └─ every rule is satisfied\n"
    );
    let mut arguments = verify("libworkflow.so");
    arguments.truncate(5);
    assert!(!scratch.run(&arguments).stdout.contains("├─"));
}

#[test]
fn a_package_is_explained_without_a_store_too() {
    let scratch = scratch();
    let pinned = ["package", "verify", "libworkflow.so", "--trust-key", "release.pub.pem"];
    let run = scratch.run(&[&pinned[..], &["--explain"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("counts: trusted, pinned"), "{}", run.stdout);
}
