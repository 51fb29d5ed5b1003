//! Names from outside that would like to be a line of their own, such as a verdict.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Run, Scratch, finish};

/// A verdict in a name: plain, after a bell and a carriage return, and in the color that verdicts
/// have.
const FORGED: [&str; 4] = [
    "x\nok trusted.so",
    "x\u{7}\nok trusted.so",
    "x\r\n└─ every rule trusts\rok trusted.so",
    "x\n\u{1b}[1m\u{1b}[32mok\u{1b}[0m trusted.so",
];

fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.key_files("stranger");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
    scratch
}

/// Asserts that nothing but this program has made a line, or a color, of what it says.
#[track_caller]
fn assert_no_forgery(scratch: &Scratch, arguments: &[&str]) -> Run {
    let plain = scratch.run(&[arguments, &["--color", "never"]].concat());
    let shown = format!("{}{}", plain.stdout, plain.stderr);
    let steering = shown.chars().find(|&c| signing_crypto::is_deceptive(c) && c != '\n');
    assert_eq!(steering, None, "{arguments:?}: {shown:?}");
    let forged = |line: &str| {
        let line = line.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        line.starts_with("ok trusted.so") || line.starts_with("every rule trusts")
    };
    assert!(!shown.lines().any(forged), "{arguments:?}: {shown}");
    let colored = scratch.run(&[arguments, &["--color", "always"]].concat());
    assert!(!colored.stdout.contains("ok\u{1b}[0m trusted.so"), "{}", colored.stdout);
    plain
}

const BY_KEY: [&str; 2] = ["--trust-key", "dev.pub.pem"];
const BY_ORG: [&str; 2] = ["--org", "acme"];

/// Verifies it, with and without an explanation, by a key and by an organization.
#[track_caller]
fn assert_verifying_forges_nothing(scratch: &Scratch, package: &[&str], code: i32) -> Run {
    let mut last = None;
    for trust in [BY_KEY, BY_ORG] {
        for explain in [&[][..], &["--explain"]] {
            let arguments = [&["package", "verify"], package, &trust, explain].concat();
            let run = assert_no_forgery(scratch, &arguments);
            assert_eq!(run.code, code, "{}", run.stderr);
            last = Some(run);
        }
    }
    last.unwrap()
}

#[test]
fn a_directory_cannot_forge_a_verdict() {
    for folder in FORGED {
        let scratch = scratch();
        std::fs::create_dir(scratch.path(folder)).unwrap();
        let path = format!("{folder}/a.so");
        scratch.write(&path, "a");
        assert_verifying_forges_nothing(&scratch, &[&path], 1);
        assert_no_forgery(&scratch, &["package", "inspect", &path]);

        scratch.write(&format!("{path}.sig"), "-----BEGIN PGP SIGNATURE-----\n");
        assert_verifying_forges_nothing(&scratch, &[&path], 1);
        std::fs::remove_file(scratch.path(&format!("{path}.sig"))).unwrap();

        assert_no_forgery(&scratch, &["package", "sign", &path, "--key", "stranger.pem"]);
        let refused = assert_verifying_forges_nothing(&scratch, &[&path], 1);
        assert!(refused.stdout.starts_with("refused x\\u{"), "{}", refused.stdout);
        assert_no_forgery(&scratch, &["package", "inspect", &path]);
        assert_no_forgery(&scratch, &["package", "inspect", &path, "--org", "acme"]);

        assert_no_forgery(&scratch, &["package", "sign", &path, "--key", "dev.pem"]);
        let verified = assert_verifying_forges_nothing(&scratch, &[&path], 0);
        assert!(verified.stdout.starts_with("verified x\\u{"), "{}", verified.stdout);
        assert_no_forgery(&scratch, &["package", "inspect", &path, "--org", "acme"]);
        // A program gets the name as it is.
        let verify = ["package", "verify", &path, "--org", "acme", "--explain"];
        assert_eq!(scratch.json(&verify)[0]["path"], path);
    }
}

#[test]
fn a_path_that_says_what_it_is_is_shown_as_it_is() {
    let scratch = scratch();
    std::fs::create_dir(scratch.path("größe 1")).unwrap();
    let path = "größe 1/a.so";
    scratch.write(path, "a");
    scratch.json(&["package", "sign", path, "--key", "dev.pem"]);
    let verify = ["package", "verify", path, "--org", "acme"];
    assert!(scratch.run(&verify).stdout.starts_with("ok größe 1/a.so\n"));
    let explained = scratch.run(&[&verify[..], &["--explain"]].concat());
    assert!(explained.stdout.starts_with("verified größe 1/a.so\n"), "{}", explained.stdout);
    let colored = scratch.run(&[&verify[..], &["--color", "always"]].concat());
    assert!(colored.stdout.contains("\u{1b}[32mok\u{1b}[0m größe"), "{:?}", colored.stdout);
}

#[test]
fn a_packages_own_name_cannot_forge_a_verdict() {
    let scratch = scratch();
    for name in FORGED {
        scratch.write(name, "a");
        assert_verifying_forges_nothing(&scratch, &[name], 1);
        scratch.json(&["package", "sign", name, "--key", "dev.pem", "--name", "a.so"]);
        let package = [name, "--name", "a.so"];
        let verified = assert_verifying_forges_nothing(&scratch, &package, 0);
        assert!(verified.stdout.starts_with("verified x\\u{"), "{}", verified.stdout);
        assert_verifying_forges_nothing(&scratch, &[name, "--name", "b.so"], 1);
    }
}

#[test]
fn a_signatures_path_cannot_forge_a_verdict() {
    let scratch = scratch();
    scratch.signed_package("a.so", "dev.pem");
    for name in FORGED {
        let package = ["a.so", "--signature", name];
        assert_verifying_forges_nothing(&scratch, &package, 1);
        scratch.write(name, "{}");
        assert_verifying_forges_nothing(&scratch, &package, 1);
        scratch.write(name, scratch.read("a.so.sig"));
        assert_verifying_forges_nothing(&scratch, &package, 0);
        assert_no_forgery(&scratch, &["package", "inspect", "--signature", name]);
        let output = ["package", "sign", "a.so", "--key", "dev.pem", "--output", name];
        assert_no_forgery(&scratch, &output);
    }
    let elsewhere = ["a.so", "--signature", "a.so.sig"];
    assert_verifying_forges_nothing(&scratch, &elsewhere, 0);
}

#[test]
fn what_an_envelope_says_cannot_forge_a_verdict() {
    let scratch = scratch();
    scratch.signed_package("a.so", "dev.pem");
    let good: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    let payload = STANDARD.decode(good["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    for text in FORGED {
        let mut hostile =
            vec![("/payloadType", good.clone()), ("/signatures/0/keyid", good.clone())];
        for (pointer, document) in &mut hostile {
            *document.pointer_mut(pointer).unwrap() = text.into();
        }
        for pointer in
            ["/subject/0/name", "/subject/0/digest/sha256", "/predicateType", "/predicate/signedAt"]
        {
            let (mut statement, mut document) = (statement.clone(), good.clone());
            *statement.pointer_mut(pointer).unwrap() = text.into();
            document["payload"] = STANDARD.encode(statement.to_string()).into();
            hostile.push((pointer, document));
        }
        for (pointer, document) in hostile {
            scratch.write("a.so.sig", document.to_string());
            for trust in [&[][..], &BY_KEY, &BY_ORG] {
                assert_no_forgery(&scratch, &[&["package", "inspect", "a.so"], trust].concat());
            }
            // A keyid that names no key is ignored, and the key is found by trying.
            let code = i32::from(pointer != "/signatures/0/keyid");
            assert_verifying_forges_nothing(&scratch, &["a.so"], code);
        }
    }
}

#[test]
fn words_of_the_command_line_cannot_forge_a_verdict() {
    let scratch = scratch();
    for text in FORGED {
        let [flag, name] = ["--", "--name="].map(|flag| format!("{flag}{text}"));
        for arguments in [
            &["package", "verify", &flag][..],
            &["package", "verify", "a.so", "b.so", "--org", "acme", &name],
            &["orgs", text],
            &["orgs", "list", text],
            &["keys", "list", "--org", text],
            &["keys", "deny", text, "--org", "acme"],
            &["keys", "export", text],
            &["audit", "list", "--org", "acme", "--event", text],
            &["package", "floor", "set", text, "--org", "acme", "--name", "a.so"],
            &["db", "status", "--database-url", text],
            &["db", "grants", "--role", text, "--as", "runner"],
        ] {
            assert_no_forgery(&scratch, arguments);
        }
    }
    let run = finish(scratch.command(&["orgs", "list", "a\nb"]).arg("--json"), b"");
    let message = run.document()["error"]["message"].clone();
    assert_eq!(message, json!("unexpected argument 'a\\u{a}b' found"));
}

#[test]
fn a_character_that_is_not_allowed_is_named() {
    let scratch = scratch();
    for (name, character) in [("a\u{1b}[31m", "'\\u{1b}'"), ("a\\u", "'\\'")] {
        let run = scratch.run(&["orgs", "create", name]);
        let reason = format!("it contains {character}, which is not allowed");
        assert!(run.stderr.contains(&reason), "{}", run.stderr);
    }
}
