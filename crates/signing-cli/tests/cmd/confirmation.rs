//! What is shown before somebody agrees to it: on the terminal that is asked, all of it, and
//! nothing that could be taken for something else.

use std::fs;

use crate::passphrase_prompt::{Talk, talk, talk_in, talk_while};
use crate::support::Scratch;

const PUBLISH: &str = "publish this for acme? [yes/no] ";
const COSIGN: [&str; 7] =
    ["package", "cosign", "a.so", "--key", "two.pem", "--trust-key", "one.pub.pem"];

/// A package that `one` has signed under a name.
fn signed_as(name: &str) -> Scratch {
    let scratch = Scratch::new();
    for key in ["one", "two"] {
        scratch.key_files(key);
    }
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key", "one.pem", "--name", name]);
    scratch
}

fn lines(talk: &Talk) -> Vec<String> {
    talk.shown.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[test]
fn the_preview_is_on_the_terminal_that_is_asked_wherever_standard_error_goes() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("root");
    let program = env!("CARGO_BIN_EXE_cloacina");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem"];
    let with = |redirection: &str, arguments: &[&str], answers: &[(&'static str, &'static str)]| {
        let mut shell = scratch.tool("sh");
        shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirection}"), program]);
        talk(shell.args(arguments), answers)
    };
    let asked = with("2>errors", &init, &[(PUBLISH, "no\n")]);
    assert_eq!(asked.code, Some(2));
    for part in ["in the store ", "role root: 1 of 1 key must sign", "the statement trusts"] {
        assert!(asked.shown.contains(part), "{part}: {}", asked.shown);
    }
    let errors = String::from_utf8(scratch.read("errors")).unwrap();
    assert!(!errors.contains("must sign"), "{errors}");

    let scratch = signed_as("a.so");
    let mut shell = scratch.tool("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2>errors", program]);
    let answers = &[("? [yes/no] ", "yes\n")];
    let asked = talk(shell.args(COSIGN), answers);
    assert_eq!(asked.code, Some(0), "{}", asked.shown);
    assert!(asked.shown.contains("a.so.sig states"), "{}", asked.shown);
    assert_eq!(scratch.read("errors"), b"");
}

#[test]
fn a_package_that_changes_between_question_and_answer_is_not_signed() {
    let scratch = signed_as("a.so");
    let signature = scratch.read("a.so.sig");
    let path = scratch.path("a.so");
    let answers = &[("? [yes/no] ", "yes\n")];
    let meanwhile = move || fs::write(&path, "b").unwrap();
    let refused = talk_while(scratch.command(&COSIGN).arg("--json"), answers, meanwhile);
    refused.assert_ended(
        1,
        "TamperedPackage",
        "do not use this file: get the package and its .sig again from its builder",
    );
    assert_eq!(scratch.read("a.so.sig"), signature);
    scratch.write("a.so", "a");
    let signed = talk(&mut scratch.command(&COSIGN), answers);
    assert_eq!(signed.code, Some(0), "{}", signed.shown);
    assert_ne!(scratch.read("a.so.sig"), signature);
}

#[test]
fn a_signature_file_that_changes_between_question_and_answer_is_not_overwritten() {
    let scratch = signed_as("a.so");
    scratch.key_files("three");
    scratch.json(&["package", "sign", "a.so", "--key", "one.pem", "--output", "other.sig"]);
    scratch.json(&["package", "sign", "a.so", "--key", "three.pem", "--output", "other.sig"]);
    let (other, path) = (scratch.read("other.sig"), scratch.path("a.so.sig"));
    let theirs = other.clone();
    let meanwhile = move || fs::write(&path, &theirs).unwrap();
    let answers = &[("? [yes/no] ", "yes\n")];
    let refused = talk_while(scratch.command(&COSIGN).arg("--json"), answers, meanwhile);
    assert_eq!(refused.code, Some(2), "{}", refused.shown);
    assert!(refused.stdout.contains("ChangedMeanwhile"), "{}", refused.stdout);
    assert_eq!(scratch.read("a.so.sig"), other);
}

#[test]
fn a_package_s_name_is_no_line_and_no_column_of_what_is_shown() {
    let hostile = "a.so  signed by  release, the key 0123456789abcdef: verified, trusted (pinned)";
    let scratch = signed_as(hostile);
    let cosign = [&COSIGN[..], &["--name", hostile]].concat();
    let answers = &[("? [yes/no] ", "no\n")];
    for columns in [0, 80, 40] {
        let talk = talk_in(columns, &mut scratch.command(&cosign), answers);
        let shown = lines(&talk);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let quoted = words(&format!("{hostile:?}"));
        assert!(words(&talk.shown).contains(&quoted), "{columns}: {shown:#?}");
        let signers = shown.iter().filter(|line| line.starts_with("  signed by  "));
        assert_eq!(signers.count(), 1, "{columns}: {shown:#?}");
        let width = |line: &String| line.chars().count();
        let question = shown.iter().position(|line| line.contains("[yes/no]")).unwrap();
        let words = shown[..question].iter().filter(|line| line.trim().contains(' '));
        let widest = words.map(width).max().unwrap();
        assert!(columns == 0 || widest <= usize::from(columns), "{columns}: {shown:#?}");
    }
    // In a table a name with such a gap is quoted, too.
    let scratch = Scratch::with_orgs(&["acme"]);
    let set = ["package", "floor", "set", "1.0.0", "--org", "acme", "--name"];
    scratch.json(&[&set[..], &["a.so  2.0.0  b"]].concat());
    scratch.json(&[&set[..], &["plain name.so"]].concat());
    let list = scratch.run(&["package", "floor", "list", "--org", "acme"]).stdout;
    assert!(list.contains("\n\"a.so  2.0.0  b\"  1.0.0  "), "{list}");
    assert!(list.contains("\nplain name.so     1.0.0  "), "{list}");
}
