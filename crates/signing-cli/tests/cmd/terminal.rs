//! Color, and text from outside that tries to steer the terminal.

use crate::support::{Scratch, finish, finish_on_a_terminal, text};

const ESCAPE: char = '\u{1b}';

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch
}

const GOOD: [&str; 5] = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"];
const BAD: [&str; 3] = ["package", "inspect", "gone.so"];

#[test]
fn a_terminal_gets_color_unless_it_is_not_wanted() {
    let scratch = scratch();
    for arguments in [&GOOD[..], &BAD] {
        let shown = finish_on_a_terminal(&mut scratch.command(arguments));
        assert!(shown.contains(ESCAPE), "{shown:?}");
        let plain = finish_on_a_terminal(scratch.command(arguments).env("NO_COLOR", "1"));
        assert!(!plain.contains(ESCAPE), "{plain:?}");
        let never = finish_on_a_terminal(scratch.command(arguments).args(["--color", "never"]));
        assert!(!never.contains(ESCAPE), "{never:?}");
        assert_eq!(plain, never);
    }
}

#[test]
fn a_pipe_gets_no_color_unless_it_is_wanted() {
    let scratch = scratch();
    for arguments in [&GOOD[..], &BAD] {
        let both = |choice: &[&str]| {
            let run = finish(scratch.command(arguments).args(choice), b"");
            run.stdout + &run.stderr
        };
        assert!(!both(&[]).contains(ESCAPE));
        assert!(!both(&["--color", "never"]).contains(ESCAPE));
        assert!(both(&["--color", "always"]).contains(ESCAPE));
    }
}

#[test]
fn json_is_never_colored() {
    let scratch = scratch();
    let run = finish(scratch.command(&GOOD).args(["--json", "--color", "always"]), b"");
    assert!(!run.stdout.contains(ESCAPE));
    run.document();
}

/// Each of these would do something to a terminal, or to who reads it: an escape
/// sequence, the same in one byte, a title, a bell, and text from right to left.
const HOSTILE: [&str; 5] =
    ["a\u{1b}[31m.so", "a\u{9b}31m.so", "a\u{1b}]0;owned\u{7}.so", "a\u{7}.so", "a\u{202e}os.so"];

fn assert_harmless(shown: &str) {
    let found = shown.chars().find(|&c| signing_crypto::is_deceptive(c) && c != '\n' && c != '\r');
    assert_eq!(found, None, "{shown:?}");
}

#[test]
fn hostile_file_names_are_shown_escaped_wherever_they_are_shown() {
    let scratch = scratch();
    for name in HOSTILE {
        scratch.write(name, "a");
        for arguments in [
            &["package", "verify", name, "--trust-key", "dev.pub.pem"][..],
            &["package", "sign", name, "--key", "dev.pem"],
            &["package", "sign", "a.so", "--key", name],
            &["package", "verify", "a.so", "--trust-key", name],
            &["package", "verify", "a.so", "--trust-key", "dev.pub.pem", "--name", name],
            &["orgs", "create", name],
            &["orgs", "delete", name],
            &["db", "status", "--database-url", name],
            &["keys", "deny", name, "--org", "acme"],
            &["orgs", "list", name],
            &["orgs", name],
            &["orgs", "list", &format!("--{name}")],
        ] {
            for format in [&["--color", "never"][..], &["--json", "--color", "never"]] {
                let shown = finish_on_a_terminal(scratch.command(arguments).args(format));
                assert_harmless(&shown);
                assert_ne!(shown, "", "{arguments:?}");
            }
        }
    }
}

#[test]
fn a_hostile_name_cannot_be_signed_and_is_shown_as_what_it_is() {
    let scratch = scratch();
    for name in HOSTILE {
        scratch.write(name, "a");
        let verify = ["package", "verify", name, "--trust-key", "dev.pub.pem"];
        let run = scratch.fails(1, "InvalidPackageName", &verify);
        assert!(run.stderr.contains("a\\u{"), "{}", run.stderr);
        // A program gets the name itself, by JSON's own escapes.
        assert_eq!(run.document()["result"][0]["path"], name);
        scratch.fails(1, "InvalidPackageName", &["package", "sign", name, "--key", "dev.pem"]);
        // Under a good name the same file will do.
        let signed = ["package", "sign", name, "--key", "dev.pem", "--name", "ok.so"];
        let path = text(&scratch.json(&signed)[0]["path"]);
        assert_eq!(path, name);
        let verify = [&verify[..], &["--name", "ok.so"]].concat();
        assert_harmless(&finish_on_a_terminal(scratch.command(&verify).env("NO_COLOR", "1")));
    }
}
