//! Output that nobody got is no success.

use std::fs::File;
use std::process::Stdio;

use crate::support::{Run, Scratch, Table, finish, spawn};

/// Runs a command whose standard output is this.
fn run_into(scratch: &Scratch, arguments: &[String], stdout: impl Into<Stdio>) -> Run {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut command = scratch.command(&arguments);
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
    let child = spawn(&mut command);
    // The command still holds the other end, which would not close.
    command.stdout(Stdio::null());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr }
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn closed_pipe() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

#[test]
fn no_command_succeeds_if_its_output_finds_no_room() {
    for more in [None, Some("--json".to_owned())] {
        let table = Table::new();
        for line in table.command_lines() {
            let line: Vec<_> = line.into_iter().chain(more.clone()).collect();
            let run = run_into(&table.scratch, &line, full());
            assert_eq!(run.code, 2, "{line:?}: {}", run.stderr);
            assert!(run.stderr.contains("cannot write to standard output"), "{}", run.stderr);
            assert!(run.stderr.contains("next: "), "{}", run.stderr);
        }
    }
    let table = Table::new();
    for line in table.command_lines() {
        let arguments: Vec<_> = line.iter().map(String::as_str).collect();
        let run = table.scratch.run(&arguments);
        assert_eq!(run.code, 0, "{line:?}: {}", run.stderr);
        assert_ne!(run.stdout, "", "{line:?}");
    }
}

#[test]
fn help_and_version_that_find_no_room_are_no_success() {
    let scratch = Scratch::new();
    for option in ["--help", "--version"] {
        let run = run_into(&scratch, &[option.to_owned()], full());
        assert_eq!(run.code, 2, "{option}: {}", run.stderr);
    }
}

#[test]
fn a_refusal_stays_one_where_nothing_can_be_printed() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.write("a.so", "other bytes");
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"].map(str::to_owned);
    let run = run_into(&scratch, &verify, full());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("refused: "), "{}", run.stderr);
}

/// Who leaves a list early, as `head` does, has what it wants. Half a key or a document is
/// nothing.
#[test]
fn a_closed_pipe_ends_a_list_and_breaks_a_document() {
    let table = Table::new();
    for line in table.command_lines() {
        let needs_all = ["keys export", "audit checkpoint", "completions", "man"];
        let name = line.join(" ");
        let code = match needs_all.iter().any(|needs_all| name.starts_with(needs_all)) {
            true => 2,
            false => 0,
        };
        let run = run_into(&table.scratch, &line, closed_pipe());
        assert_eq!(run.code, code, "{line:?}: {}", run.stderr);
    }
    let table = Table::new();
    for mut line in table.command_lines().filter(|line| line[0] != "help") {
        line.push("--json".into());
        let run = run_into(&table.scratch, &line, closed_pipe());
        assert_eq!(run.code, 2, "{line:?}: {}", run.stderr);
        assert!(run.stderr.contains("cannot write to standard output"), "{}", run.stderr);
    }
}

#[test]
fn a_checkpoint_that_a_full_disk_did_not_take_is_no_checkpoint() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    let checkpoint = ["audit", "checkpoint", "--all", "--key", "dev.pem"];
    let run = run_into(&scratch, &checkpoint.map(str::to_owned), full());
    assert_eq!(run.code, 2, "{}", run.stderr);
    // To a file it is whole.
    let run = run_into(&scratch, &checkpoint.map(str::to_owned), {
        File::create(scratch.path("kept")).unwrap()
    });
    assert_eq!(run.code, 0, "{}", run.stderr);
    scratch.json(&["audit", "verify", "--checkpoint", "kept", "--trust-key", "dev.pub.pem"]);
}

/// The descriptor is closed before the program starts, and Rust opens `/dev/null` in its place.
#[test]
fn what_only_standard_output_would_keep_is_not_made_if_it_is_closed() {
    let table = Table::new();
    let shell = |line: &[String], redirected: &str| {
        let script = format!("\"$0\" \"$@\" {redirected}");
        let mut command = table.scratch.tool("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_cloacina")]).args(line);
        finish(&mut command, b"")
    };
    let needs_all = ["keys export", "audit checkpoint", "completions", "man"];
    for line in table.command_lines() {
        let name = line.join(" ");
        if needs_all.iter().any(|needs_all| name.starts_with(needs_all)) {
            for more in [None, Some("--json".to_owned())] {
                let line: Vec<_> = line.iter().cloned().chain(more).collect();
                let run = shell(&line, ">&-");
                assert_eq!(run.code, 2, "{line:?}: {}", run.stderr);
                assert!(run.stderr.contains("standard output is closed"), "{}", run.stderr);
                // Who does not want it says so.
                assert_eq!(shell(&line, ">/dev/null").code, 0, "{line:?}");
            }
        }
    }
    // A checkpoint is not even signed.
    let signed = ["audit", "checkpoint", "--org", "acme", "--key", "gone.pem"].map(str::to_owned);
    let run = shell(&signed, ">&-");
    assert!(run.stderr.contains("standard output is closed"), "{}", run.stderr);
    let file = ["audit", "checkpoint", "--org", "acme", "--key", "dev.pem", "--output", "kept"];
    let run = shell(&file.map(str::to_owned), ">&-");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(table.scratch.exists("kept"));
}

#[test]
fn a_standard_error_that_takes_nothing_ends_nothing() {
    let scratch = Scratch::new();
    let mut command = scratch.tool("sh");
    let script = "\"$0\" -vv orgs create acme 2>/dev/full";
    command.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
    let run = finish(&mut command, b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Only the exit code can tell of it.
    let script = "\"$0\" orgs create acme 2>/dev/full";
    let mut command = scratch.tool("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
    assert_eq!(finish(&mut command, b"").code, 2);
}
