//! How far trust reaches: for which packages, and until when.

use std::time::Duration;

use signing_crypto::OrgName;

use super::*;
use crate::acceptance::ClockSkewAllowance;

fn vendor() -> OrgName {
    "vendor".parse().unwrap()
}

#[test]
fn a_limited_grant_reaches_the_packages_that_it_names() {
    let fact = limited(granted("vendor", active(&key(1))), &["etl-*", "libwork*.so"]);
    let found = verdict(&[own(None), fact.clone()], &key(1)).unwrap();
    assert_eq!(found.limits.packages, fact.grant.unwrap().packages);
}

#[test]
fn a_limited_grant_does_not_reach_other_packages() {
    let fact = limited(granted("vendor", active(&key(1))), &["etl-*"]);
    let packages = fact.grant.clone().unwrap().packages.unwrap();
    let expected = UntrustedReason::OtherPackages { child_name: vendor(), packages };
    assert_eq!(verdict(&[own(None), fact], &key(1)), Err(expected));
}

#[test]
fn own_trust_is_not_limited_by_a_grant() {
    let facts = [own(Some(active(&key(1)))), limited(granted("vendor", active(&key(1))), &["x"])];
    let found = verdict(&facts, &key(1)).unwrap();
    assert!(matches!(found.via, TrustPath::Direct { .. }));
    assert_eq!(found.limits, TrustLimits::default());
}

#[test]
fn one_grant_that_reaches_is_enough_beside_one_that_does_not() {
    let facts = [
        own(None),
        limited(granted("vendor", active(&key(1))), &["etl-*"]),
        granted("zulu", active(&key(1))),
    ];
    let found = verdict(&facts, &key(1)).unwrap();
    assert_eq!(found.vouchers, [facts[2].org.id]);
}

#[test]
fn everybody_who_trusts_a_key_vouches_for_it() {
    let facts = [
        own(Some(active(&key(1)))),
        granted("vendor", active(&key(1))),
        granted("revoker", revoked(&key(1), 7)),
        ending(granted("past", active(&key(1))), 30),
    ];
    let found = verdict(&facts, &key(1)).unwrap();
    assert_eq!(found.vouchers, [facts[0].org.id, facts[1].org.id]);
}

#[test]
fn only_a_key_that_is_good_for_every_package_is_found_for_all() {
    let (all, any) = (Packages::All, Packages::Any);
    let facts = [own(None), limited(granted("vendor", active(&key(1))), &["*.so"])];
    assert_eq!(trusted_keys(&facts, all), []);
    assert_eq!(trusted_keys(&facts, any).len(), 1);
    let facts = [facts[0].clone(), facts[1].clone(), granted("other", active(&key(1)))];
    assert_eq!(trusted_keys(&facts, all).len(), 1);
    assert_eq!(trusted_paths(&known(&facts), any, context()).len(), 2);
}

#[test]
fn trust_ends_at_its_moment_and_not_before() {
    for (minute, ended) in [(39, true), (40, true), (41, false)] {
        let direct = [own(Some(until(minute, active(&key(1)))))];
        let expected = UntrustedReason::Expired { at: at(minute) };
        assert_eq!(verdict(&direct, &key(1)).err(), ended.then_some(expected));

        let child = [own(None), granted("vendor", until(minute, active(&key(1))))];
        let expected = UntrustedReason::ExpiredAtChild { child_name: vendor(), at: at(minute) };
        assert_eq!(verdict(&child, &key(1)).err(), ended.then_some(expected));

        let grant = [own(None), ending(granted("vendor", active(&key(1))), minute)];
        let expected = UntrustedReason::GrantExpired { child_name: vendor(), at: at(minute) };
        assert_eq!(verdict(&grant, &key(1)).err(), ended.then_some(expected));
    }
}

#[test]
fn trust_that_has_ended_counts_as_long_as_the_clock_may_be_ahead_and_no_longer() {
    let allowed = |allowance, facts: &[Fact]| {
        let context = DecisionContext { clock_skew_allowance: allowance, ..context() };
        decide(facts, &[key(1).fingerprint()], context).trusted().count() == 1
    };
    let minute = Duration::from_secs(60);
    let tick = Duration::from_micros(1);
    let allowance = |duration| ClockSkewAllowance::new(duration).unwrap();
    let ended_by_a_minute = [
        vec![own(Some(until(39, active(&key(1)))))],
        vec![own(None), granted("vendor", until(39, active(&key(1))))],
        vec![own(None), ending(granted("vendor", active(&key(1))), 39)],
    ];
    for facts in ended_by_a_minute {
        assert!(!allowed(ClockSkewAllowance::NONE, &facts));
        assert!(!allowed(allowance(minute), &facts));
        assert!(allowed(allowance(minute + tick), &facts));
        assert!(allowed(ClockSkewAllowance::MAX, &facts));
    }
    // No clock is asked about a revocation.
    for facts in [
        vec![own(Some(revoked(&key(1), 39)))],
        vec![compromised(own(Some(active(&key(1)))), 39)],
        vec![own(None), granted("vendor", revoked(&key(1), 39))],
        vec![own(None), deleted(granted("vendor", active(&key(1))), 39)],
    ] {
        assert!(!allowed(ClockSkewAllowance::MAX, &facts));
    }
}

#[test]
fn the_earlier_of_two_ends_is_told() {
    let fact = ending(granted("vendor", until(50, active(&key(1)))), 45);
    let found = verdict(&[own(None), fact], &key(1)).unwrap();
    assert_eq!(found.limits.expires_at, Some(at(45)));
}

#[test]
fn own_trust_that_has_expired_does_not_hide_a_grant() {
    let facts = [own(Some(until(7, active(&key(1))))), granted("vendor", active(&key(1)))];
    assert!(matches!(verdict(&facts, &key(1)).unwrap().via, TrustPath::Granted { .. }));
}

#[test]
fn a_compromised_key_is_refused_no_matter_who_trusts_it() {
    for facts in [
        vec![compromised(own(Some(active(&key(1)))), 7)],
        vec![own(None), compromised(granted("vendor", active(&key(1))), 7)],
        vec![own(Some(active(&key(1)))), compromised(granted("vendor", revoked(&key(1), 3)), 7)],
    ] {
        let expected = UntrustedReason::Compromised { at: at(7) };
        assert_eq!(verdict(&facts, &key(1)), Err(expected));
    }
    let beside = [compromised(own(Some(active(&key(2)))), 7), own(Some(active(&key(1))))];
    assert!(verdict(&beside, &key(1)).is_ok());
}

#[test]
fn a_denial_that_was_taken_back_says_nothing() {
    let silent = TrustedKeyRecord { public_key: None, name: None, ..active(&key(1)) };
    assert_eq!(verdict(&[own(Some(silent.clone()))], &key(1)), Err(UntrustedReason::Unknown));
    let facts = [own(Some(silent)), granted("vendor", active(&key(1)))];
    assert!(verdict(&facts, &key(1)).is_ok());
}
