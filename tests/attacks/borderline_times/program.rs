//! Times at the edge of what counts.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};

use crate::support::Scratch;

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
