//! Key files of OpenSSH: public ones are read, private ones are named.

use super::{assert_not_signed, sign, tool};
use crate::support::{Scratch, finish, text};

/// An organization, a package, and a key of OpenSSH in `release` and `release.pub`.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    ssh_key(&scratch, "release", "ed25519");
    scratch
}

fn ssh_key(scratch: &Scratch, name: &str, algorithm: &str) {
    tool(scratch, "ssh-keygen", &["-q", "-t", algorithm, "-N", "", "-C", name, "-f", name]);
}

/// The same public key as PEM, by openssl's own hand: OpenSSH 9 cannot write it.
fn pem_of(scratch: &Scratch, name: &str) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let line = String::from_utf8(scratch.read(&format!("{name}.pub"))).unwrap();
    let blob = STANDARD.decode(line.split(' ').nth(1).unwrap()).unwrap();
    // SubjectPublicKeyInfo of RFC 8410 around the raw key.
    let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &blob[19..]].concat();
    scratch.write("der", der);
    let out = format!("{name}.pub.pem");
    tool(scratch, "openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "der", "-out", &out]);
}

#[test]
fn a_public_key_of_openssh_is_trusted_like_its_pem() {
    let scratch = scratch();
    pem_of(&scratch, "release");
    let trust = |file| {
        let row = scratch.json(&["keys", "trust", "--org", "acme", "--import", file]);
        (text(&row["fingerprint"]), row["changed"].as_bool().unwrap())
    };
    let (fingerprint, changed) = trust("release.pub");
    assert!(changed);
    assert_eq!(trust("release.pub.pem"), (fingerprint.clone(), false));
    // From standard input, as from `ssh-add -L` or a web page.
    let arguments = ["keys", "trust", "--org", "acme", "--import", "-", "--json"];
    let run = finish(&mut scratch.command(&arguments), &scratch.read("release.pub"));
    assert_eq!(text(&run.document()["result"]["fingerprint"]), fingerprint);
}

#[test]
fn a_public_key_of_openssh_verifies_and_takes_part_in_a_root_document() {
    let scratch = scratch();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let verify = ["package", "verify", "a.so", "--trust-key", "release.pub"];
    scratch.fails(1, "UntrustedSigner", &verify);
    let both = ["--root-key", "release.pub", "--root-threshold", "2", "--draft", "draft", "--yes"];
    let init = ["trust", "init", "--org", "acme", "--root-key", "dev.pem"];
    scratch.json(&[&init[..], &both].concat());
}

#[test]
fn a_public_key_of_another_algorithm_or_damaged_is_refused() {
    let scratch = scratch();
    ssh_key(&scratch, "legacy", "ecdsa");
    let line = String::from_utf8(scratch.read("release.pub")).unwrap();
    scratch.write("damaged.pub", line.replace("AAAAC3", "AAAAC4"));
    scratch.write("twice.pub", line.repeat(2));
    scratch.write("security.pub", line.replace("ssh-ed25519", "sk-ssh-ed25519@openssh.com"));
    for file in ["legacy.pub", "damaged.pub", "twice.pub", "security.pub"] {
        let trust = ["keys", "trust", "--org", "acme", "--import", file];
        scratch.fails(2, "InvalidKeyFile", &trust);
    }
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["accepted"].as_array().unwrap().len(), 0);
}

#[test]
fn a_private_key_of_openssh_is_named_and_leads_to_an_agent() {
    let scratch = scratch();
    tool(&scratch, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "secret", "-f", "locked"]);
    for key in ["release", "locked", "release.pub"] {
        let run = sign(&scratch, key);
        assert_not_signed(&scratch, &run, "InvalidKeyFile");
        assert!(run.stderr.contains("found an OpenSSH p"), "{}", run.stderr);
        assert!(run.stderr.contains("--key agent:<comment>"), "{}", run.stderr);
    }
    let trust = ["keys", "trust", "--org", "acme", "--import", "release"];
    let run = scratch.fails(2, "InvalidKeyFile", &trust);
    assert!(run.stderr.contains("<file>.pub"), "{}", run.stderr);
    run.assert_says_nowhere("PRIVATE KEY-----");
}

#[test]
fn a_private_key_of_openssh_or_of_a_signer_is_not_imported_and_the_next_step_is_about_that() {
    let scratch = scratch();
    let import = |key| ["keys", "import", "--name", "ci", "--org", "acme", "--key", key];
    let run = scratch.fails(2, "InvalidKeyFile", &import("release"));
    assert!(
        run.stderr.contains("cannot put the key file release into the store"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("next: trust its public half"), "{}", run.stderr);
    for key in ["agent:release", "exec:./signer", "pkcs11:object=release"] {
        let run = scratch.fails(2, "InvalidKeyFile", &import(key));
        assert!(run.stderr.contains("only a key in a file"), "{}", run.stderr);
    }
    scratch.key_files("dev");
    std::fs::rename(scratch.path("dev.pem"), scratch.path("agent:dev")).unwrap();
    scratch.json(&import("./agent:dev"));
}

#[test]
fn a_private_key_of_openssh_that_no_agent_could_sign_with_is_refused_at_once() {
    let scratch = scratch();
    tool(&scratch, "ssh-keygen", &["-q", "-t", "rsa", "-N", "secret", "-f", "locked"]);
    ssh_key(&scratch, "legacy", "ecdsa");
    for (key, algorithm) in [("locked", "ssh-rsa"), ("legacy", "ecdsa-sha2-nistp256")] {
        let trust = ["keys", "trust", "--org", "acme", "--import", key];
        let import = ["keys", "import", "--org", "acme", "--name", "ci", "--key", key];
        for arguments in [&["sign", "a.so", "--key", key][..], &trust, &import] {
            let run = scratch.fails(2, "InvalidKeyFile", arguments);
            let expected = format!("expected an ssh-ed25519 key, found {algorithm}\n");
            assert!(run.stderr.contains(&expected), "{}", run.stderr);
            assert!(!run.stderr.contains("agent"), "{}", run.stderr);
        }
    }
}
