//! Two shells on one store: one verifies without pause while the other revokes.

use std::env;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::support::{Scratch, text};

/// How often trust ends, unless this variable says so.
const ROUNDS: usize = 3;
const ROUNDS_VARIABLE: &str = "CLOACINA_TEST_ROUNDS";
/// How often a refusal must be repeated.
const AGAIN: usize = 3;
const VERIFY: [&str; 6] = ["--json", "package", "verify", "libworkflow.so", "--org", "acme"];

mod no_verification_that_starts_after_revoke_returned_is_accepted {
    use super::*;

    #[test]
    fn on_sqlite() {
        race(&Scratch::with_orgs(&["acme"]));
    }

    #[test]
    #[ignore = "needs Postgres: cargo xtask test-db"]
    fn on_postgres() {
        race(&Scratch::on_postgres(&["acme"]));
    }
}

fn race(scratch: &Scratch) {
    let rounds = env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |text| text.parse().unwrap());
    scratch.key_files("release");
    scratch.signed_package("libworkflow.so", "release.pem");
    let trust = ["keys", "trust", "--org", "acme", "--import", "release.pub.pem"];
    let id = text(&scratch.json(&trust)["id"]);
    let (mut accepted, mut refused) = (0, 0);

    for round in 0..rounds {
        let (sender, verifications) = mpsc::channel();
        let (begun, returned, seen) = thread::scope(|scope| {
            let verifier = scope.spawn(move || verify_until_refused(scratch, &sender));
            assert!(
                verifications.recv().unwrap(),
                "round {round}: refused before the end of trust"
            );
            let begun = Instant::now();
            scratch.json(&["keys", "revoke", &id]);
            (begun, Instant::now(), verifier.join().unwrap())
        });
        for verification in &seen {
            match verification.accepted {
                true => assert!(
                    verification.begun < returned,
                    "round {round}: accepted what began {:?} after revoke had returned",
                    verification.begun - returned
                ),
                false => assert!(
                    verification.ended > begun,
                    "round {round}: refused {:?} before revoke began",
                    begun - verification.ended
                ),
            }
        }
        accepted += seen.iter().filter(|verification| verification.accepted).count();
        refused += seen.iter().filter(|verification| !verification.accepted).count();
        scratch.json(&["keys", "reinstate", &id, "--note", "the next round"]);
    }
    let summary = format!(
        "{rounds} rounds of `package verify` beside `keys revoke`: {accepted} accepted, {refused} \
         refused, none accepted that began after revoke had returned\n"
    );
    // Not by print!, which a test that passes does not show.
    io::stdout().write_all(summary.as_bytes()).unwrap();
}

struct Verification {
    begun: Instant,
    ended: Instant,
    accepted: bool,
}

/// Tells of each whether it was accepted.
fn verify_until_refused(scratch: &Scratch, told: &mpsc::Sender<bool>) -> Vec<Verification> {
    let mut seen = Vec::new();
    let mut refusals = 0;
    while refusals < AGAIN {
        let begun = Instant::now();
        let run = scratch.run(&VERIFY);
        let ended = Instant::now();
        let accepted = run.code == 0;
        if !accepted {
            run.assert_failed(1, "UntrustedSigner");
            refusals += 1;
        }
        seen.push(Verification { begun, ended, accepted });
        // Nobody listens after the first.
        let _ = told.send(accepted);
    }
    seen
}
