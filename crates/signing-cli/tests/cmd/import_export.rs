use signing_crypto::VerifyingKey;

use crate::support::{Scratch, finish, text};

const NOBODY: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[test]
fn an_imported_key_signs_from_the_store() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = scratch.key_files("dev");
    let import = ["keys", "import", "--name", "ci", "--org", "acme", "--key", "dev.pem"];
    let key = scratch.json(&import);
    assert_eq!(key["fingerprint"], fingerprint.as_str());
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &text(&key["id"])]);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
    let again = ["keys", "import", "--name", "again", "--org", "acme", "--key", "dev.pem"];
    let run = scratch.fails(2, "SigningKeyExists", &again);
    let id = text(&key["id"]);
    assert!(run.stderr.contains(&format!("this signing key: ci ({id})")), "{}", run.stderr);
    assert!(run.stderr.contains("--key-id acme/ci\n"), "{}", run.stderr);
    scratch.json(&["keys", "revoke", &id]);
    let run = scratch.fails(2, "SigningKeyExists", &again);
    assert!(run.stderr.contains(&format!("keys reinstate {id} --signing")), "{}", run.stderr);
}

#[test]
fn an_imported_key_that_is_trusted_already_is_not_said_to_be_untrusted() {
    for is_trusted in [false, true] {
        let scratch = Scratch::with_orgs(&["acme"]);
        scratch.key_files("dev");
        if is_trusted {
            scratch.json(&["keys", "trust", "--import", "dev.pub.pem"]);
        }
        let shown = scratch.run(&["keys", "import", "--name", "ci", "--key", "dev.pem"]).stdout;
        assert_eq!(shown.contains("\ntrusted by   acme\n"), is_trusted, "{shown}");
        assert_eq!(shown.contains("no organization trusts it yet"), !is_trusted, "{shown}");
    }
}

#[test]
fn a_key_without_a_private_half_is_said_to_have_none() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    let fingerprint = text(
        &scratch.json(&["keys", "trust", "--import", "dev.pub.pem", "--name", "dev"])["fingerprint"],
    );
    scratch.write("a.so", "a");
    for key in ["dev", "acme/dev", &fingerprint[..8], &fingerprint] {
        for command in [
            &["package", "sign", "a.so", "--key-id", key][..],
            &["keys", "export", key],
            &["keys", "rotate", key],
            &["keys", "timeline", key],
        ] {
            let run = scratch.fails(2, "NoSuchKey", command);
            assert!(run.stderr.contains("acme has no private half of the key"), "{}", run.stderr);
            assert!(run.stderr.contains("--key <file>"), "{}", run.stderr);
        }
    }
    let run = scratch.fails(2, "NoSuchKey", &["keys", "export", "dav"]);
    assert!(!run.stderr.contains("private half"), "{}", run.stderr);
}

#[test]
fn a_private_key_is_read_from_standard_input() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = scratch.key_files("dev");
    let import = ["keys", "import", "--name", "ci", "--org", "acme", "--key", "-", "--json"];
    let run = finish(&mut scratch.command(&import), &scratch.read("dev.pem"));
    assert_eq!(run.document()["result"]["fingerprint"], fingerprint.as_str());
    finish(&mut scratch.command(&import), b"").assert_failed(2, "InvalidKeyFile");
}

#[test]
fn an_export_is_the_public_half_in_either_form() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let pem = scratch.run(&["keys", "export", &id]);
    let key = VerifyingKey::from_pem(pem.stdout.as_bytes()).unwrap();
    assert_eq!(key.fingerprint().to_string(), fingerprint);
    assert_eq!(scratch.run(&["keys", "export", &id, "--format", "pem"]).stdout, pem.stdout);

    let raw = scratch.run(&["keys", "export", &id, "--format", "raw"]).stdout;
    let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(raw.trim_end(), hex);
    let json = scratch.json(&["keys", "export", &id, "--format", "raw"]);
    assert_eq!(json["public_key"], hex);
    assert_eq!(json["fingerprint"], fingerprint);
}

#[test]
fn an_exported_file_is_for_everybody_and_replaces_none() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let export = ["keys", "export", &id, "--output", "release.pub.pem"];
    assert_eq!(scratch.json(&export)["file"], "release.pub.pem");
    let pem = scratch.read("release.pub.pem");
    assert_eq!(VerifyingKey::from_pem(&pem).unwrap().fingerprint().to_string(), fingerprint);

    scratch.write("release.pub.pem", "precious");
    scratch.fails(2, "FileExists", &export);
    assert_eq!(scratch.read("release.pub.pem"), b"precious");
    let replace = [&export[..], &["--force"]].concat();
    scratch.json(&replace);
    assert_eq!(scratch.read("release.pub.pem"), pem);
    scratch.fails(2, "Usage", &["keys", "export", &id, "--force"]);
}

#[test]
fn exporting_needs_a_key_that_exists() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "export", &id]);
    scratch.fails(2, "NoSuchKey", &["keys", "export", NOBODY]);
    scratch.json(&["keys", "export", "release"]);
    scratch.fails(2, "NoSuchKey", &["keys", "export", "releas"]);
}

#[test]
fn files_that_are_not_the_key_asked_for_are_refused_unseen() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    let pem = |name| String::from_utf8(scratch.read(name)).unwrap();
    let (private, public) = (pem("dev.pem"), pem("dev.pub.pem"));
    let secret = private.lines().nth(1).unwrap().to_owned();
    let damaged = private.replacen(&secret[..8], "!!!!!!!!", 1);
    let cases = [
        ("empty", String::new(), "empty"),
        ("prose", "dear aunt".into(), "not a key file"),
        ("two", private.clone() + &private, "one PEM block, found 2"),
        ("damaged", damaged, "damaged"),
        ("cut", private[..private.len() / 2].into(), ""),
        ("ssh", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@here".into(), "OpenSSH"),
        ("huge", private.clone() + &"\n".repeat(70_000), "larger than"),
    ];
    for (name, content, says) in cases {
        scratch.write(name, content);
        let import = ["keys", "import", "--name", "x", "--org", "acme", "--key", name];
        let run = scratch.fails(2, "InvalidKeyFile", &import);
        assert!(run.stderr.contains(name) && run.stderr.contains(says), "{}", run.stderr);
        run.assert_says_nowhere(&secret[8..]);
        scratch.fails(2, "InvalidKeyFile", &["keys", "trust", "--org", "acme", "--import", name]);
    }
    let swapped = ["keys", "import", "--name", "x", "--org", "acme", "--key", "dev.pub.pem"];
    let run = scratch.fails(2, "InvalidKeyFile", &swapped);
    assert!(run.stderr.contains("next: give the private key's file"), "{}", run.stderr);
    let swapped = ["keys", "trust", "--org", "acme", "--import", "dev.pem"];
    let run = scratch.fails(2, "InvalidKeyFile", &swapped);
    assert!(run.stderr.contains("next: give the public half"), "{}", run.stderr);
    run.assert_says_nowhere(&secret);
    assert!(VerifyingKey::from_pem(public.as_bytes()).is_ok());
    let nothing = serde_json::json!({
        "signing_keys": [], "accepted": [], "no_longer_trusted": [], "refused": [],
    });
    assert_eq!(scratch.json(&["keys", "list", "--org", "acme"]), nothing);
}
