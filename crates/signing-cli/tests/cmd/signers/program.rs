//! Keys behind a program: a shell script around openssl, and some that lie.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use super::{assert_not_signed, assert_signed_by, sign};
use crate::support::{Scratch, finish, text};

/// What the documentation recommends: the key is in `dev.pem`, as far as cloacina can tell in
/// a device.
const HONEST: &str = r#"
case $1 in
public-key) exec openssl pkey -in dev.pem -pubout ;;
sign)
    cat >message
    exec openssl pkeyutl -sign -rawin -inkey dev.pem -in message ;;
*) exit 2 ;;
esac
"#;

/// A package, two keys, and a program that signs.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.so", "a");
    scratch.key_files("dev");
    scratch.key_files("other");
    program(&scratch, "signer", HONEST);
    scratch
}

fn program(scratch: &Scratch, name: &str, script: &str) {
    scratch.write(name, format!("#!/bin/sh\n{script}"));
    fs::set_permissions(scratch.path(name), Permissions::from_mode(0o700)).unwrap();
}

/// The honest program, which does this instead of signing.
fn that_signs_so(scratch: &Scratch, sign: &str) {
    let start = HONEST.find("    cat").unwrap();
    let end = HONEST.find(" ;;\n*)").unwrap();
    program(scratch, "signer", &format!("{}{sign}{}", &HONEST[..start], &HONEST[end..]));
}

#[test]
fn a_program_signs() {
    let scratch = scratch();
    let signed = sign(&scratch, "exec:./signer");
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    assert_signed_by(&scratch, "dev.pub.pem");
    let verify = ["package", "verify", "a.so", "--trust-key", "other.pub.pem"];
    scratch.fails(1, "UntrustedSigner", &verify);
}

#[test]
fn a_program_signs_trust_documents_and_checkpoints() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    program(&scratch, "signer", HONEST);
    let key = "exec:./signer";
    scratch.json(&[
        "trust",
        "init",
        "--org",
        "acme",
        "--root-key",
        key,
        "--root-output",
        "root.json",
        "--yes",
    ]);
    scratch.json(&[
        "trust",
        "publish",
        "--org",
        "acme",
        "--key",
        key,
        "--trust-root",
        "root.json",
        "--yes",
    ]);
    scratch.json(&["audit", "checkpoint", "--all", "--key", key, "--output", "log"]);
    scratch.json(&["audit", "verify", "--checkpoint", "log", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn a_program_is_started_without_a_shell_and_found_in_path() {
    let scratch = scratch();
    program(&scratch, "my signer; touch planted", HONEST);
    assert_eq!(sign(&scratch, "exec:./my signer; touch planted").code, 0);
    assert!(!scratch.exists("planted"));
    fs::remove_file(scratch.path("a.so.sig")).unwrap();
    // A file beside it is not meant by a bare name.
    let missing = sign(&scratch, "exec:signer");
    assert_not_signed(&scratch, &missing, "SignerUnavailable");
    let why = "signer cannot be started: no executable file of this name is in PATH";
    assert!(missing.stderr.contains(why), "{}", missing.stderr);
    let mut command = scratch.command(&["package", "sign", "a.so", "--key", "exec:signer"]);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{path}:{}", scratch.path(".").display());
    assert_eq!(finish(command.env("PATH", path), b"").code, 0);
}

#[test]
fn a_program_gets_none_of_the_secrets_and_may_write_to_standard_error() {
    let scratch = scratch();
    program(&scratch, "signer", &format!("env >environment\necho 'touch it' >&2\n{HONEST}"));
    let mut command = scratch.command(&["package", "sign", "a.so", "--key", "exec:./signer"]);
    command.env("PGPASSWORD", "secret").env("PGPASSFILE", "/etc/pgpass");
    let signed = finish(command.env("CREDENTIALS_DIRECTORY", scratch.path("")), b"");
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    assert!(signed.stderr.contains("touch it"), "{}", signed.stderr);
    let environment = String::from_utf8(scratch.read("environment")).unwrap();
    assert!(environment.contains("HOME="), "{environment}");
    for secret in ["CLOACINA_", "PGPASS", "CREDENTIALS_DIRECTORY"] {
        assert!(!environment.contains(secret), "{environment}");
    }
}

#[test]
fn a_program_that_others_may_change_or_replace_is_not_started() {
    let scratch = scratch();
    fs::create_dir(scratch.path("bin")).unwrap();
    program(&scratch, "bin/signer", &format!("touch started\n{HONEST}"));
    let mode = |name: &str, mode| {
        fs::set_permissions(scratch.path(name), Permissions::from_mode(mode)).unwrap();
    };
    let by_path = || sign(&scratch, "exec:bin/signer");
    let by_name = || {
        let mut command = scratch.command(&["package", "sign", "a.so", "--key", "exec:signer"]);
        let path = format!("{}:{}", scratch.path("bin").display(), std::env::var("PATH").unwrap());
        finish(command.args(["--force", "--json"]).env("PATH", path), b"")
    };
    for (file, directory, code) in
        [(0o777, 0o755, "UnprotectedFile"), (0o755, 0o777, "UnsafeDirectory")]
    {
        mode("bin/signer", file);
        mode("bin", directory);
        assert_not_signed(&scratch, &by_path(), code);
        assert_not_signed(&scratch, &by_name(), code);
        assert!(!scratch.exists("started"));
    }
    mode("bin", 0o1777);
    // It need not be readable.
    mode("bin/signer", 0o711);
    assert_eq!(by_path().code, 0);
    assert_eq!(by_name().code, 0);
}

#[test]
fn a_program_that_lies_writes_nothing() {
    for (what, script, code) in [
        (
            "another key",
            "cat >message; openssl pkeyutl -sign -rawin -inkey other.pem -in message",
            "WrongSignature",
        ),
        (
            "another message",
            "echo x >message; openssl pkeyutl -sign -rawin -inkey dev.pem -in message",
            "WrongSignature",
        ),
        ("zeros", "head -c 64 /dev/zero", "WrongSignature"),
        ("nothing", "true", "MalformedSignerAnswer"),
        ("too little", "head -c 63 /dev/zero", "MalformedSignerAnswer"),
        ("too much", "head -c 65 /dev/zero", "MalformedSignerAnswer"),
        ("no end", "exec cat /dev/zero", "MalformedSignerAnswer"),
        (
            "a signature and a line end",
            "cat >message; openssl pkeyutl -sign -rawin -inkey dev.pem -in message; echo",
            "MalformedSignerAnswer",
        ),
        (
            "a signature, and failure",
            "cat >message; openssl pkeyutl -sign -rawin -inkey dev.pem -in message; exit 1",
            "SignerRefused",
        ),
        ("a signal", "kill -9 $$", "SignerRefused"),
    ] {
        let scratch = scratch();
        that_signs_so(&scratch, script);
        let run = sign(&scratch, "exec:./signer");
        assert_eq!(text(&run.document()["error"]["code"]), code, "{what}");
        assert_not_signed(&scratch, &run, code);
    }
}

/// An organization with signed trust, whose root key is `dev.pem`.
fn rooted() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.key_files("other");
    let init = ["trust", "init", "--org", "acme", "--root-key", "dev.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    program(&scratch, "signer", HONEST);
    scratch
}

const WITH_ANOTHER_KEY: &str =
    "cat >message; exec openssl pkeyutl -sign -rawin -inkey other.pem -in message";

#[test]
fn a_program_that_lies_about_trust_or_a_log_publishes_and_writes_nothing() {
    let scratch = rooted();
    that_signs_so(&scratch, WITH_ANOTHER_KEY);
    let documents = || scratch.json(&["trust", "show", "--org", "acme"]);
    let (before, key) = (documents(), "exec:./signer");
    let root = ["--trust-root", "root.json"];
    let publish = ["trust", "publish", "--org", "acme", "--key", key, "--yes"];
    scratch.fails(2, "WrongSignature", &[&publish[..], &root].concat());
    let rotate = ["trust", "rotate-root", "--org", "acme", "--key", key, "--yes"];
    let to = ["--root-key", "other.pem", "--root-output", "next.json"];
    scratch.fails(2, "WrongSignature", &[&rotate[..], &to, &root].concat());
    assert!(!scratch.exists("next.json"));
    assert_eq!(documents(), before);

    scratch.json(&["orgs", "create", "child"]);
    let init = ["trust", "init", "--org", "child", "--root-key", key, "--yes"];
    let output = ["--root-output", "child.json"];
    scratch.fails(2, "WrongSignature", &[&init[..], &output].concat());
    assert!(!scratch.exists("child.json"));

    let checkpoint = ["audit", "checkpoint", "--all", "--key", key, "--output", "log"];
    scratch.fails(2, "WrongSignature", &checkpoint);
    assert!(!scratch.exists("log"));
}

#[test]
fn a_program_that_lies_about_a_draft_leaves_it_as_it_was() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.key_files("other");
    program(&scratch, "signer", HONEST);
    let init = ["trust", "init", "--org", "acme", "--root-key", "other.pem", "--root-key"];
    let draft = ["dev.pub.pem", "--root-threshold", "2", "--draft", "draft", "--yes"];
    let root = text(&scratch.json(&[&init[..], &draft].concat())["root"]);
    let before = scratch.read("draft");
    let cosign =
        ["trust", "cosign", "draft", "--trust-root", &root, "--key", "exec:./signer", "--yes"];
    that_signs_so(&scratch, WITH_ANOTHER_KEY);
    scratch.fails(2, "WrongSignature", &cosign);
    // It signs the root document, and then no more.
    that_signs_so(
        &scratch,
        "test -e once && exit 1; touch once\n\
         cat >message; exec openssl pkeyutl -sign -rawin -inkey dev.pem -in message",
    );
    scratch.fails(2, "SignerRefused", &cosign);
    assert_eq!(scratch.read("draft"), before);
    program(&scratch, "signer", HONEST);
    scratch.json(&cosign);
    assert_ne!(scratch.read("draft"), before);
}

#[test]
fn a_revocation_whose_publication_is_not_signed_still_counts_in_the_store() {
    let scratch = rooted();
    that_signs_so(&scratch, WITH_ANOTHER_KEY);
    let documents = || scratch.json(&["trust", "show", "--org", "acme"]);
    let (before, fingerprint) = (documents(), "ab".repeat(32));
    let deny = ["keys", "deny", &fingerprint, "--org", "acme", "--publish", "exec:./signer"];
    let deny = [&deny[..], &["--trust-root", "root.json"]].concat();
    let run = scratch.fails(2, "RevocationNotPublished", &deny);
    assert!(run.stderr.contains("a signature that the key"), "{}", run.stderr);
    assert_eq!(documents(), before);
    program(&scratch, "signer", HONEST);
    assert_eq!(scratch.json(&deny)["changed"], false);
    assert_ne!(documents(), before);
}

#[test]
fn a_time_limit_is_for_a_key_that_is_given() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    let (id, _) = scratch.stored_key("release", "acme");
    let sign = ["package", "sign", "a.so", "--key-id", &id];
    let refused = scratch.run(&[&sign[..], &["--signer-timeout", "3"]].concat());
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--signer-timeout"), "{}", refused.stderr);
    scratch.json(&sign);
}

#[test]
fn a_program_that_prints_no_public_key_writes_nothing() {
    for (what, script, code) in [
        ("nothing", "true", "MalformedSignerAnswer"),
        ("a private key", "cat dev.pem", "MalformedSignerAnswer"),
        ("no end", "exec cat /dev/zero", "MalformedSignerAnswer"),
        ("failure", "cat dev.pub.pem; exit 1", "SignerRefused"),
    ] {
        let scratch = scratch();
        program(&scratch, "signer", script);
        let run = sign(&scratch, "exec:./signer");
        assert_eq!(text(&run.document()["error"]["code"]), code, "{what}");
        assert_not_signed(&scratch, &run, code);
        run.assert_says_nowhere("PRIVATE KEY-----");
    }
}

#[test]
fn a_program_that_hangs_is_ended() {
    for hang in ["", "exec >&-\n"] {
        let scratch = scratch();
        that_signs_so(&scratch, &format!("echo $$ >pid\n{hang}exec sleep 600"));
        let arguments =
            ["package", "sign", "a.so", "--key", "exec:./signer", "--signer-timeout", "3"];
        let run = scratch.fails(2, "SignerTimedOut", &arguments);
        assert_not_signed(&scratch, &run, "SignerTimedOut");
        let pid = String::from_utf8(scratch.read("pid")).unwrap();
        assert_ends(pid.trim());
    }
}

/// The process is gone soon, or dead and not yet collected.
fn assert_ends(pid: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
        if status.contains("State:\tZ") {
            return;
        }
        assert!(Instant::now() < end, "{pid} still runs");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_that_cannot_be_started_writes_nothing() {
    let scratch = scratch();
    for key in ["exec:./missing", "exec:./a.so", "exec:.", "exec:./signer sign"] {
        assert_not_signed(&scratch, &sign(&scratch, key), "SignerUnavailable");
    }
    let run = sign(&scratch, "exec:");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("the path of a program"), "{}", run.stderr);
}

#[test]
fn nothing_is_written_for_the_first_package_if_the_second_is_not_signed() {
    let scratch = scratch();
    scratch.write("b.so", "b");
    that_signs_so(
        &scratch,
        "test -e once && exit 1; touch once\n\
         cat >message; exec openssl pkeyutl -sign -rawin -inkey dev.pem -in message",
    );
    let arguments = ["package", "sign", "a.so", "b.so", "--key", "exec:./signer"];
    let run = scratch.fails(2, "SignerRefused", &arguments);
    assert_not_signed(&scratch, &run, "SignerRefused");
}
