use signing_crypto::{SigningKey, VerifyingKey};

use crate::support::{Scratch, finish, text};

#[test]
fn a_key_pair_is_two_files_that_belong_together() {
    let scratch = Scratch::new();
    let made = scratch.json(&["keys", "generate", "--name", "dev", "--output", "dev-key.pem"]);
    assert_eq!(scratch.files(), ["dev-key.pem", "dev-key.pub.pem"]);
    let private = SigningKey::from_pem(&scratch.read("dev-key.pem")).unwrap();
    let public = VerifyingKey::from_pem(&scratch.read("dev-key.pub.pem")).unwrap();
    assert_eq!(private.verifying_key(), public);
    assert_eq!(made["fingerprint"], public.fingerprint().to_string());
    assert_eq!(made["private_key"], "dev-key.pem");
    assert_eq!(made["public_key"], "dev-key.pub.pem");
}

#[test]
fn two_keys_are_never_the_same() {
    let scratch = Scratch::new();
    assert_ne!(scratch.key_files("a"), scratch.key_files("b"));
}

#[test]
fn the_private_file_is_its_owners_whatever_the_umask() {
    let scratch = Scratch::new();
    for umask in ["000", "022"] {
        let mut shell = scratch.tool("sh");
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_cloacina")]);
        let key = format!("k{umask}.pem");
        shell.args(["keys", "generate", "--name", "k", "--output", &key]);
        let run = finish(&mut shell, b"");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(scratch.mode(&key), 0o600);
        assert_eq!(scratch.mode(&format!("k{umask}.pub.pem")), 0o644);
    }
}

#[test]
fn no_private_key_is_ever_printed() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let run = scratch.run(&["-vv", "keys", "generate", "--name", "dev", "--output", "dev.pem"]);
    let pem = String::from_utf8(scratch.read("dev.pem")).unwrap();
    let secret = pem.lines().nth(1).unwrap().to_owned();
    run.assert_says_nowhere("PRIVATE KEY");
    run.assert_says_nowhere(&secret);
    let import = ["-vv", "keys", "import", "--name", "dev", "--org", "acme", "--key", "dev.pem"];
    scratch.run(&import).assert_says_nowhere(&secret);
    scratch.write("a.so", "a");
    scratch
        .run(&["-vv", "package", "sign", "a.so", "--key", "dev.pem"])
        .assert_says_nowhere(&secret);
}

#[test]
fn existing_files_are_kept_byte_for_byte() {
    for existing in ["dev.pem", "dev.pub.pem"] {
        let scratch = Scratch::new();
        scratch.write(existing, "precious");
        let generate = ["keys", "generate", "--name", "dev", "--output", "dev.pem"];
        let run = scratch.fails(2, "FileExists", &generate);
        assert!(run.stderr.contains(existing), "{}", run.stderr);
        assert!(run.stderr.contains("\nnext: "), "{}", run.stderr);
        assert_eq!(scratch.files(), [existing]);
        assert_eq!(scratch.read(existing), b"precious");
    }
}

/// It may be the only copy, and in a form that this program does not know.
#[test]
fn a_private_key_replaces_no_file_whatever_is_in_it() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let (pem, public) = (scratch.read("dev.pem"), scratch.read("dev.pub.pem"));
    let force = ["keys", "generate", "--name", "dev", "--output", "dev.pem", "--force"];
    let age = b"AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n";
    for private in [&pem[..], age, b""] {
        scratch.write("dev.pem", private);
        for generate in [&force[..6], &force] {
            let refused = scratch.fails(2, "FileExists", generate);
            assert!(refused.stderr.contains("dev.pem exists"), "{}", refused.stderr);
            assert!(!refused.stderr.contains("--force"), "{}", refused.stderr);
        }
        assert_eq!(scratch.read("dev.pem"), private);
        assert_eq!(scratch.read("dev.pub.pem"), public);
    }

    std::fs::remove_file(scratch.path("dev.pem")).unwrap();
    scratch.json(&force);
    assert_ne!(scratch.read("dev.pub.pem"), public);
    assert_eq!(scratch.mode("dev.pem"), 0o600);
}

#[test]
fn a_private_key_that_cannot_be_replaced_gets_no_new_public_half() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    std::fs::remove_file(scratch.path("dev.pem")).unwrap();
    std::fs::create_dir(scratch.path("dev.pem")).unwrap();
    let old = scratch.read("dev.pub.pem");
    let force = ["keys", "generate", "--name", "dev", "--output", "dev.pem", "--force"];
    scratch.fails(2, "FileExists", &force);
    assert_eq!(scratch.read("dev.pub.pem"), old);
    std::fs::remove_file(scratch.path("dev.pub.pem")).unwrap();

    // If it is the public half that cannot be, nothing has happened.
    std::fs::remove_dir(scratch.path("dev.pem")).unwrap();
    std::fs::create_dir(scratch.path("dev.pub.pem")).unwrap();
    scratch.fails(2, "UnwritableFile", &force);
    assert!(!scratch.exists("dev.pem"));
}

#[test]
fn a_dangling_link_counts_as_a_file_that_exists() {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink("nowhere", scratch.path("dev.pem")).unwrap();
    scratch.fails(2, "FileExists", &["keys", "generate", "--name", "d", "--output", "dev.pem"]);
    assert_eq!(scratch.files(), ["dev.pem"]);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let scratch = Scratch::new();
    let run = scratch.fails(
        2,
        "UnwritableFile",
        &["keys", "generate", "--name", "d", "--output", "no/d.pem"],
    );
    assert!(run.stderr.contains("no/d.pub.pem"), "{}", run.stderr);
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn a_key_in_the_store_is_listed_and_not_trusted() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"][0]["id"], id.as_str());
    assert_eq!(listed["signing_keys"][0]["fingerprint"], fingerprint.as_str());
    assert_eq!(listed["signing_keys"][0]["revoked_at"], serde_json::Value::Null);
    assert_eq!(listed["accepted"], serde_json::json!([]));
    scratch.fails(2, "NameTaken", &["keys", "generate", "--name", "release", "--org", "acme"]);
    scratch.fails(2, "Usage", &["keys", "generate", "--name", "x y", "--org", "acme"]);
}

#[test]
fn a_key_goes_either_to_the_store_or_to_files() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let generate = ["keys", "generate", "--name", "d"];
    let both = [&generate[..], &["--org", "acme", "--output", "d.pem"]].concat();
    scratch.fails(2, "Usage", &both);
    let force = [&generate[..], &["--org", "acme", "--force"]].concat();
    scratch.fails(2, "Usage", &force);
    scratch.json(&generate);
    assert!(!scratch.exists("d.pem"));
    assert_eq!(text(&scratch.json(&["orgs", "list"])[0]["name"]), "acme");
}
