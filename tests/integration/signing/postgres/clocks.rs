//! A runner whose clock is wrong, beside a server whose clock is right.

use std::env;
use std::fs;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use signing_loader::{PackageError, SignatureSource, VerificationError, package_statement};
use tempfile::TempDir;

use crate::support::{Backend, World, assert_refused, run};

/// Set in a process whose clock is behind.
const BEHIND: &str = "CLOACINA_TEST_CLOCK_IS_BEHIND";

/// Where a dynamically linked program asks for the time: an hour less than it is.
const SHIM: &str = r"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME) {
        time->tv_sec -= 3600;
    }
    return failed;
}
";

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signature_expires_by_the_servers_clock_where_that_is_later() {
    let name = "postgres::clocks::signature_expires_by_the_servers_clock_where_that_is_later";
    if env::var_os(BEHIND).is_some() {
        return run(Backend::Postgres, expired_by_the_later_clock);
    }
    let directory = TempDir::new().unwrap();
    let [source, library] = ["clock.c", "clock.so"].map(|name| directory.path().join(name));
    fs::write(&source, SHIM).unwrap();
    let cc = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output();
    let cc = cc.unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(cc.status.success(), "cc: {}", String::from_utf8_lossy(&cc.stderr));

    let child = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--include-ignored", "--nocapture"])
        .env(BEHIND, "1")
        .env("LD_PRELOAD", &library)
        .output()
        .unwrap();
    let [out, err] = [&child.stdout, &child.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    // A filter that finds nothing is a success to libtest.
    assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

async fn expired_by_the_later_clock(world: World) {
    let vendor = world.vendor("acme").await;
    let verify_what_expires_in = async |minutes: i64| {
        let expiry = Utc::now() + TimeDelta::minutes(minutes);
        let statement = package_statement(&vendor.package).unwrap();
        let statement = statement.with_expiry(expiry.try_into().unwrap());
        let signed = world.keys.sign_statement(vendor.key.id, &statement).await.unwrap();
        let source = SignatureSource::Memory(signed);
        world.verify(&vendor.package, vendor.org, source).await.map(drop)
    };

    verify_what_expires_in(90).await.unwrap();
    assert_refused!(
        verify_what_expires_in(30).await,
        PackageError::Verification(VerificationError::Expired { expired_at, now })
            if expired_at > Utc::now() && now > expired_at
    );
}
