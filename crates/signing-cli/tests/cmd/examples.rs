//! The examples in the help of each command do what they say.

use std::fs;
use std::path::Path;

use super::support::{OTHER_KEK, Scratch, finish, leaves};

/// What the examples are about: two organizations, keys, packages, and signed trust.
fn world() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor", "retired"]);
    for (name, org) in
        [("release", "acme"), ("nightly", "acme"), ("old", "acme"), ("release", "vendor")]
    {
        scratch.stored_key(name, org);
    }
    for (org, key) in [("acme", "acme/release"), ("vendor", "vendor/release")] {
        scratch.json(&["keys", "trust", "--org", org, "--key-id", key]);
    }
    scratch.json(&["keys", "revoke", "acme/old"]);
    for name in ["dev", "root", "online", "second"] {
        scratch.key_files(name);
    }
    scratch.write("libnew.so", "new");
    scratch.signed_package("libworkflow.so", "dev.pem");
    fs::create_dir(scratch.path("plugins")).unwrap();
    scratch.write("plugins/a.so", "a");
    scratch.write("libstored.so", "stored");
    for path in ["plugins/a.so", "libstored.so"] {
        scratch.json(&["sign", path, "--key-id", "acme/release", "--store"]);
    }
    scratch.write("new.kek", OTHER_KEK);
    let init = ["trust", "init", "--org", "vendor", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "vendor-root.json"]].concat());
    let export = ["trust", "export", "--org", "vendor", "--output", "bundle.json"];
    scratch.json(&[&export[..], &["--trust-root", "vendor-root.json"]].concat());
    let rotate = ["trust", "rotate-root", "--org", "vendor", "--trust-root", "vendor-root.json"];
    let both = ["--key", "root.pem", "--root-key", "root.pem", "--root-key", "second.pub.pem"];
    let draft = ["--root-threshold", "2", "--draft", "draft.json", "--yes"];
    scratch.json(&[&rotate[..], &both, &draft].concat());
    let checkpoint = ["audit", "checkpoint", "--all", "--key", "dev.pem"];
    scratch.json(&[&checkpoint[..], &["--output", "checkpoints.jsonl"]].concat());
    scratch
}

/// The command lines under `Examples` in a command's long help.
fn examples(help: &str) -> Vec<String> {
    let after = help.split_once("\nExamples:\n").map(|(_, after)| after).unwrap_or_default();
    after.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

#[test]
fn every_command_has_examples_and_each_does_what_it_says() {
    let scratch = world();
    let program = Path::new(env!("CARGO_BIN_EXE_cloacina")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    // What ends an organization or a key comes after what uses it.
    let last = ["package unstore", "orgs delete", "keys revoke", "keys deny", "keys rotate-kek"];
    let mut commands = leaves(&scratch, "");
    commands.retain(|command| command != "help");
    commands.sort_by_key(|command| last.iter().position(|last| last == command));
    for command in commands {
        let help = [&command.split(' ').collect::<Vec<_>>()[..], &["--help"]].concat();
        // Its lines are not wrapped.
        let help = finish(scratch.command(&help).env("COLUMNS", "1000"), b"").stdout;
        let lines = examples(&help);
        assert!(!lines.is_empty(), "{command} has no example: {help}");
        for line in lines {
            let named = format!("cloacina {command} ");
            assert!(format!("{line} ").contains(&named), "an example of {command}: {line}");
            if line.contains("| man ") {
                continue;
            }
            let mut shell = scratch.tool("bash");
            shell.env("PATH", &path).args(["--norc", "-e", "-o", "pipefail", "-c", &line]);
            let run = finish(&mut shell, b"");
            assert_eq!(run.code, 0, "{line}\n{}{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn an_example_that_fails_is_noticed() {
    let help =
        "Options:\n    cloacina no example\n\nExamples:\n  What:\n    cloacina orgs show gone\n";
    let scratch = Scratch::with_orgs(&["acme"]);
    let lines = examples(help);
    assert_eq!(lines, ["cloacina orgs show gone"]);
    let words: Vec<_> = lines[0].split(' ').skip(1).collect();
    scratch.fails(2, "NoSuchOrganization", &words);
}
