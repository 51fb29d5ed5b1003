use std::pin::pin;
use std::process::Command;
use std::sync::LazyLock;
use std::task::{Context, Waker};
use std::thread;
use std::time::Instant;

use signing_crypto::{OrgId, PackageVersion, SigningKey};
use signing_trust::UntrustedReason;
use signing_trust::acceptance::VerificationError;

use super::*;
use crate::sign::package_statement;
use crate::source::SignatureSource;
use crate::verifier::Verifier;

/// A package that was verified and loaded, and says `version`.
fn loaded(version: &str) -> (LoadedPackage, VerificationReport) {
    static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.c"), "int run(void) { return 1; }\n").unwrap();
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "a.c", "-o", "a.so"])
            .current_dir(directory.path())
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
        assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(directory.path().join("a.so")).unwrap()
    });
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.so");
    std::fs::write(&path, &*LIBRARY).unwrap();
    let version: PackageVersion = version.parse().unwrap();
    let statement = package_statement(&path).unwrap().with_version(version);
    let envelope = signing_crypto::SignatureEnvelope::sign(&statement, &KEY);
    let verifier = Verifier::pinned(KEY.verifying_key());
    let verified = verifier.signature(SignatureSource::Memory(envelope)).verify(&path).unwrap();
    let report = verified.report().clone();
    (verified.load().unwrap(), report)
}

fn following(enforcement: Enforcement, max_staleness: MaxStaleness) -> Following {
    Following::new(OrgId::random(), VerificationConfig::default(), max_staleness, enforcement)
}

fn gate(limit: Duration) -> Following {
    following(Enforcement::Gate, MaxStaleness::new(limit).unwrap())
}

fn register(following: &Following, version: &str) -> (FollowedPackage, Duration) {
    let (package, report) = loaded(version);
    let (followed, since) = following.register(package, report, Vec::new());
    (FollowedPackage(followed), since.unwrap())
}

fn trusted(package: &FollowedPackage) -> (Arc<Followed>, Verdict) {
    (package.0.clone(), Ok(package.report().signers().to_vec()))
}

fn refused(package: &FollowedPackage) -> (Arc<Followed>, Verdict) {
    let (fingerprint, reason) = (Some(package.report().signer()), UntrustedReason::Unknown);
    let error = VerificationError::UntrustedSigner { fingerprint, reason };
    (package.0.clone(), Err(error.into()))
}

fn closed_by(package: &FollowedPackage) -> &'static str {
    package.enter().map(drop).unwrap_err().code()
}

fn is_known_since(package: &FollowedPackage, moment: Duration) -> bool {
    let mut known = pin!(package.0.known_since(moment));
    known.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn stale_after(following: &Following) {
    let begun = Instant::now();
    while !following.state().is_stale {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not become stale");
        following.close_if_stale();
        thread::yield_now();
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_package_is_closed_until_it_was_decided_about() {
    let following = gate(LONG);
    let (package, since) = register(&following, "1.0.0");
    assert_eq!(closed_by(&package), "TrustStale");
    assert!(!is_known_since(&package, since));
    following.decided(boot_time(), vec![trusted(&package)]);
    assert!(package.enter().is_ok() && is_known_since(&package, since));
    following.decided(boot_time(), vec![refused(&package)]);
    assert_eq!(closed_by(&package), "UntrustedSigner");
}

/// The answer to a question that was asked before a package was loaded again says nothing about
/// that load.
#[test]
fn a_package_that_is_loaded_again_is_decided_about_again() {
    let following = gate(LONG);
    let (package, _) = register(&following, "1.0.0");
    let asked = boot_time();
    let (again, since) = register(&following, "1.0.0");
    assert!(Arc::ptr_eq(&package.0, &again.0));
    following.decided(asked, vec![trusted(&package)]);
    assert!(!is_known_since(&again, since));
    following.decided(boot_time(), vec![trusted(&package)]);
    assert!(is_known_since(&again, since));

    let (other, _) = register(&following, "2.0.0");
    assert!(!Arc::ptr_eq(&package.0, &other.0));
    assert_eq!(following.packages().len(), 2);
}

#[test]
fn an_answer_that_was_under_way_for_too_long_opens_nothing() {
    let limit = Duration::from_secs(10);
    let following = gate(limit);
    let (package, _) = register(&following, "1.0.0");
    let late = boot_time().checked_sub(limit).unwrap();
    following.decided(late, vec![trusted(&package)]);
    assert_eq!(closed_by(&package), "TrustStale");
    following.decided(late + limit / 2, vec![trusted(&package)]);
    assert!(package.enter().is_ok());
}

#[test]
fn silence_closes_every_gate_once_the_limit_has_passed_and_an_answer_opens_them() {
    let following = gate(MaxStaleness::MIN);
    let begun = boot_time();
    let [one, other] = ["1.0.0", "2.0.0"].map(|version| register(&following, version).0);
    let asked = boot_time();
    following.decided(asked, vec![trusted(&one), refused(&other)]);
    let left = following.close_if_stale().unwrap();
    assert!(left <= MaxStaleness::MIN);
    stale_after(&following);
    assert!(boot_time() - begun >= MaxStaleness::MIN);
    assert_eq!(closed_by(&one), "TrustStale");
    // What was asked before it was silent opens nothing.
    following.decided(asked, vec![trusted(&one)]);
    assert_eq!(closed_by(&one), "TrustStale");
    following.decided(boot_time(), vec![trusted(&one), refused(&other)]);
    assert!(one.enter().is_ok());
    assert_eq!(closed_by(&other), "UntrustedSigner");
}

#[test]
fn a_package_that_is_loaded_during_silence_is_not_waited_for() {
    let following = gate(MaxStaleness::MIN);
    stale_after(&following);
    let (package, report) = loaded("1.0.0");
    let (package, since) = following.register(package, report, Vec::new());
    assert_eq!(since, None);
    assert_eq!(package.require_usable().unwrap_err().code(), "TrustStale");
}

#[test]
fn nothing_opens_after_the_end() {
    let following = gate(LONG);
    let (package, _) = register(&following, "1.0.0");
    following.decided(boot_time(), vec![trusted(&package)]);
    following.end();
    following.decided(boot_time(), vec![trusted(&package)]);
    assert_eq!(closed_by(&package), "TrustNotFollowed");
    assert!(following.has_ended() && following.close_if_stale().is_none());
    let (package, report) = loaded("2.0.0");
    let (package, since) = following.register(package, report, Vec::new());
    assert_eq!(since, None);
    assert_eq!(package.require_usable().unwrap_err().code(), "TrustNotFollowed");
}

#[test]
fn without_a_gate_every_call_enters() {
    let following = following(Enforcement::Report, MaxStaleness::default());
    let (package, _) = register(&following, "1.0.0");
    assert!(package.enter().is_ok());
    following.decided(boot_time(), vec![refused(&package)]);
    assert!(package.enter().is_ok());
    assert_eq!(package.0.require_usable().unwrap_err().code(), "UntrustedSigner");
    following.end();
    assert!(package.enter().is_ok());
}

#[test]
fn a_gate_that_may_stay_open_is_open_until_it_is_refused() {
    let limit = MaxStaleness::new(MaxStaleness::MIN).unwrap().danger_keep_open_when_stale();
    let following = following(Enforcement::Gate, limit);
    let [kept, closed] = ["1.0.0", "2.0.0"].map(|version| register(&following, version).0);
    assert!(kept.enter().is_ok());
    following.decided(boot_time(), vec![trusted(&kept), refused(&closed)]);
    stale_after(&following);
    assert!(kept.enter().is_ok());
    assert_eq!(closed_by(&closed), "TrustStale");
    following.end();
    assert_eq!(closed_by(&kept), "TrustNotFollowed");
}
