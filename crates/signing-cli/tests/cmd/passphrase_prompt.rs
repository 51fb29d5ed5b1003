//! Asking for a passphrase on a terminal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;
use signing_crypto::{Passphrase, SigningKey};

use crate::support::{Scratch, ended, spawn, terminal};

const GENERATE: [&str; 7] =
    ["keys", "generate", "--name", "dev", "--output", "dev.pem", "--encrypt"];
const SIGN: [&str; 5] = ["package", "sign", "a.so", "--key", "dev.pem"];

const NEW: &str = "New passphrase: ";
const AGAIN: &str = "The same again: ";
const PUBLISH: &str = "publish this for acme? [yes/no] ";
const OPEN: &str = "Passphrase for dev.pem: ";

/// What a conversation on a terminal came to.
pub(crate) struct Talk {
    pub(crate) code: Option<i32>,
    pub(crate) shown: String,
    /// What went to standard output, which is no terminal.
    pub(crate) stdout: String,
    modes_before: LocalModes,
    modes_after: LocalModes,
}

pub(crate) type Answer = (&'static str, &'static str);

/// Runs a command on a terminal, and types each answer when its question is there.
pub(crate) fn talk(command: &mut Command, answers: &[Answer]) -> Talk {
    talk_while(command, answers, || ())
}

/// The same, and does something else before each answer.
pub(crate) fn talk_while(
    command: &mut Command,
    answers: &[Answer],
    meanwhile: impl FnMut() + Send + 'static,
) -> Talk {
    let (person, end) = terminal();
    command.stdin(end.try_clone().unwrap());
    talk_on(person, end, command, answers, meanwhile)
}

/// The same, on a terminal of this width.
pub(crate) fn talk_in(columns: u16, command: &mut Command, answers: &[Answer]) -> Talk {
    let (person, end) = terminal();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&end, size).unwrap();
    command.stdin(end.try_clone().unwrap());
    talk_on(person, end, command, answers, || ())
}

/// The same, with nothing but standard error on the terminal.
fn talk_beside(command: &mut Command, input: File, answers: &[Answer]) -> Talk {
    let (person, end) = terminal();
    command.stdin(input);
    talk_on(person, end, command, answers, || ())
}

fn talk_on(
    mut person: File,
    end: File,
    command: &mut Command,
    answers: &[Answer],
    mut meanwhile: impl FnMut() + Send + 'static,
) -> Talk {
    let modes_before = tcgetattr(&person).unwrap().local_modes;
    let answers = answers.to_vec();
    // What comes from here fits into the pipe, so that nobody waits for its reader.
    let child = spawn(command.stdout(Stdio::piped()).stderr(end).env("NO_COLOR", "1"));
    // The command still holds the terminal's other end, and reading would not end.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    ended(child, move |child| {
        let mut shown = Vec::new();
        let mut buffer = [0; 4096];
        let mut answers = answers.iter().peekable();
        let mut seen = 0;
        // The last writer's end makes reading fail on Linux.
        while let Ok(count @ 1..) = person.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&shown[seen..]).into_owned();
            if let Some((_, answer)) = answers.next_if(|(question, _)| text.contains(question)) {
                seen = shown.len();
                meanwhile();
                person.write_all(answer.as_bytes()).unwrap();
            }
        }
        let output = child.wait_with_output().unwrap();
        let code = output.status.code();
        assert_eq!(answers.next(), None, "{}", String::from_utf8_lossy(&shown));
        let modes_after = tcgetattr(&person).unwrap().local_modes;
        let [shown, stdout] = [shown, output.stdout].map(|text| String::from_utf8(text).unwrap());
        Talk { code, shown, stdout, modes_before, modes_after }
    })
}

impl Talk {
    /// Whatever came of it, the terminal is as it was and shows no passphrase.
    #[track_caller]
    fn assert(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.shown);
        assert!(self.modes_before.contains(LocalModes::ECHO | LocalModes::ICANON));
        assert_eq!(self.modes_after, self.modes_before, "{}", self.shown);
        for word in ["sesame", "barley"] {
            assert!(!self.shown.contains(word), "{}", self.shown);
            assert!(!self.stdout.contains(word), "{}", self.stdout);
        }
    }

    /// The document's error, and the next step that is shown.
    #[track_caller]
    fn assert_failed(&self, error: &str, next: &str) {
        self.assert_ended(2, error, next);
    }

    #[track_caller]
    pub(crate) fn assert_ended(&self, code: i32, error: &str, next: &str) {
        self.assert(code);
        let document: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!((&document["ok"], &document["error"]["code"]), (&false.into(), &error.into()));
        assert_eq!(document["error"]["next"], next);
        assert!(self.shown.contains(&format!("next: {next}")), "{}", self.shown);
    }
}

/// A package, and a key under 'open sesame'.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.so", "a");
    talk(&mut scratch.command(&GENERATE), &[(NEW, "open sesame\n"), (AGAIN, "open sesame\n")])
        .assert(0);
    scratch
}

#[test]
fn a_new_passphrase_is_typed_twice_and_opens_the_key() {
    let scratch = scratch();
    let passphrase = Passphrase::new(b"open sesame".to_vec()).unwrap();
    SigningKey::from_encrypted_pem(&scratch.read("dev.pem"), &passphrase).unwrap();
}

#[test]
fn two_passphrases_that_differ_make_no_key() {
    let scratch = Scratch::new();
    let answers = &[(NEW, "open sesame\n"), (AGAIN, "open barley\n")];
    let talk = talk(scratch.command(&GENERATE).arg("--json"), answers);
    talk.assert_failed("PassphrasesDiffer", "nothing was done: type the same passphrase twice");
    assert!(talk.shown.contains("differ"), "{}", talk.shown);
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn an_empty_new_passphrase_is_refused_at_once() {
    let scratch = Scratch::new();
    let talk = talk(&mut scratch.command(&GENERATE), &[(NEW, "\n")]);
    talk.assert(2);
    assert!(talk.shown.contains("the passphrase is empty"), "{}", talk.shown);
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn an_encrypted_key_asks_once_and_signs_if_the_answer_is_right() {
    let scratch = scratch();
    let wrong = talk(&mut scratch.command(&SIGN), &[(OPEN, "open barley\n")]);
    wrong.assert(2);
    assert!(wrong.shown.contains("the passphrase is wrong"), "{}", wrong.shown);
    assert!(!scratch.exists("a.so.sig"));
    talk(&mut scratch.command(&SIGN), &[(OPEN, "open barlex\u{15}open sesamx\u{7f}e\n")]).assert(0);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn giving_up_leaves_the_terminal_as_it_was() {
    let scratch = scratch();
    let interrupted = talk(scratch.command(&SIGN).arg("--json"), &[(OPEN, "open ses\u{3}")]);
    let next = "nothing was done: run the command again when you have what it asks for";
    interrupted.assert_ended(130, "Interrupted", next);
    assert!(interrupted.shown.contains("interrupted"), "{}", interrupted.shown);
    let ended = talk(scratch.command(&SIGN).arg("--json"), &[(OPEN, "\u{4}")]);
    ended.assert(2);
    assert!(ended.shown.contains("the input ended before an answer"), "{}", ended.shown);
    assert!(!scratch.exists("a.so.sig"));
}

#[test]
fn a_key_that_interrupts_ends_a_command_with_130_wherever_it_waits() {
    let scratch = scratch();
    scratch.json(&["orgs", "create", "acme"]);
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem"];
    let on_its_terminal = |arguments: &[&str]| {
        let mut shell = scratch.tool("setsid");
        let script = r#"trap : INT; "$0" "$@"; echo "exit code $?""#;
        // A test in the background of a shell inherits that the signal is ignored.
        shell.args(["--ctty", "env", "--default-signal=INT"]);
        shell.args(["sh", "-c", script, env!("CARGO_BIN_EXE_cloacina")]);
        shell.args(arguments);
        shell
    };
    for (arguments, question) in [(&SIGN[..], OPEN), (&init, PUBLISH)] {
        let answers = [(question, "\u{3}")];
        let talk = talk(&mut on_its_terminal(arguments), &answers);
        talk.assert(0);
        assert_eq!(talk.stdout, "exit code 130\n", "{}", talk.shown);
    }
    // Another answer is another end.
    let talk = talk(&mut on_its_terminal(&init), &[(PUBLISH, "no\n")]);
    assert_eq!(talk.stdout, "exit code 2\n", "{}", talk.shown);
    assert!(!scratch.exists("a.so.sig"));
    scratch.fails(1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);
}

#[test]
fn a_terminal_that_goes_away_while_it_is_asked_is_no_passphrase() {
    let scratch = scratch();
    let (mut person, end) = terminal();
    let mut command = scratch.command(&SIGN);
    command.arg("--json").stdin(end.try_clone().unwrap()).stdout(Stdio::piped()).stderr(end);
    let child = spawn(&mut command);
    drop(command);
    let output = ended(child, move |child| {
        let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&shown).contains(OPEN) {
            let count = person.read(&mut buffer).unwrap();
            shown.extend_from_slice(&buffer[..count]);
        }
        drop(person);
        child.wait_with_output().unwrap()
    });
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["code"], "UnusableTerminal");
    let next = document["error"]["next"].as_str().unwrap();
    assert!(next.contains("--passphrase-file <file>"), "{next}");
    assert!(!scratch.exists("a.so.sig"));
}

#[test]
fn a_signature_file_that_others_change_meanwhile_is_not_overwritten() {
    let scratch = scratch();
    for (name, file) in [("first", "a.so.sig"), ("second", "later.sig")] {
        scratch.key_files(name);
        let key = format!("{name}.pem");
        scratch.json(&["package", "sign", "a.so", "--key", &key, "--output", file]);
    }
    let (later, path) = (scratch.read("later.sig"), scratch.path("a.so.sig"));
    let theirs = later.clone();
    let meanwhile = move || fs::write(&path, &theirs).unwrap();
    let answers = &[(OPEN, "open sesame\n")];
    let refused = talk_while(scratch.command(&SIGN).arg("--json"), answers, meanwhile);
    refused.assert_failed("ChangedMeanwhile", "sign again: nothing was written there");
    assert_eq!(scratch.read("a.so.sig"), later);
    talk(&mut scratch.command(&SIGN), answers).assert(0);
    assert_ne!(scratch.read("a.so.sig"), later);
}

#[test]
fn a_signature_file_that_others_make_meanwhile_is_not_overwritten() {
    let scratch = scratch();
    scratch.key_files("other");
    let other = ["package", "sign", "a.so", "--key", "other.pem", "--output", "other.sig"];
    scratch.json(&other);
    let (theirs, path) = (scratch.read("other.sig"), scratch.path("a.so.sig"));
    let meanwhile = {
        let theirs = theirs.clone();
        move || fs::write(&path, &theirs).unwrap()
    };
    let answers = &[(OPEN, "open sesame\n")];
    let refused = talk_while(scratch.command(&SIGN).arg("--json"), answers, meanwhile);
    refused.assert_failed("ChangedMeanwhile", "sign again: nothing was written there");
    assert_eq!(scratch.read("a.so.sig"), theirs);
}

#[test]
fn a_key_from_standard_input_is_opened_from_the_terminal_of_standard_error() {
    let scratch = scratch();
    let sign = ["package", "sign", "a.so", "--key", "-"];
    let input = File::open(scratch.path("dev.pem")).unwrap();
    let answers = &[("Passphrase for -: ", "open sesame\n")];
    talk_beside(&mut scratch.command(&sign), input, answers).assert(0);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn what_need_not_be_asked_is_not_asked() {
    let scratch = scratch();
    let sign = [&SIGN[..], &["--force"]].concat();
    let with = |command: &mut Command| {
        let talk = talk(command, &[]);
        talk.assert(0);
        assert!(!talk.shown.contains("assphrase"), "{}", talk.shown);
    };
    with(scratch.command(&sign).env("CLOACINA_KEY_PASSPHRASE", "open sesame"));
    with(&mut scratch.command(&["keys", "generate", "--name", "o", "--output", "o.pem"]));
    with(&mut scratch.command(&["package", "sign", "a.so", "--force", "--key", "o.pem"]));
}

#[test]
fn a_terminal_is_no_descriptor_to_read_a_passphrase_from() {
    let scratch = scratch();
    let mut shell = scratch.tool("sh");
    shell.args(["-c", r#"exec "$0" "$@" 3<&0"#, env!("CARGO_BIN_EXE_cloacina")]);
    let talk = talk(shell.args(SIGN).args(["--passphrase-fd", "3"]), &[]);
    talk.assert(2);
    assert!(talk.shown.contains("it is a terminal"), "{}", talk.shown);
}

#[test]
fn documents_are_published_if_the_answer_is_yes_and_not_otherwise() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem"];
    let init = [&init[..], &["--root-output", "root.json"]].concat();
    let show = ["trust", "show", "--org", "acme"];
    for answers in [&[(PUBLISH, "no\n")], &[(PUBLISH, "y\n")], &[(PUBLISH, "\n")]] {
        let talk = talk(scratch.command(&init).arg("--json"), answers);
        let next = "nothing was done: change what is not right, and run the command again";
        talk.assert_failed("NotConfirmed", next);
        assert!(talk.shown.contains("role root: 1 of 1 key must sign"), "{}", talk.shown);
        scratch.fails(1, "TrustDocumentMissing", &show);
        assert!(!scratch.exists("root.json"));
    }
    talk(&mut scratch.command(&init), &[(PUBLISH, "yes\n")]).assert(0);
    scratch.json(&["trust", "status", "--org", "acme", "--trust-root", "root.json"]);
}

#[test]
fn a_key_is_asked_to_sign_documents_only_after_the_answer() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("root");
    let script = "#!/bin/sh
case $1 in
public-key) exec cat root.pub.pem ;;
sign)
    echo asked >>asked
    cat >message
    exec openssl pkeyutl -sign -rawin -inkey root.pem -in message ;;
esac
";
    scratch.write("signer", script);
    fs::set_permissions(scratch.path("signer"), PermissionsExt::from_mode(0o700)).unwrap();
    let init = ["trust", "init", "--org", "acme", "--root-key", "exec:./signer"];
    let init = [&init[..], &["--root-output", "root.json"]].concat();
    let publish = ["trust", "publish", "--org", "acme", "--key", "exec:./signer"];
    let publish = [&publish[..], &["--trust-root", "root.json"]].concat();
    let rotate = ["trust", "rotate-root", "--org", "acme", "--root-key", "exec:./signer"];
    let rotate = [&rotate[..], &["--trust-root", "root.json"]].concat();
    for command in [&init, &publish, &rotate] {
        let _ = fs::remove_file(scratch.path("asked"));
        talk(&mut scratch.command(command), &[(PUBLISH, "no\n")]).assert(2);
        assert!(!scratch.exists("asked"), "{command:?}");
        talk(&mut scratch.command(command), &[(PUBLISH, "yes\n")]).assert(0);
        assert!(scratch.exists("asked"), "{command:?}");
    }
}

#[test]
fn init_asks_for_what_the_command_line_leaves_open() {
    const ORG: &str = "organization: ";
    const KEY: &str = "signing key [release]: ";
    const SIGNED: &str = "signed trust, from a root key of its own? [yes/no] (no) ";
    let scratch = Scratch::new();
    let answers = &[(ORG, "not a name\n"), (ORG, "acme\n"), (KEY, "\n"), (SIGNED, "no\n")];
    let talk = talk(scratch.command(&["init"]).arg("--json"), answers);
    talk.assert(0);
    let document: Value = serde_json::from_str(&talk.stdout).unwrap();
    assert_eq!(document["result"]["org"], "acme");
    assert_eq!(document["result"]["steps"][3]["what"], "acme/release");
    assert_eq!(document["result"]["steps"].as_array().unwrap().len(), 5);
}

#[test]
fn init_makes_nothing_for_somebody_who_leaves() {
    let scratch = Scratch::new();
    let answers = &[("organization: ", "acme\n"), ("signing key [release]: ", "\u{4}")];
    talk(scratch.command(&["init"]).arg("--json"), answers).assert(2);
    assert_eq!(scratch.files(), [""; 0]);
}
