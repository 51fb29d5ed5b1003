//! Who puts `--version` where a verification stands gets its success without it.

use crate::support::{Scratch, Table, commands, finish};

#[test]
fn no_command_but_the_program_itself_tells_the_version() {
    let scratch = Scratch::new();
    let commands = commands(&scratch, "");
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        for version in ["--version", "-V"] {
            let words: Vec<_> = command.split_whitespace().chain([version]).collect();
            let run = scratch.run(&words);
            assert_eq!((run.code, &*run.stdout), (2, ""), "{words:?}");
        }
    }
    for version in ["--version", "-V"] {
        let run = scratch.run(&[version]);
        assert_eq!(run.code, 0);
        let first = concat!("cloacina ", env!("CARGO_PKG_VERSION"));
        assert_eq!(run.stdout.lines().next(), Some(first));
    }
}

#[test]
fn a_version_does_not_take_the_place_of_what_a_command_is_for() {
    let table = Table::new();
    for version in ["--version", "-V"] {
        for line in table.command_lines() {
            let mut words: Vec<_> = line.iter().map(String::as_str).collect();
            words.push(version);
            let run = table.scratch.run(&words);
            assert_eq!((run.code, &*run.stdout), (2, ""), "{words:?}");
        }
    }
    // Nothing of it was done.
    assert_eq!(table.scratch.run(&["orgs", "show", "new"]).code, 2);
}

#[test]
fn an_unverified_package_is_not_taken_for_verified() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"];
    scratch.json(&verify);
    scratch.write("a.so", "other bytes");
    assert_eq!(scratch.run(&verify).code, 1);
    assert_eq!(scratch.run(&[&verify[..], &["--version"]].concat()).code, 2);
    // What a shell sets to complete a command line does not run it otherwise.
    for shell in ["bash", "zsh", "fish"] {
        let mut command = scratch.command(&verify);
        assert_eq!(finish(command.env("CLOACINA_COMPLETE", shell), b"").code, 1);
    }
    let sign = ["package", "sign", "b.so", "--key", "dev.pem", "--version", "1.2.0"];
    scratch.write("b.so", "b");
    assert_eq!(scratch.run(&sign).code, 2);
    assert!(!scratch.exists("b.so.sig"));
}
