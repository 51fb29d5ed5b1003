//! Who puts `--version` or `--help` where a verification stands gets its success without it.

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

const HELP: [&str; 2] = ["--help", "-h"];

#[test]
fn help_does_not_take_the_place_of_what_a_command_is_for() {
    let table = Table::new();
    let names = commands(&table.scratch, "");
    let (mut alone, mut beside) = (0, 0);
    // `help` answers itself.
    for line in table.command_lines().filter(|line| line[0] != "help") {
        let has_arguments = !names.contains(&line.join(" "));
        for help in HELP {
            // Where a wildcard puts it, and at the end.
            let middle = if line[0] == "verify" || line[0] == "sign" { 1 } else { line.len() };
            for at in [middle, line.len()] {
                let mut words: Vec<_> = line.iter().map(String::as_str).collect();
                words.insert(at, help);
                let run = table.scratch.run(&words);
                let expected = if has_arguments { 2 } else { 0 };
                assert_eq!(run.code, expected, "{words:?}: {}", run.stderr);
                assert_eq!(run.stdout.is_empty(), has_arguments, "{words:?}");
            }
        }
        *(if has_arguments { &mut beside } else { &mut alone }) += 1;
    }
    assert!(alone > 5 && beside > 30, "{alone} {beside}");
    // Nothing of it was done.
    assert_eq!(table.scratch.run(&["orgs", "show", "new"]).code, 2);
    assert!(!table.scratch.exists("packages"));
}

#[test]
fn a_file_called_help_does_not_verify_the_others() {
    for help in HELP {
        let scratch = Scratch::new();
        scratch.key_files("dev");
        std::fs::create_dir(scratch.path("in")).unwrap();
        for name in [help, "evil.so"] {
            scratch.write(&format!("in/{name}"), name);
        }
        let shell = |line: &str| {
            let script = format!("cd in && {}", line.replace("cloacina", "\"$0\""));
            let mut command = scratch.tool("sh");
            finish(command.args(["-c", &script, env!("CARGO_BIN_EXE_cloacina")]), b"")
        };
        for line in [
            "cloacina verify *",
            "cloacina verify --trust-key ../dev.pub.pem *",
            "cloacina package verify --json *",
            "cloacina package install evil.so --to inst *",
            "cloacina sign --key ../dev.pem *",
            "cloacina --color never package sign * --key ../dev.pem",
        ] {
            let run = shell(line);
            assert_eq!(run.code, 2, "{line}: {}", run.stderr);
            assert!(run.stderr.contains("--help must be the only argument"), "{}", run.stderr);
            assert!(run.stderr.contains("./--help"), "{}", run.stderr);
            assert!(!run.stdout.contains("Usage: "), "{}", run.stdout);
        }
        assert!(!scratch.exists("in/inst") && !scratch.exists("in/evil.so.sig"));
        // The same, written so that a name cannot be an option.
        let sign = shell("cloacina sign --key ../dev.pem ./*");
        assert_eq!(sign.code, 0, "{}", sign.stderr);
        for line in ["./*.so ./-*[hp]", "."] {
            let run = shell(&format!("cloacina verify {line} --trust-key ../dev.pub.pem"));
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
        scratch.write("in/evil.so", "other bytes");
        assert_eq!(shell("cloacina verify . --trust-key ../dev.pub.pem").code, 1);
    }
}

#[test]
fn the_version_is_told_only_if_nothing_else_was_asked() {
    let scratch = Scratch::new();
    for words in [&["--version", "verify", "a.so"][..], &["-V", "doctor"], &["-qV"]] {
        let run = scratch.run(words);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{words:?}");
    }
}
