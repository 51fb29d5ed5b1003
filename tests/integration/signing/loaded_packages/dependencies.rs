//! Packages that link against other packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use signing_loader::{FollowedPackage, GateError, LoadError, PackageError};
use signing_trust::store::{Revocation, SigningKeyRecord};

use super::host::{Host, is_open, refusal};
use crate::support::{SOON, World, on_both_backends, until};

on_both_backends! {
    package_that_needs_a_revoked_package_is_not_called,
    package_that_needs_one_which_another_key_has_signed_too_is_called,
}

/// What `cc` makes of `source`, signed by this key.
async fn compile(
    world: &World,
    key: &SigningKeyRecord,
    name: &str,
    source: &str,
    options: &[&str],
) -> PathBuf {
    world.file("source.c", source.as_bytes());
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "source.c", "-o", name])
        .args(options)
        .current_dir(&world.database.directory)
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    let path = world.path(name);
    sign(world, key, &path).await;
    path
}

async fn sign(world: &World, key: &SigningKeyRecord, path: &std::path::Path) {
    let signature = world.sign(path, key).await;
    let beside = format!("{}.sig", path.display());
    fs::write(beside, signature.to_json()).unwrap();
}

/// A package by `key`, and one by the vendor that needs it, by a SONAME that no other test has.
async fn load(
    world: &World,
    host: &Host,
    key: &SigningKeyRecord,
    soname: &str,
) -> [FollowedPackage; 2] {
    let file = format!("{soname}.so");
    let provides =
        format!("int help(void) {{ return 1; }}\nchar name[] = \"{}\";\n", host.vendor.org);
    let option = format!("-Wl,-soname,{file}");
    let provider = compile(world, key, &file, &provides, &[&option]).await;
    let provider = host.loaded.load(provider).await.unwrap();
    let needs = "int help(void);\nint run(void) { return help(); }\n";
    let option = format!("-l:{file}");
    let needs = compile(world, &host.vendor.key, "libneeds.so", needs, &["-L.", &option]).await;
    [provider, host.loaded.load(needs).await.unwrap()]
}

async fn package_that_needs_a_revoked_package_is_not_called(world: World) {
    let host = Host::gate(&world).await;
    let other = world.key(host.vendor.org, "other").await;
    let trusted = world.trust(host.vendor.org, &other).await;
    let soname = format!("libhelp-{}", host.vendor.org);
    let [provider, needs] = load(&world, &host, &other, &soname).await;
    let unrelated = host.load(&world, "libunrelated.so").await;

    world.keys.revoke_trusted_key(trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gates close", async || !is_open(&provider) && !is_open(&needs)).await;
    let GateError::NoLongerTrusted { source } = refusal(&needs) else { panic!() };
    assert!(matches!(&*source, PackageError::Load(LoadError::Dependency { .. })), "{source:?}");
    assert!(is_open(&unrelated));

    world.keys.reinstate_trusted_key(trusted.id, &"a mistake".parse().unwrap()).await.unwrap();
    until(SOON, "the gates open", async || is_open(&provider) && is_open(&needs)).await;
}

async fn package_that_needs_one_which_another_key_has_signed_too_is_called(world: World) {
    let host = Host::gate(&world).await;
    let [first, second] = [world.key(host.vendor.org, "first").await, {
        let second = world.key(host.vendor.org, "second").await;
        world.trust(host.vendor.org, &second).await;
        second
    }];
    let trusted = world.trust(host.vendor.org, &first).await;
    let soname = format!("libhelp-{}", host.vendor.org);
    let [provider, needs] = load(&world, &host, &first, &soname).await;
    // Loaded again, by another signature.
    let path = world.path(&format!("{soname}.so"));
    sign(&world, &second, &path).await;
    let again = host.loaded.load(path).await.unwrap();

    world.keys.revoke_trusted_key(trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&provider)).await;
    for _ in 0..1000 {
        assert!(is_open(&needs) && is_open(&again));
    }
}
