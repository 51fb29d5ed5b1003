//! Times at the edge of what counts.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};

use crate::support::{Scratch, finish};

#[test]
fn what_verification_refuses_at_once_is_not_signed() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    // Early in a second, so that the same second is there when it is signed.
    let limit = Instant::now() + Duration::from_secs(20);
    while Utc::now().timestamp_subsec_millis() > 100 {
        assert!(Instant::now() < limit);
    }
    let past = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--expires"];
    scratch.fails(2, "ExpiryPast", &[&sign[..], &[&past]].concat());
    assert!(!scratch.exists("a.so.sig"));
    scratch.json(&[&sign[..], &["2999-01-01"]].concat());
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

/// A database keeps it as the second after, which may be in a year that RFC 3339 cannot write.
#[test]
fn a_leap_second_is_not_taken() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--expires"];
    let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem", "--expires"];
    for command in [&sign[..], &trust] {
        scratch.fails(2, "Usage", &[command, &["9999-12-31T23:59:60Z"]].concat());
        scratch.json(&[command, &["9999-12-31T23:59:59Z"]].concat());
    }
}

#[test]
fn a_clock_is_not_allowed_to_be_years_ahead() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"];
    let allowing = |seconds| [&verify[..], &["--clock-skew-allowance", seconds]].concat();
    for seconds in ["301", "86400", "10000000000"] {
        scratch.fails(2, "Usage", &allowing(seconds));
    }
    scratch.json(&allowing("300"));
}

/// Where a dynamically linked program asks for the time: TIME.
const SHIM: &str = r"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME) {
        time->tv_sec = TIME;
    }
    return failed;
}
";

#[test]
fn a_clock_before_1970_is_refused_and_ends_no_program() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let (key, _) = scratch.stored_key("release", "acme");
    build_clock(&scratch, "-86400");
    for arguments in [
        &["package", "verify", "a.so", "--trust-key", "dev.pub.pem"][..],
        &["package", "sign", "a.so", "--key", "dev.pem", "--force"],
        &["keys", "revoke", &key],
    ] {
        let mut command = scratch.command(&[arguments, &["--json"]].concat());
        command.env("LD_PRELOAD", scratch.path("clock.so"));
        finish(&mut command, b"").assert_failed(2, "UnusableClock");
        scratch.json(arguments);
    }
}

/// What a clock that is ahead has issued, every runner would refuse until somebody publishes again.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn documents_are_issued_by_the_stores_clock_where_another_is_days_ahead() {
    let scratch = Scratch::on_postgres(&["acme"]);
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    build_clock(&scratch, "time->tv_sec + 10 * 86400");
    let publish = ["trust", "publish", "--org", "acme", "--key", "root.pem", "--yes", "--json"];
    let mut command = scratch.command(&[&publish[..], &["--trust-root", "root.json"]].concat());
    let documents = || scratch.json(&["trust", "show", "--org", "acme"])["documents"].clone();
    let before = documents();
    let ahead = finish(command.env("LD_PRELOAD", scratch.path("clock.so")), b"");
    assert_eq!(ahead.code, 0, "{}", ahead.stderr);
    assert_ne!(documents(), before);
    scratch.json(&["trust", "status", "--org", "acme", "--trust-root", "root.json"]);
}

/// Builds `clock.so`, by which it is `time`.
fn build_clock(scratch: &Scratch, time: &str) {
    scratch.write("clock.c", SHIM.replace("TIME;", &format!("{time};")));
    let mut cc = scratch.tool("cc");
    let built = finish(cc.args(["-shared", "-fPIC", "-o", "clock.so", "clock.c"]), b"");
    assert_eq!(built.code, 0, "{}", built.stderr);
}
