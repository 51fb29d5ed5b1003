//! The store that commands use if none is named: a command that changes it says so.

use std::process::Command;

use crate::support::{KEK, Run, Scratch, finish};

const STORE: &str = "home/data/cloacina/cloacina.db";

/// The program where the environment names no store.
fn unnamed(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = scratch.command(arguments);
    command.env_remove("CLOACINA_DATABASE_URL");
    command
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Run {
    let run = finish(&mut unnamed(scratch, arguments), b"");
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    run
}

/// A default store, made by `init`.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("home")).unwrap();
    scratch.write("a.so", "a");
    scratch.key_files("dev");
    assert_eq!(run(&scratch, &["init", "acme"]).stderr, "");
    scratch
}

fn notes(scratch: &Scratch, stderr: &str) -> usize {
    let store = scratch.path(STORE).display().to_string();
    let note = format!("note: this command uses the default store, sqlite:{store}: ");
    stderr.lines().filter(|line| line.starts_with(&note)).count()
}

#[test]
fn a_change_to_a_store_that_nobody_named_names_it_once() {
    let scratch = scratch();
    for change in [
        &["orgs", "create", "vendor"][..],
        &["orgs", "grant-trust", "--from", "acme", "--to", "vendor"],
        &["keys", "generate", "--org", "acme", "--name", "night"],
        &["keys", "trust", "--org", "acme", "--import", "dev.pub.pem", "--name", "dev"],
        &["keys", "revoke", "acme/night"],
        &["package", "floor", "set", "1.0.0", "--org", "acme", "--name", "b.so"],
        &["trust", "init", "--org", "acme", "--root-key", "dev.pem", "--yes"],
        &["db", "migrate"],
    ] {
        let changed = run(&scratch, change);
        assert_eq!(notes(&scratch, &changed.stderr), 1, "{change:?}: {}", changed.stderr);
        assert_eq!(changed.stderr.lines().count(), 1, "{change:?}: {}", changed.stderr);
    }
}

#[test]
fn who_has_named_the_store_or_wants_to_hear_nothing_is_told_nothing() {
    let scratch = scratch();
    let set = ["package", "floor", "set", "1.0.0", "--org", "acme", "--name", "b.so"];
    assert_eq!(notes(&scratch, &run(&scratch, &set).stderr), 1);
    assert_eq!(run(&scratch, &[&set[..], &["--quiet"]].concat()).stderr, "");
    assert_eq!(run(&scratch, &[&set[..], &["--dry-run"]].concat()).stderr, "");
    let store = scratch.path(STORE).display().to_string();
    let named = [&set[..], &["--database-url", &store]].concat();
    assert_eq!(run(&scratch, &named).stderr, "");
    let mut by_environment = unnamed(&scratch, &set);
    let by_environment = finish(by_environment.env("CLOACINA_DATABASE_URL", &store), b"");
    assert_eq!((by_environment.code, &*by_environment.stderr), (0, ""));
}

/// A command that is shown would else go to the default store.
#[test]
fn commands_that_are_shown_are_completed_by_where_this_command_line_says_the_store_is() {
    let scratch = scratch();
    scratch.write("kek", KEK);
    let elsewhere = scratch.path("elsewhere.db").display().to_string();
    let list = ["orgs", "list"];
    let named = [&list[..], &["--database-url", &elsewhere, "--kek-file", "kek"]].concat();
    let run = finish(&mut unnamed(&scratch, &named), b"");
    assert_eq!(run.code, 2, "{}", run.stderr);
    let places = format!("--database-url {elsewhere} --kek-file kek\n");
    let note = format!("note: give the commands above this store too: {places}");
    assert!(run.stderr.contains(": cloacina init"), "{}", run.stderr);
    assert!(run.stderr.ends_with(&note), "{}", run.stderr);

    let mut by_environment = unnamed(&scratch, &list);
    let run = finish(by_environment.env("CLOACINA_DATABASE_URL", &elsewhere), b"");
    assert!(run.stderr.contains(": cloacina init"), "{}", run.stderr);
    assert!(!run.stderr.contains("note: "), "{}", run.stderr);
}

#[test]
fn a_key_encryption_key_that_is_not_the_stores_is_not_advised_again() {
    let scratch = scratch();
    scratch.write("wrong", "f0".repeat(32));
    let elsewhere = scratch.path(STORE).display().to_string();
    let doctor = ["doctor", "--database-url", &elsewhere, "--kek-file"];
    for file in ["wrong", "gone"] {
        let run = finish(&mut unnamed(&scratch, &[&doctor[..], &[file]].concat()), b"");
        assert_eq!(run.code, 1, "{}", run.stdout);
        let note = format!("above this store too: --database-url {elsewhere}\n");
        assert!(run.stderr.ends_with(&note), "{}", run.stderr);
    }
}

#[test]
fn reading_signing_and_verifying_are_free_of_notes() {
    let scratch = scratch();
    for command in [
        &["sign", "a.so"][..],
        &["sign", "a.so", "--store"],
        &["verify", "a.so"],
        &["init", "acme"],
        &["orgs", "list"],
        &["keys", "list", "--org", "acme"],
        &["db", "status"],
        &["audit", "verify"],
    ] {
        assert_eq!(run(&scratch, command).stderr, "", "{command:?}");
    }
}
