//! Packages that are loaded while trust in them ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use docs_tests::Programs;
use signing_loader::{FollowError, GateError, PackageError};
use signing_trust::store::Revocation;
use tokio::task::spawn_blocking;

use super::host::{Host, is_open, sign_beside};
use crate::support::{SOON, Vendor, World, on_both_backends, until};

on_both_backends! {
    no_package_that_is_loaded_during_a_revocation_stays_open,
    package_whose_trust_ends_while_its_constructors_run_is_not_called,
    package_whose_trust_stays_while_its_constructors_run_is_called,
}

static PROGRAMS: LazyLock<Programs> =
    LazyLock::new(|| Programs::build().unwrap_or_else(|error| panic!("{error}")));

async fn no_package_that_is_loaded_during_a_revocation_stays_open(world: World) {
    const PACKAGES: usize = 16;

    let host = Host::gate(&world).await;
    let other = world.key(host.vendor.org, "other").await;
    world.trust(host.vendor.org, &other).await;
    let kept = host.load_signed_by(&world, "libkept.so", &other).await;
    let mut paths = Vec::new();
    for number in 0..PACKAGES {
        paths.push(sign_beside(&world, &format!("lib{number}.so"), &host.vendor.key).await);
    }
    let loads: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let loaded = host.loaded.clone();
            tokio::spawn(async move { loaded.load(path).await })
        })
        .collect();
    world.keys.revoke_trusted_key(host.vendor.trusted.id, Revocation::retired()).await.unwrap();
    for load in loads {
        match load.await.unwrap() {
            // Decided about before the revocation.
            Ok(_) => {}
            Err(FollowError::Package(PackageError::Verification(_))) => {}
            Err(FollowError::Gate(GateError::NoLongerTrusted { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let closed = async || {
        let packages = host.loaded.packages();
        packages.iter().filter(|package| is_open(package)).count() == 1
    };
    until(SOON, "all gates but one close", closed).await;
    assert!(is_open(&kept));
}

/// A package whose constructor says that it has begun, and ends when it is told to. If it is not,
/// it ends the process after half a minute.
fn compile(world: &World) -> PathBuf {
    let [begun, goes_on, called] =
        ["begun", "goes-on", "called"].map(|name| world.path(name).display().to_string());
    let source = format!(
        "#include <stddef.h>\n\
         #include <stdint.h>\n\
         #include <stdio.h>\n\
         #include <unistd.h>\n\
         static void make(const char *path) {{ fclose(fopen(path, \"w\")); }}\n\
         __attribute__((constructor)) static void start(void) {{\n\
             make({begun:?});\n\
             for (int waited = 0; access({goes_on:?}, F_OK) != 0; waited++) {{\n\
                 if (waited == 20000) _exit(3);\n\
                 usleep(1000);\n\
             }}\n\
         }}\n\
         int32_t workflow_run(const uint8_t *input, size_t size, uint8_t *output, size_t *n) {{\n\
             (void)input, (void)size, (void)output; *n = 0; make({called:?}); return 0;\n\
         }}\n"
    );
    world.file("slow.c", source.as_bytes());
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "slow.c", "-o", "libslow.so"])
        .current_dir(&world.database.directory)
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    world.path("libslow.so")
}

/// Changes trust after a runner has verified a package and before it follows trust in it: how
/// the runner ends.
async fn while_constructors_run(world: &World, org: &str, change: impl AsyncFnOnce()) -> i32 {
    let mut runner = Command::new(PROGRAMS.runner());
    runner
        .args(["--require-signatures", "--org", org, "--max-staleness", "60"])
        .arg("--danger-allow-insecure-database")
        .arg(world.path("libslow.so"))
        .env("CLOACINA_DATABASE_URL", world.database.text())
        .stdin(Stdio::null());
    let runner = spawn_blocking(move || runner.output().unwrap());
    until(SOON, "the constructor runs", async || world.path("begun").exists()).await;
    change().await;
    world.file("goes-on", b"");
    let output = runner.await.unwrap();
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

async fn package_whose_trust_ends_while_its_constructors_run_is_not_called(world: World) {
    let vendor = world.vendor("acme").await;
    sign_slow_package(&world, &vendor).await;
    let code = while_constructors_run(&world, "acme", async || {
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    });
    assert_eq!(code.await, 1);
    assert!(!world.path("called").exists());
}

async fn package_whose_trust_stays_while_its_constructors_run_is_called(world: World) {
    let vendor = world.vendor("acme").await;
    let other = world.key(vendor.org, "other").await;
    let other = world.trust(vendor.org, &other).await;
    sign_slow_package(&world, &vendor).await;
    let code = while_constructors_run(&world, "acme", async || {
        world.keys.revoke_trusted_key(other.id, Revocation::retired()).await.unwrap();
    });
    assert_eq!(code.await, 0);
    assert!(world.path("called").exists());
}

/// A package whose constructor ends when there is the file `goes-on`.
pub(super) async fn sign_slow_package(world: &World, vendor: &Vendor) -> PathBuf {
    let path = compile(world);
    let signature = world.sign(&path, &vendor.key).await;
    fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
    path
}
