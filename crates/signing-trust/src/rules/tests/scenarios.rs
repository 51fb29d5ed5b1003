//! A dry run decides as if a revocation had been made.

use super::super::{Scenario, simulate};
use super::*;

fn accepts(trust: &OrganizationTrust, number: u8) -> bool {
    let signers = Signers::one(key(number).fingerprint());
    let decision = rules::decide(trust, &signers, Packages::Named(&PACKAGE), context());
    decision.trusted().count() == 1
}

#[test]
fn revoked_row_ends_the_trust_that_it_gave_and_no_other() {
    let row = active(&key(1));
    let id = row.id;
    let trust = known(&[own(Some(active(&key(2)))), granted("vendor", row.clone())]);
    let then = simulate(&trust, Scenario::Revoked(id), at(40));
    assert_eq!((accepts(&trust, 1), accepts(&then, 1)), (true, false));
    assert!(accepts(&then, 2));

    let beside = known(&[own(None), granted("vendor", row), granted("other", active(&key(1)))]);
    assert!(accepts(&simulate(&beside, Scenario::Revoked(id), at(40)), 1));
}

#[test]
fn denial_by_the_organization_ends_what_it_inherits() {
    let facts = [own(None), granted("vendor", active(&key(1)))];
    let trust = known(&facts);
    let fingerprint = key(1).fingerprint();
    let by = |fact: &Fact| simulate(&trust, Scenario::Denied(fact.org.id, fingerprint), at(40));
    assert!(accepts(&trust, 1));
    assert!(!accepts(&by(&facts[0]), 1));
    assert!(!accepts(&by(&facts[1]), 1));
    assert!(accepts(&by(&own(None)), 1));
}

#[test]
fn compromise_ends_trust_by_every_path() {
    let trust = known(&[own(Some(active(&key(1)))), granted("vendor", active(&key(1)))]);
    let fingerprint = key(1).fingerprint();
    assert!(accepts(&trust, 1));
    assert!(!accepts(&simulate(&trust, Scenario::Compromised(fingerprint), at(40)), 1));
    let other = Scenario::Compromised(key(2).fingerprint());
    assert!(accepts(&simulate(&trust, other, at(40)), 1));
}
