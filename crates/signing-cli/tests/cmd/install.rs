//! Putting a verified package where a runner finds it. The library's own tests kill an
//! installation after each of its steps, and race two.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Scratch, text};

const INSTALL: [&str; 7] =
    ["package", "install", "a.so", "--to", "packages", "--trust-key", "dev.pub.pem"];

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    sign(&scratch, "1.0.0");
    scratch
}

fn sign(scratch: &Scratch, version: &str) {
    scratch.write("a.so", format!("version {version}"));
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--force"];
    scratch.json(&[&sign[..], &["--package-version", version]].concat());
}

#[test]
fn a_package_is_installed_with_its_signature_and_verifies_there() {
    let scratch = scratch();
    let installed = scratch.json(&INSTALL);
    assert_eq!(installed["outcome"], "installed");
    assert_eq!(installed["package"], "packages/a.so/a.so");
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.0.0");
    let verify = |path| ["package", "verify", path, "--trust-key", "dev.pub.pem"];
    scratch.json(&verify("packages/a.so/a.so"));

    let again = scratch.json(&INSTALL);
    assert_eq!((&again["outcome"], &again["before"]), (&"already_installed".into(), &().into()));
    sign(&scratch, "1.1.0");
    assert_eq!(scratch.json(&INSTALL)["before"], installed["release"]);
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.1.0");
    let run = scratch.run(&INSTALL);
    assert!(run.stdout.starts_with("already installed a.so 1.1.0\n"), "{}", run.stdout);
}

#[test]
fn what_does_not_verify_is_not_installed() {
    let scratch = scratch();
    scratch.write("a.so", "other bytes!!");
    scratch.fails(1, "TamperedPackage", &INSTALL);
    assert!(!scratch.exists("packages"));
    sign(&scratch, "1.0.0");
    scratch.key_files("other");
    let other = [&INSTALL[..6], &["other.pub.pem"]].concat();
    scratch.fails(1, "UntrustedSigner", &other);
    let two = [&INSTALL[..], &["--required-signers", "2"]].concat();
    scratch.fails(1, "NotEnoughSigners", &two);
    assert!(!scratch.exists("packages"));
    scratch.json(&INSTALL);
}

#[test]
fn an_older_version_is_installed_only_if_it_is_asked_for() {
    let scratch = scratch();
    sign(&scratch, "2.0.0");
    scratch.json(&INSTALL);
    sign(&scratch, "1.9.0");
    let refused = scratch.fails(1, "VersionDowngrade", &INSTALL);
    assert!(refused.stderr.contains("--allow-downgrade"), "{}", refused.stderr);
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 2.0.0");
    scratch.json(&[&INSTALL[..], &["--allow-downgrade"]].concat());
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.9.0");
}

#[test]
fn a_place_that_others_can_change_is_refused_and_the_printed_command_mends_it() {
    let scratch = scratch();
    fs::create_dir(scratch.path("packages")).unwrap();
    fs::set_permissions(scratch.path("packages"), Permissions::from_mode(0o775)).unwrap();
    let refused = scratch.fails(2, "UnsafeDirectory", &INSTALL);
    let next = text(&refused.document()["error"]["next"]);
    let command = next.split("then: ").nth(1).unwrap();
    assert!(scratch.tool("sh").args(["-c", command]).status().unwrap().success(), "{next}");
    scratch.json(&INSTALL);

    symlink("packages", scratch.path("link")).unwrap();
    scratch.fails(2, "UnsafeDirectory", &[&INSTALL[..4], &["link"], &INSTALL[5..]].concat());
}

#[test]
fn an_organization_s_trust_and_its_stored_signatures_install_a_package() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.stored_key("release", "acme");
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", "release", "--store"]);
    let install = ["package", "install", "a.so", "--to", "packages"];
    let refused = scratch.fails(1, "UntrustedSigner", &install);
    assert!(refused.stderr.contains("own signing key release"), "{}", refused.stderr);
    scratch.json(&["keys", "trust", "--key-id", "release"]);
    scratch.json(&install);
    // A runner needs no store to find the signature.
    assert!(scratch.exists("packages/a.so/a.so.sig"));
    scratch.json(&["package", "verify", "packages/a.so/a.so"]);
}
