//! Another file under the store's name.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::{Target, UNSAFE, VERIFY, chmod, chown, succeed};
use crate::support::{NOBODY, Run, as_nobody};

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn store_that_another_user_moved_away_and_replaced_is_not_used() {
    let target = Target::new();
    let genuine = fs::read(target.store()).unwrap();
    chmod(&target.directory(), 0o777);
    let mut rename = Command::new("mv");
    rename.arg(target.store()).arg(target.victim.path("away"));
    succeed(&mut as_nobody(&rename));
    target.plant("store.db", &target.attacker.read("store.db"));
    target.assert_refused();
    target.close_directory();
    target.assert_refused();
    assert_eq!(target.victim.read("away"), genuine);

    fs::rename(target.victim.path("away"), target.store()).unwrap();
    target.verify().assert_failed(1, "UntrustedSigner");
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn directory_that_another_user_may_replace_is_not_used() {
    let target = Target::new();
    let inner = target.victim.path("inner");
    fs::create_dir(&inner).unwrap();
    chmod(&inner, 0o700);
    fs::rename(target.store(), inner.join("store.db")).unwrap();
    let url = inner.join("store.db").display().to_string();
    verify(&target, &url).assert_failed(1, "UntrustedSigner");
    // Those who may write the directory above may rename this one, unless that one is
    // sticky and neither of the two is theirs.
    chmod(&target.directory(), 0o777);
    verify(&target, &url).assert_failed(2, UNSAFE);
    chmod(&target.directory(), 0o1777);
    verify(&target, &url).assert_failed(1, "UntrustedSigner");
    chown(&target.directory(), NOBODY);
    verify(&target, &url).assert_failed(2, UNSAFE);
}

#[test]
fn link_in_the_place_of_the_store_is_not_followed() {
    let target = Target::new();
    let genuine = target.victim.path("genuine.db");
    fs::rename(target.store(), &genuine).unwrap();
    symlink(target.attacker.path("store.db"), target.store()).unwrap();
    target.assert_refused();
    fs::remove_file(target.store()).unwrap();
    // An older store of the same owner, which was linked to while others could.
    fs::hard_link(&genuine, target.store()).unwrap();
    target.assert_refused();
    fs::remove_file(&genuine).unwrap();
    target.verify().assert_failed(1, "UntrustedSigner");
}

#[test]
fn store_that_others_may_write_is_not_used() {
    let target = Target::new();
    for mode in [0o666, 0o660, 0o606, 0o622] {
        chmod(&target.store(), mode);
        target.assert_refused();
    }
    for mode in [0o644, 0o640, 0o600] {
        chmod(&target.store(), mode);
        target.verify().assert_failed(1, "UntrustedSigner");
    }
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn store_of_another_user_is_used_only_if_the_url_names_them() {
    let target = Target::new();
    chmod(&target.store(), 0o644);
    chmod(&target.directory(), 0o755);
    chown(&target.store(), NOBODY);
    target.assert_refused();
    chown(&target.directory(), NOBODY);
    target.assert_refused();
    let owned_by = |owner: &str| format!("sqlite:{}?owner={owner}", target.store().display());
    for owner in ["nobody", "65534"] {
        verify(&target, &owned_by(owner)).assert_failed(1, "UntrustedSigner");
    }
    for owner in ["root", "1"] {
        verify(&target, &owned_by(owner)).assert_failed(2, UNSAFE);
    }
    for no_user in ["no-such-user", ""] {
        verify(&target, &owned_by(no_user)).assert_failed(2, "InvalidDatabaseUrl");
    }
}

fn verify(target: &Target, url: &str) -> Run {
    target.victim.run(&[&VERIFY[..], &["--database-url", url]].concat())
}
