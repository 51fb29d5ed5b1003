use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{NOBODY, Run, Scratch, as_nobody, as_root, succeed};

const PLACE: &str = "place";

const SIGNER: &str = r#"#!/bin/sh
case $1 in
public-key) exec cat evil.pub.pem ;;
sign) cat >message && exec openssl pkeyutl -sign -rawin -inkey evil.pem -in message ;;
esac
"#;

/// What reads a file in [`PLACE`].
const COMMANDS: [&[&str]; 5] = [
    &["package", "verify", "evil.so", "--trust-key", "place/evil.pub.pem"],
    &["keys", "trust", "--org", "acme", "--name", "evil", "--import", "place/evil.pub.pem"],
    &["package", "sign", "a.so", "--force", "--key", "place/evil.pem"],
    &["package", "sign", "a.so", "--force", "--key", "exec:place/signer"],
    &["trust", "verify", "bundle.json", "--trust-root", "place/root.json"],
];

/// Files of the victim, which no other user can change.
fn victim() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("evil");
    scratch.signed_package("evil.so", "evil.pem");
    scratch.write("a.so", "a");
    scratch.write("signer", SIGNER);
    chmod(&scratch.path("signer"), 0o755);
    let init = ["trust", "init", "--org", "acme", "--root-key", "evil.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    let export = ["trust", "export", "--org", "acme", "--trust-root", "root.json"];
    scratch.json(&[&export[..], &["--output", "bundle.json"]].concat());
    fs::create_dir(scratch.path(PLACE)).unwrap();
    // The other user can go there.
    chmod(&scratch.path(""), 0o755);
    scratch
}

/// Links in [`PLACE`] to these files, with the right owner and mode, that this makes.
fn link(scratch: &Scratch, make: impl Fn(&Path, &Path)) {
    for name in ["evil.pub.pem", "evil.pem", "signer", "root.json"] {
        make(&scratch.path(name), &scratch.path(PLACE).join(name));
    }
}

fn link_of_nobody(target: &Path, link: &Path) {
    let mut made = Command::new("ln");
    succeed(&mut as_nobody(made.arg("-s").arg(target).arg(link)));
}

fn run(scratch: &Scratch) -> impl Iterator<Item = Run> + '_ {
    COMMANDS.iter().map(|arguments| scratch.run(&[arguments, &["--json"][..]].concat()))
}

#[track_caller]
fn assert_refused(scratch: &Scratch) {
    run(scratch).for_each(|run| run.assert_failed(2, "UnsafeDirectory"));
    assert!(!scratch.exists("a.so.sig") && !scratch.exists("message"));
}

#[track_caller]
fn assert_accepted(scratch: &Scratch) {
    run(scratch).for_each(|run| assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr));
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn file_in_the_directory_of_another_user_is_not_read() {
    let scratch = victim();
    chown(&scratch.path(PLACE), NOBODY);
    link(&scratch, link_of_nobody);
    assert_refused(&scratch);
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn link_of_another_user_in_a_sticky_directory_is_not_followed() {
    let scratch = victim();
    chmod(&scratch.path(PLACE), 0o1777);
    link(&scratch, link_of_nobody);
    assert_refused(&scratch);
}

#[test]
fn file_in_a_directory_that_others_may_write_is_not_read() {
    let scratch = victim();
    link(&scratch, |target, link| symlink(target, link).unwrap());
    chmod(&scratch.path(PLACE), 0o777);
    assert_refused(&scratch);
    // Nobody else can rename these links.
    chmod(&scratch.path(PLACE), 0o1777);
    assert_accepted(&scratch);
}

/// What is no file when it is looked at is one when it is started, if others can exchange the two.
#[test]
fn pipe_that_others_can_replace_by_a_program_is_not_started() {
    let scratch = victim();
    let pipe = scratch.path(PLACE).join("signer");
    succeed(Command::new("mkfifo").args(["-m", "755"]).arg(&pipe));
    let signs = || scratch.run(&[COMMANDS[3], &["--json"]].concat());
    chmod(&scratch.path(PLACE), 0o777);
    signs().assert_failed(2, "UnsafeDirectory");
    chmod(&scratch.path(PLACE), 0o700);
    fs::remove_file(&pipe).unwrap();
    symlink(scratch.path("signer"), &pipe).unwrap();
    assert_eq!(signs().code, 0);
}

#[test]
fn link_in_a_directory_of_the_victim_is_followed() {
    let scratch = victim();
    link(&scratch, |target, link| symlink(target, link).unwrap());
    assert_accepted(&scratch);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn chown(path: &Path, user: u32) {
    let mut chown = Command::new("chown");
    succeed(&mut as_root(chown.arg(user.to_string()).arg(path)));
}
