//! Putting a verified package where a runner finds it. The library's own tests kill an
//! installation after each of its steps, and race two.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::support::{NOBODY, Scratch, as_nobody, as_root, finish, text};

const INSTALL: [&str; 7] =
    ["package", "install", "a.so", "--to", "packages", "--trust-key", "dev.pub.pem"];
const VERIFY: [&str; 6] =
    ["package", "verify", "--installed", "packages", "--trust-key", "dev.pub.pem"];

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

/// Two packages, of which one was installed in two versions, and the arguments that verify all.
fn installed() -> (Scratch, [&'static str; 6]) {
    let scratch = scratch();
    scratch.json(&INSTALL);
    sign(&scratch, "1.1.0");
    scratch.json(&INSTALL);
    scratch.signed_package("b.so", "dev.pem");
    scratch.json(&[&["package", "install", "b.so"], &INSTALL[3..]].concat());
    (scratch, VERIFY)
}

#[test]
fn a_directory_of_installed_packages_verifies_by_what_its_links_lead_to() {
    let (scratch, verify) = installed();
    let verdicts = scratch.json(&verify);
    let paths: Vec<_> =
        verdicts.as_array().unwrap().iter().map(|verdict| text(&verdict["path"])).collect();
    assert_eq!(paths, ["packages/a.so/a.so", "packages/b.so/b.so"]);
    let run = scratch.run(&verify);
    let note = "left out 1 release in packages: no link leads there";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    // What a killed program left is not loaded either.
    symlink("releases/unfinished", scratch.path("packages/releases/.link")).unwrap();
    fs::create_dir(scratch.path("packages/releases/.new")).unwrap();
    scratch.json(&verify);
}

#[test]
fn what_is_not_as_it_was_installed_is_refused_with_its_directory() {
    type Change = fn(&Scratch);
    let changes: [(&str, &str, Change); 7] = [
        ("packages/a.so/a.so", "TamperedPackage", |scratch| {
            scratch.write("packages/a.so/a.so", "version 6.6.6");
        }),
        ("packages/c.so", "SignatureNotFound", |scratch| scratch.write("packages/c.so", "c")),
        ("packages/a.so/c.so", "SignatureNotFound", |scratch| {
            scratch.write("packages/a.so/c.so", "c");
        }),
        ("packages/a.so/more/c.so", "SignatureNotFound", |scratch| {
            fs::create_dir(scratch.path("packages/a.so/more")).unwrap();
            scratch.write("packages/a.so/more/c.so", "c");
        }),
        ("packages/releases/c.so", "SignatureNotFound", |scratch| {
            scratch.write("packages/releases/c.so", "c");
        }),
        ("packages/c.so", "NotARegularFile", |scratch| {
            fs::create_dir(scratch.path("elsewhere")).unwrap();
            symlink("../elsewhere", scratch.path("packages/c.so")).unwrap();
        }),
        ("packages/c.so/c.so", "UnreadableFile", |scratch| {
            let release = fs::read_link(scratch.path("packages/a.so")).unwrap();
            symlink(release, scratch.path("packages/c.so")).unwrap();
        }),
    ];
    for (path, code, change) in changes {
        let (scratch, verify) = installed();
        scratch.json(&verify);
        change(&scratch);
        let run = scratch.run(&[&verify[..], &["--json"]].concat());
        assert_ne!(run.code, 0, "{path}");
        let verdicts = run.document()["result"].clone();
        let mut verdicts = verdicts.as_array().unwrap().iter();
        let verdict = verdicts.find(|verdict| verdict["path"] == path).unwrap();
        assert_eq!(verdict["code"], code, "{path}: {verdict}");
    }
}

#[test]
fn what_is_no_directory_of_installed_packages_is_not_taken_for_one() {
    type Change = fn(&Scratch);
    let changes: [Change; 3] = [
        |scratch| scratch.write("packages/.lock", "c"),
        |scratch| {
            fs::rename(scratch.path("packages/releases"), scratch.path("others")).unwrap();
            symlink("../others", scratch.path("packages/releases")).unwrap();
        },
        |scratch| fs::rename(scratch.path("packages"), scratch.path("moved")).unwrap(),
    ];
    for change in changes {
        let (scratch, verify) = installed();
        scratch.json(&verify);
        change(&scratch);
        scratch.fails(2, "NothingInstalled", &verify);
    }
}

/// Somebody who fills a directory can make it look like one that packages were installed in.
#[test]
fn nothing_is_left_out_of_a_directory_that_only_looks_installed() {
    let verify = ["package", "verify", "packages", "--trust-key", "dev.pub.pem"];
    for hidden in [".new", ".old", &format!("c.so-1.0.0-{}", "ab".repeat(16))] {
        let scratch = Scratch::new();
        scratch.key_files("dev");
        fs::create_dir_all(scratch.path("packages/releases").join(hidden)).unwrap();
        scratch.signed_package("packages/a.so", "dev.pem");
        scratch.json(&verify);
        let planted = format!("packages/releases/{hidden}/c.so");
        scratch.write(&planted, "c");
        let run = scratch.fails(1, "SignatureNotFound", &verify);
        assert!(run.stderr.contains(&planted), "{}", run.stderr);
        scratch.write("packages/.lock", "");
        let run = scratch.run(&verify);
        assert_ne!(run.code, 0);
        assert!(run.stderr.contains(&planted), "{}", run.stderr);
        assert!(run.stderr.contains("add --installed"), "{}", run.stderr);
    }
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
fn a_name_that_the_directory_needs_is_refused_before_anything_is_made() {
    let scratch = scratch();
    for name in ["releases", ".lock"] {
        scratch.write("b.so", name);
        let named = ["--name", name];
        let sign = ["package", "sign", "b.so", "--key", "dev.pem", "--force"];
        scratch.json(&[&sign[..], &named].concat());
        let mut install = INSTALL;
        install[2] = "b.so";
        let install = [&install[..], &named].concat();
        scratch.fails(2, "ReservedPackageName", &install);
        assert!(!scratch.exists("packages"));
        scratch.json(&INSTALL);
        let refused = scratch.fails(2, "ReservedPackageName", &install);
        assert!(!refused.stderr.contains("mv "), "{}", refused.stderr);
        assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.0.0");
        fs::remove_dir_all(scratch.path("packages")).unwrap();
    }
}

#[test]
fn an_older_version_is_installed_only_if_it_is_asked_for() {
    let scratch = scratch();
    sign(&scratch, "2.0.0");
    scratch.json(&INSTALL);
    sign(&scratch, "1.9.0");
    let refused = scratch.fails(1, "VersionDowngrade", &INSTALL);
    assert!(refused.stderr.contains("--danger-allow-downgrade"), "{}", refused.stderr);
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 2.0.0");
    scratch.json(&[&INSTALL[..], &["--danger-allow-downgrade"]].concat());
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.9.0");
}

#[test]
fn only_the_newest_old_releases_stay_if_that_is_asked_for() {
    let scratch = scratch();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        sign(&scratch, version);
        assert_eq!(scratch.json(&INSTALL)["removed"], serde_json::json!([]));
    }
    let releases = || {
        let entries = fs::read_dir(scratch.path("packages/releases")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.iter().map(|name| name.split('-').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(releases(), ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    for zero in ["0", "-1", "x"] {
        scratch.fails(2, "Usage", &[&INSTALL[..], &["--keep", zero]].concat());
    }
    sign(&scratch, "1.4.0");
    let run = scratch.run(&[&INSTALL[..], &["--keep", "2"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.matches("\n  removed    packages/releases/a.so-1.").count(), 2);
    assert_eq!(releases(), ["1.2.0", "1.3.0", "1.4.0"]);
    assert_eq!(scratch.read("packages/a.so/a.so"), b"version 1.4.0");
}

#[test]
fn an_installed_release_is_not_signed_again_by_whatever_path() {
    let scratch = scratch();
    scratch.key_files("second");
    let release = text(&scratch.json(&INSTALL)["release"]);
    let before = scratch.read("packages/a.so/a.so.sig");
    let by_name = format!("{release}/a.so");
    for package in ["packages/a.so/a.so", &by_name] {
        let sign = ["package", "sign", package, "--key", "second.pem"];
        let cosign = ["package", "cosign", package, "--key", "second.pem", "--yes"];
        let cosign = [&cosign[..], &["--trust-key", "dev.pub.pem"]].concat();
        for command in [&sign[..], &[&sign[..], &["--force"]].concat(), &cosign] {
            let refused = scratch.fails(2, "InstalledRelease", command);
            assert!(refused.stderr.contains("cloacina package install"), "{}", refused.stderr);
        }
    }
    let output = ["package", "sign", "a.so", "--key", "second.pem", "--force", "--output"];
    let output = [&output[..], &["packages/a.so/a.so.sig"]].concat();
    scratch.fails(2, "InstalledRelease", &output);
    assert_eq!(scratch.read("packages/a.so/a.so.sig"), before);
    // To sign what was installed for elsewhere changes nothing in its place.
    let elsewhere = ["package", "sign", "packages/a.so/a.so", "--key", "second.pem", "--output"];
    scratch.json(&[&elsewhere[..], &["elsewhere.sig"]].concat());
    assert_eq!(scratch.read("packages/a.so/a.so.sig"), before);
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn a_directory_of_another_user_is_refused() {
    let scratch = scratch();
    let succeed = |command: &Command| {
        let run = finish(&mut as_root(command), b"");
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    let give = |user: u32, path: &str| {
        succeed(scratch.tool("chown").args(["-R", &user.to_string(), path]));
    };
    for path in ["roots", "theirs"] {
        fs::create_dir(scratch.path(path)).unwrap();
        fs::set_permissions(scratch.path(path), Permissions::from_mode(0o755)).unwrap();
    }
    for (path, mode) in [("", 0o755), ("a.so", 0o644), ("a.so.sig", 0o644), ("dev.pub.pem", 0o644)]
    {
        fs::set_permissions(scratch.path(path), Permissions::from_mode(mode)).unwrap();
    }
    give(0, ".");
    give(NOBODY, "theirs");
    let install = |to: &str| {
        let mut command = scratch.command(&[&INSTALL[..4], &[to], &INSTALL[5..]].concat());
        command.arg("--json");
        command
    };
    finish(&mut as_nobody(&install("roots")), b"").assert_failed(2, "UnwritableFile");
    let refused = finish(&mut as_root(&install("theirs")), b"");
    refused.assert_failed(2, "UnsafeDirectory");
    assert!(refused.stderr.contains(&NOBODY.to_string()), "{}", refused.stderr);
    // Each may install in a directory of its own.
    for (mut installs, place) in
        [(as_nobody(&install("theirs")), "theirs"), (as_root(&install("roots")), "roots")]
    {
        assert_eq!(finish(&mut installs, b"").code, 0, "{place}");
        assert!(scratch.exists(&format!("{place}/a.so/a.so")));
    }
    // Releases that another user could replace are no place either.
    give(NOBODY, "roots/releases");
    finish(&mut as_root(&install("roots")), b"").assert_failed(2, "UnsafeDirectory");
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

    // What others share, as /tmp, stays as it is.
    fs::create_dir(scratch.path("shared")).unwrap();
    fs::set_permissions(scratch.path("shared"), Permissions::from_mode(0o1777)).unwrap();
    let shared = [&INSTALL[..4], &["shared"], &INSTALL[5..]].concat();
    let refused = scratch.fails(2, "UnsafeDirectory", &shared);
    assert!(!text(&refused.document()["error"]["next"]).contains("chmod"), "{}", refused.stderr);

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
