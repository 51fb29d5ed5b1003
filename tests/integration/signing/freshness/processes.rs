//! Two processes on one store: one changes trust, the other goes on verifying.

mod part;

use std::env;
use std::time::Duration;

use signing_crypto::OrgId;
use signing_trust::TrustLimits;

use crate::support::{Backend, Vendor, World, run};
use part::{Change, Part, Process};

/// How often trust ends, unless this variable says so.
const ROUNDS: usize = 25;
const ROUNDS_VARIABLE: &str = "CLOACINA_TEST_ROUNDS";

mod no_verification_that_starts_after_another_process_has_revoked_passes {
    use super::*;

    #[test]
    fn on_sqlite() {
        play(Backend::Sqlite, concat!(module_path!(), "::on_sqlite"));
    }

    #[test]
    #[ignore = "needs Postgres: cargo xtask test-db"]
    fn on_postgres() {
        play(Backend::Postgres, concat!(module_path!(), "::on_postgres"));
    }
}

/// Runs the test at `path`, or what one of the processes does that it starts.
fn play(backend: Backend, path: &'static str) {
    match Part::of_this_process() {
        Some(part) => part.play(),
        None => run(backend, async |world: World| race(&world, path).await),
    }
}

async fn race(world: &World, path: &str) {
    let rounds = env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |text| text.parse().unwrap());
    let vendor = world.vendor("acme").await;
    let signature = world.file("acme.so.sig", vendor.signature.to_json().as_bytes());
    let mut verifier = Process::start(path, Part::Verifier, world);
    let mut revoker = Process::start(path, Part::Revoker, world);
    let (mut accepted, mut refused, mut overlapped) = (0, 0, 0);

    for round in 0..rounds {
        let (org, change) = prepare(world, &vendor, round).await;
        verifier.tell(&[&org, &vendor.package.display(), &signature.display()]);
        let [] = verifier.hear("accepted");
        revoker.tell(&[&change]);
        let [begun, ended] = revoker.hear("changed");
        let [last_accepted, refusal_begun, refusal_ended, of_accepted, of_refused] =
            verifier.hear("decided");

        // All are readings of one clock, which all processes share.
        assert!(
            last_accepted < ended,
            "round {round}: accepted what began {} ns after this had returned: {change}",
            last_accepted - ended
        );
        assert!(refusal_ended > begun, "round {round}: refused before this began: {change}");
        accepted += of_accepted;
        refused += of_refused;
        overlapped += u64::from(last_accepted > begun || refusal_begun < ended);
    }
    assert!(accepted >= rounds as u64 && refused >= rounds as u64);
    report(&format!(
        "{rounds} rounds: {accepted} verifications accepted, {refused} refused, none accepted \
         that began after the change had returned; in {overlapped} rounds one began during it"
    ));
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn report(text: &str) {
    println!("{text}");
}

/// Makes an organization that accepts the vendor's package, and the change by which it
/// does not any more.
async fn prepare(world: &World, vendor: &Vendor, round: usize) -> (OrgId, Change) {
    let org = world.org(&format!("operator-{round}")).await;
    let (fingerprint, child) = (vendor.key.fingerprint, vendor.org);
    let change = match round % 3 {
        0 => Change::RevokeKey { id: world.trust(org, &vendor.key).await.id },
        1 => Change::DenyKey { org, fingerprint },
        _ => Change::RevokeGrant { parent: org, child },
    };
    if !matches!(change, Change::RevokeKey { .. }) {
        world.keys.grant_trust(org, vendor.org, TrustLimits::default()).await.unwrap();
    }
    (org, change)
}

/// Longer than a round takes on any machine.
const LIMIT: Duration = Duration::from_secs(30);
