use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::attacks::host::{Host, Ran};

const TRUST: [&str; 3] = ["--require-signatures", "--trust-key", "dev.pub.pem"];

fn trusting<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&TRUST[..], more].concat()
}

#[test]
fn a_runner_takes_no_password_on_its_command_line() {
    let host = Host::new();
    let url = "postgres://ann:hunter2@127.0.0.1:1/db";
    let arguments = ["--require-signatures", "--org", "acme", "libworkflow.so"];
    let run = host.run(&[&arguments[..], &["--database-url", url]].concat());
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("the command line must not hold a password"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    // In the environment it may stand; nobody answers there.
    let run = host.runner(&arguments).env("CLOACINA_DATABASE_URL", url).output().unwrap();
    let run = Ran::from(run);
    assert_eq!(run.code, Some(2));
    assert!(!run.stderr.contains("command line"), "{}", run.stderr);
}

/// What follows the first `@` of a password is no host that is looked up, and no parameter.
#[test]
fn a_password_with_an_at_sign_is_said_nowhere() {
    let host = Host::new();
    let arguments = ["--require-signatures", "--org", "acme", "libworkflow.so"];
    for url in [
        "postgres://u:p@hunter2@127.0.0.1:1/db",
        "postgres://u:a@hunter2/x@127.0.0.1/db",
        "postgres://u:a@b?sslmode=hunter2@h/db",
    ] {
        let in_environment = host.runner(&arguments).env("CLOACINA_DATABASE_URL", url).output();
        let in_environment = Ran::from(in_environment.unwrap());
        let as_argument = host.run(&[&arguments[..], &["--database-url", url]].concat());
        for run in [in_environment, as_argument] {
            assert_eq!(run.code, Some(2), "{}", run.stderr);
            assert!(run.stderr.contains("where the password"), "{}", run.stderr);
            assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"));
        }
    }
}

#[test]
fn a_file_name_steers_no_terminal_and_starts_no_line() {
    let host = Host::new();
    let folder = "x\u{1b}[31m\nerror: all is lost";
    fs::create_dir(host.path().join(folder)).unwrap();
    let path = format!("{folder}/libworkflow.so");
    for file in ["libworkflow.so", "libworkflow.so.sig"] {
        fs::copy(host.path().join(file), host.path().join(folder).join(file)).unwrap();
    }
    let run = host.run(&trusting(&[&path]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("x\\u{1b}[31m\\u{a}error: all is lost/libworkflow.so (signed"));
    fs::write(Path::new(&host.path().join(&path)), "other bytes").unwrap();
    let run = host.run(&trusting(&[&path]));
    assert_eq!(run.code, Some(1));
    for shown in [run.stdout, run.stderr] {
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("error: all is lost")), "{shown}");
    }
}

#[test]
fn a_runner_that_cannot_print_says_so_and_does_not_panic() {
    let host = Host::new();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for (arguments, code) in [
        (trusting(&["libworkflow.so"]), 0),
        (trusting(&["gone.so"]), 2),
        (vec!["--require-signatures", "--trust-key", "gone.pem", "libworkflow.so"], 2),
        (vec!["libworkflow.so"], 0),
    ] {
        let status = host.runner(&arguments).stderr(full()).stdout(Stdio::null()).status();
        assert_eq!(status.unwrap().code(), Some(code), "{arguments:?}");
    }
    let run = host.runner(&trusting(&["libworkflow.so"])).stdout(full()).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("cannot print the output of libworkflow.so"), "{said}");
}

#[test]
fn a_runner_trusts_no_key_that_others_may_write() {
    let host = Host::new();
    let set = |mode| {
        fs::set_permissions(host.path().join("dev.pub.pem"), Permissions::from_mode(mode)).unwrap();
    };
    set(0o666);
    let run = host.run(&trusting(&["libworkflow.so"]));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("its mode is 0666: chmod go-w dev.pub.pem"), "{}", run.stderr);
    set(0o644);
    assert_eq!(host.run(&trusting(&["libworkflow.so"])).code, Some(0));
}

#[test]
fn a_runner_allows_no_clock_to_be_years_ahead() {
    let host = Host::new();
    for (seconds, code) in [("301", 2), ("10000000000", 2), ("300", 0)] {
        let run = host.run(&trusting(&["--clock-skew-allowance", seconds, "libworkflow.so"]));
        assert_eq!(run.code, Some(code), "{}", run.stderr);
    }
}
