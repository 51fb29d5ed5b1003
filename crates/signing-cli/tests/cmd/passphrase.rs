//! Private keys under a passphrase that is given. Asking for one is in `passphrase_prompt`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::{Passphrase, PemError, SigningKey, VerifyingKey};

use crate::support::{Run, Scratch, finish};

const VARIABLE: &str = "CLOACINA_KEY_PASSPHRASE";
const SECRET: &str = "open sesame";

const GENERATE: [&str; 6] = ["keys", "generate", "--name", "dev", "--output", "dev.pem"];
const SIGN: [&str; 5] = ["package", "sign", "a.so", "--key", "dev.pem"];
const IMPORT: [&str; 8] = ["keys", "import", "--name", "dev", "--org", "acme", "--key", "dev.pem"];

fn secret(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec()).unwrap()
}

/// An organization, a package, and a key under the passphrase.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    scratch.write("secret", SECRET);
    scratch.write("wrong", "open barley");
    let run = with_variable(&scratch, &GENERATE, SECRET);
    assert_eq!(run.code, 0, "{}", run.stderr);
    scratch
}

fn with_variable(scratch: &Scratch, arguments: &[&str], passphrase: &str) -> Run {
    finish(scratch.command(arguments).arg("--json").env(VARIABLE, passphrase), b"")
}

fn with_file<'a>(arguments: &[&'a str], file: &'a str) -> Vec<&'a str> {
    [arguments, &["--passphrase-file", file]].concat()
}

/// Runs it in a shell, which opens descriptors first.
fn in_a_shell(scratch: &Scratch, script: &str, arguments: &[&str]) -> Run {
    let mut shell = scratch.tool("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]).args(arguments).arg("--json");
    finish(&mut shell, b"")
}

const FROM_A_FILE: &str = r#"exec "$0" "$@" 3<secret"#;
const FROM_A_PIPE: &str = r#"printf 'open sesame\n' | { exec 3<&0 </dev/null; exec "$0" "$@"; }"#;

type Way = (&'static str, fn(&Scratch) -> Run);

#[test]
fn a_generated_key_is_encrypted_under_a_passphrase_from_anywhere() {
    let ways: [Way; 5] = [
        ("variable", |scratch| with_variable(scratch, &GENERATE, SECRET)),
        ("file", |scratch| {
            let arguments = with_file(&GENERATE, "secret");
            finish(scratch.command(&arguments).arg("--json"), b"")
        }),
        ("standard input", |scratch| {
            let arguments = with_file(&GENERATE, "-");
            finish(scratch.command(&arguments).arg("--json"), b"open sesame\n")
        }),
        ("descriptor of a file", |scratch| {
            let arguments = [&GENERATE[..], &["--passphrase-fd", "3"]].concat();
            in_a_shell(scratch, FROM_A_FILE, &arguments)
        }),
        ("descriptor of a pipe", |scratch| {
            let arguments = [&GENERATE[..], &["--encrypt", "--passphrase-fd", "3"]].concat();
            in_a_shell(scratch, FROM_A_PIPE, &arguments)
        }),
    ];
    for (way, generate) in ways {
        let scratch = Scratch::new();
        scratch.write("secret", SECRET);
        let run = generate(&scratch);
        assert_eq!(run.code, 0, "{way}: {}", run.stderr);
        assert_eq!(run.document()["result"]["encrypted"], true, "{way}");
        run.assert_says_nowhere(SECRET);
        let pem = scratch.read("dev.pem");
        assert_eq!(SigningKey::from_pem(&pem).unwrap_err(), PemError::PassphraseNeeded, "{way}");
        let key = SigningKey::from_encrypted_pem(&pem, &secret(SECRET)).unwrap();
        let public = VerifyingKey::from_pem(&scratch.read("dev.pub.pem")).unwrap();
        assert_eq!(key.verifying_key(), public, "{way}");
        assert_eq!(scratch.mode("dev.pem"), 0o600, "{way}");
    }
    let scratch = Scratch::new();
    assert_eq!(scratch.json(&GENERATE)["encrypted"], false);
    SigningKey::from_pem(&scratch.read("dev.pem")).unwrap();
}

#[test]
fn an_encrypted_key_signs_and_is_imported_with_its_passphrase_only() {
    for arguments in [&SIGN[..], &IMPORT] {
        let scratch = scratch();
        let run = scratch.fails(2, "WrongPassphrase", &with_file(arguments, "wrong"));
        assert!(run.stderr.contains("dev.pem"), "{}", run.stderr);
        run.assert_says_nowhere("barley");
        with_variable(&scratch, arguments, "open Sesame").assert_failed(2, "WrongPassphrase");
        assert!(!scratch.exists("a.so.sig"));
        scratch.json(&with_file(arguments, "secret"));
    }
    let scratch = scratch();
    let run = with_variable(&scratch, &SIGN, SECRET);
    assert_eq!(run.code, 0, "{}", run.stderr);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
    let again = [&SIGN[..], &["--force", "--passphrase-fd", "3"]].concat();
    for script in [FROM_A_FILE, FROM_A_PIPE] {
        let run = in_a_shell(&scratch, script, &again);
        assert_eq!(run.code, 0, "{script}: {}", run.stderr);
    }
}

#[test]
fn without_a_passphrase_and_a_terminal_it_fails_at_once() {
    let scratch = scratch();
    let encrypt = ["keys", "generate", "--name", "new", "--output", "new.pem", "--encrypt"];
    for arguments in [&SIGN[..], &IMPORT, &encrypt] {
        let run = scratch.fails(2, "PassphraseNeeded", arguments);
        assert!(run.stderr.contains("next: set CLOACINA_KEY_PASSPHRASE"), "{}", run.stderr);
    }
    for file in ["a.so.sig", "new.pem", "new.pub.pem"] {
        assert!(!scratch.exists(file), "{file}");
    }
}

#[test]
fn a_key_from_standard_input_has_its_passphrase_from_elsewhere() {
    let scratch = scratch();
    let sign = ["package", "sign", "a.so", "--key", "-", "--json"];
    let pem = scratch.read("dev.pem");
    for option in ["--passphrase-file=-", "--passphrase-fd=0"] {
        let run = finish(scratch.command(&sign).arg(option), &pem);
        run.assert_failed(2, "StandardInputTwice");
    }
    finish(&mut scratch.command(&sign), &pem).assert_failed(2, "PassphraseNeeded");
    assert_eq!(finish(scratch.command(&sign).env(VARIABLE, SECRET), &pem).code, 0);

    scratch.key_files("open");
    let open = scratch.read("open.pem");
    assert_eq!(finish(scratch.command(&sign).arg("--force"), &open).code, 0);
}

#[test]
fn a_passphrase_for_a_key_that_lies_open_is_refused() {
    let scratch = scratch();
    std::fs::remove_file(scratch.path("dev.pem")).unwrap();
    scratch.json(&[&GENERATE[..], &["--force"]].concat());
    for run in [
        with_variable(&scratch, &SIGN, SECRET),
        scratch.run(&[&with_file(&SIGN, "secret")[..], &["--json"]].concat()),
    ] {
        run.assert_failed(2, "InvalidKeyFile");
        assert!(
            run.stderr.contains(
                "next: a passphrase was given, and the key in this file is not encrypted"
            ),
            "{}",
            run.stderr
        );
    }
    scratch.json(&SIGN);
}

#[test]
fn one_line_ending_is_left_out_of_a_file_and_nothing_else() {
    let scratch = scratch();
    for (content, opens) in [
        ("open sesame", true),
        ("open sesame\n", true),
        ("open sesame\r\n", true),
        ("open sesame\n\n", false),
        ("open sesame\r", false),
        (" open sesame", false),
        ("open sesame ", false),
    ] {
        scratch.write("secret", content);
        let sign = [&with_file(&SIGN, "secret")[..], &["--force"]].concat();
        assert_eq!(scratch.run(&sign).code == 0, opens, "{content:?}");
        let sign = [&SIGN[..], &["--force"]].concat();
        let is_exact = content == "open sesame";
        assert_eq!(with_variable(&scratch, &sign, content).code == 0, is_exact, "{content:?}");
    }
}

#[test]
fn an_empty_or_endless_passphrase_encrypts_nothing() {
    let scratch = Scratch::new();
    scratch.write("newline", "\n");
    scratch.write("empty", "");
    scratch.write("long", "x".repeat(4097));
    for file in ["newline", "empty", "long"] {
        scratch.fails(2, "InvalidPassphrase", &with_file(&GENERATE, file));
    }
    with_variable(&scratch, &GENERATE, "").assert_failed(2, "InvalidPassphrase");
    assert_eq!(scratch.files(), ["empty", "long", "newline"]);

    scratch.write("longest", "x".repeat(4096) + "\n");
    scratch.json(&with_file(&GENERATE, "longest"));
    let pem = scratch.read("dev.pem");
    SigningKey::from_encrypted_pem(&pem, &secret(&"x".repeat(4096))).unwrap();
}

/// As when a secret of CI is not set.
#[test]
fn an_empty_passphrase_is_told_from_a_wrong_one() {
    let scratch = scratch();
    scratch.write("empty", "");
    scratch.fails(2, "InvalidPassphrase", &with_file(&SIGN, "empty"));
    with_variable(&scratch, &SIGN, "").assert_failed(2, "InvalidPassphrase");
    with_variable(&scratch, &SIGN, "wrong").assert_failed(2, "WrongPassphrase");
    assert!(!scratch.exists("a.so.sig"));
}

#[test]
fn what_is_no_file_or_no_open_descriptor_is_refused_at_once() {
    let scratch = scratch();
    assert_eq!(finish(scratch.tool("mkfifo").arg("fifo"), b"").code, 0);
    for file in ["fifo", "/dev/zero", "/", "gone"] {
        scratch.fails(2, "UnreadableFile", &with_file(&SIGN, file));
    }
    let descriptor = |number| [&SIGN[..], &["--passphrase-fd", number]].concat();
    scratch.fails(2, "UnreadableFile", &descriptor("4000000000"));
    for number in ["1", "2", "-3", "secret"] {
        scratch.fails(2, "Usage", &descriptor(number));
    }
    assert!(!scratch.exists("a.so.sig"));
}

#[test]
fn an_option_that_would_do_nothing_is_a_usage_error() {
    let scratch = scratch();
    let generate = ["keys", "generate", "--name", "k", "--org", "acme"];
    let (id, _) = scratch.stored_key("stored", "acme");
    let sign = ["package", "sign", "a.so", "--key-id", &id];
    for arguments in [&generate[..], &sign] {
        scratch.fails(2, "Usage", &with_file(arguments, "secret"));
        scratch.fails(2, "Usage", &[arguments, &["--passphrase-fd", "3"]].concat());
    }
    scratch.fails(2, "Usage", &[&generate[..], &["--encrypt"]].concat());
    let both = [&with_file(&SIGN, "secret")[..], &["--passphrase-fd", "3"]].concat();
    scratch.fails(2, "Usage", &both);
    // The passphrase itself is never an argument.
    scratch.fails(2, "Usage", &[&SIGN[..], &["--passphrase", "open-sesame"]].concat());
    // The variable is for whichever command needs it.
    assert_eq!(with_variable(&scratch, &sign, SECRET).code, 0);
}

#[test]
fn a_file_that_asks_for_too_much_is_refused_before_anything_is_computed() {
    let scratch = scratch();
    let pem = String::from_utf8(scratch.read("dev.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = STANDARD.decode(body).unwrap();
    // 600 000 iterations, in three bytes, become 2 147 483 647 in four.
    assert_eq!(der[51..56], [2, 3, 0x09, 0x27, 0xc0]);
    der.splice(53..56, [0x7f, 0xff, 0xff, 0xff]);
    for length in [2, 4, 17, 19, 32, 52] {
        der[length] += 1;
    }
    let label = "ENCRYPTED PRIVATE KEY";
    let body = STANDARD.encode(der).into_bytes();
    let lines: Vec<_> = body.chunks(64).map(String::from_utf8_lossy).collect();
    let body = lines.join("\n");
    scratch.write("dev.pem", format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"));
    let run = scratch.fails(2, "InvalidKeyFile", &with_file(&SIGN, "secret"));
    for part in
        ["2147483647 operations of PBKDF2", "limit is 10000000", "next: if you trust the file"]
    {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn a_passphrase_is_said_nowhere() {
    let scratch = scratch();
    for arguments in [&SIGN[..], &IMPORT, &[&GENERATE[..5], &["other.pem", "--force"]].concat()] {
        for passphrase in ["open barley", SECRET] {
            let mut command = scratch.command(arguments);
            let run = finish(command.arg("-vv").env(VARIABLE, passphrase), b"");
            run.assert_says_nowhere(passphrase);
            assert!(!run.stdout.contains("PRIVATE KEY"), "{}", run.stdout);
        }
    }
}
