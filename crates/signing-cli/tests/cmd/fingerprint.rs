//! The fingerprints of keys in files, beside what other programs make of the same files.

use crate::support::{Scratch, finish, text};

/// SHA-256 of the last 32 bytes of what a command prints, by `sha256sum`.
fn digest(scratch: &Scratch, command: &str) -> String {
    let script = format!("{command} | tail -c 32 | sha256sum");
    let run = finish(scratch.tool("sh").args(["-c", &script]), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout[..64].to_owned()
}

fn ssh_keygen(scratch: &Scratch, arguments: &[&str]) {
    let run = finish(scratch.tool("ssh-keygen").arg("-q").args(arguments), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_fingerprint_is_what_openssl_and_sha256sum_make_of_the_file() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let expected = digest(&scratch, "openssl pkey -pubin -in dev.pub.pem -outform DER");
    for file in ["dev.pub.pem", "dev.pem"] {
        let run = scratch.run(&["keys", "fingerprint", file]);
        assert_eq!((run.code, run.stdout), (0, format!("{expected}  {file}\n")));
    }
    let mut piped = scratch.command(&["keys", "fingerprint", "-"]);
    let piped = finish(&mut piped, &scratch.read("dev.pub.pem"));
    assert_eq!(piped.stdout, format!("{expected}  -\n"));
    let shown = scratch.json(&["keys", "fingerprint", "dev.pem"]);
    assert_eq!(
        (&shown[0]["fingerprint"], &shown[0]["file"]),
        (&expected.into(), &"dev.pem".into())
    );
}

#[test]
fn both_halves_of_an_openssh_key_have_the_fingerprint_of_its_public_half() {
    for passphrase in ["", "secret"] {
        let scratch = Scratch::new();
        ssh_keygen(&scratch, &["-t", "ed25519", "-N", passphrase, "-f", "dev"]);
        let expected = digest(&scratch, "cut -d ' ' -f 2 dev.pub | base64 -d");
        let run = scratch.run(&["keys", "fingerprint", "dev", "dev.pub"]);
        assert_eq!((run.code, &*run.stderr), (0, ""));
        assert_eq!(run.stdout, format!("{expected}  dev\n{expected}  dev.pub\n"));
    }
    let scratch = Scratch::new();
    ssh_keygen(&scratch, &["-t", "ecdsa", "-N", "secret", "-f", "other"]);
    for half in ["other", "other.pub"] {
        scratch.fails(2, "InvalidKeyFile", &["keys", "fingerprint", half]);
    }
}

#[test]
fn a_file_without_a_readable_public_half_does_not_hide_the_fingerprints_of_others() {
    let scratch = Scratch::new();
    let fingerprint = scratch.key_files("dev");
    scratch.write("secret", "passphrase");
    let encrypt = "openssl pkcs8 -topk8 -in dev.pem -out locked.pem -passout file:secret";
    let made = finish(scratch.tool("sh").args(["-c", encrypt]), b"");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let run =
        scratch.fails(2, "PassphraseNeeded", &["keys", "fingerprint", "locked.pem", "dev.pem"]);
    let document = run.document();
    assert_eq!(document["result"][0]["fingerprint"], fingerprint.as_str());

    let next = text(&document["error"]["next"]);
    let (_, command) = next.split_once("to write it: ").unwrap();
    let command = format!("{command} -passin file:secret");
    assert_eq!(finish(scratch.tool("sh").args(["-c", &command]), b"").code, 0, "{next}");
    let shown = scratch.json(&["keys", "fingerprint", "locked.pub.pem"]);
    assert_eq!(shown[0]["fingerprint"], fingerprint.as_str());

    scratch.write("text", "no key");
    scratch.fails(2, "InvalidKeyFile", &["keys", "fingerprint", "text"]);
    scratch.fails(2, "UnreadableFile", &["keys", "fingerprint", "gone.pem"]);
    scratch.fails(2, "Usage", &["keys", "fingerprint"]);
}
