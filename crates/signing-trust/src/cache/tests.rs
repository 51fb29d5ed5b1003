use std::collections::BTreeMap;

use chrono::TimeDelta;
use signing_crypto::Fingerprint;

use super::*;
use crate::snapshot::{KeyTrust, present};

/// A value of so many keys, of the state of an epoch.
fn value(epoch: i64, state: TrustStateId, keys: u32) -> Arc<OrganizationTrust> {
    let heartbeat = Heartbeat { epoch, state, as_of: None };
    let as_of = Some(TimedHeartbeat { heartbeat, asked: boot_time() });
    let key = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        (Fingerprint::from_bytes(bytes), KeyTrust::default())
    };
    let keys: BTreeMap<_, _> = (0..keys).map(key).collect();
    Arc::new(OrganizationTrust { keys, as_of, ..OrganizationTrust::default() })
}

fn key() -> Key {
    (OrgId::random(), Signers::default())
}

fn is_kept(kept: &CacheEntries, key: &Key) -> bool {
    kept.get(key, None).0.is_some()
}

#[test]
fn a_value_serves_the_state_that_it_is_of_and_an_older_one() {
    let state = TrustStateId::random();
    let serves = |epoch, now: TrustStateId| {
        let heartbeat = Heartbeat { epoch, state: now, as_of: None };
        is_not_older(&value(7, state, 1), &heartbeat)
    };
    assert!(serves(7, state));
    // As after a restored backup: as many changes, and others.
    assert!(!serves(7, TrustStateId::random()));
    assert!(!serves(8, TrustStateId::random()));
    // Somebody else has read it since the heartbeat was asked for.
    assert!(serves(6, TrustStateId::random()));
}

#[test]
fn a_value_is_confirmed_until_its_moment_and_while_nothing_else_was_seen() {
    let (state, mut kept, asked) = (TrustStateId::random(), CacheEntries::default(), key());
    let told = |state| Heartbeat { epoch: 1, state, as_of: None };
    let confirmation = |state, until| {
        let heartbeat = TimedHeartbeat { heartbeat: told(state), asked: boot_time() };
        Confirmation { heartbeat, until }
    };
    kept.keep(asked.clone(), &value(1, state, 1));
    assert!(kept.get(&asked, Some(told(state))).1.is_none());

    let later = boot_time() + Duration::from_secs(3600);
    kept.confirm(confirmation(state, later), 0);
    assert!(kept.get(&asked, Some(told(state))).1.is_some());
    assert!(kept.get(&asked, Some(told(TrustStateId::random()))).1.is_none());
    assert!(kept.get(&asked, None).1.is_none());
    kept.confirm(confirmation(TrustStateId::random(), later), 0);
    assert!(kept.get(&asked, Some(told(state))).1.is_none());
    kept.confirm(confirmation(state, boot_time()), 0);
    assert!(kept.get(&asked, Some(told(state))).1.is_none());
}

#[test]
fn a_confirmation_that_was_asked_for_before_an_own_change_does_not_count() {
    let (state, mut kept, asked) = (TrustStateId::random(), CacheEntries::default(), key());
    let heartbeat = Heartbeat { epoch: 1, state, as_of: None };
    let until = boot_time() + Duration::from_secs(3600);
    let timed = TimedHeartbeat { heartbeat, asked: boot_time() };
    let confirmation = Confirmation { heartbeat: timed, until };
    kept.keep(asked.clone(), &value(1, state, 1));

    let before = kept.forgotten;
    kept.forget_confirmation();
    kept.confirm(confirmation, before);
    assert!(kept.get(&asked, Some(heartbeat)).1.is_none());

    kept.confirm(confirmation, kept.forgotten);
    assert!(kept.get(&asked, Some(heartbeat)).1.is_some());
}

#[test]
fn the_present_is_the_later_of_two_clocks() {
    let ahead: DateTime<Utc> = "2999-01-01T00:00:00Z".parse().unwrap();
    assert!(present(Some(ahead), boot_time()) >= ahead);
    let before = Utc::now();
    assert!(present(Some("1999-01-01T00:00:00Z".parse().unwrap()), boot_time()) >= before);
    assert!(present(None, boot_time()) >= before);
}

#[test]
fn the_stores_clock_goes_on_while_a_value_is_kept() {
    let ahead: DateTime<Utc> = "2999-01-01T00:00:00Z".parse().unwrap();
    let asked = boot_time().checked_sub(Duration::from_secs(3600)).unwrap_or_default();
    let passed = TimeDelta::from_std(boot_time() - asked).unwrap();
    assert!(present(Some(ahead), asked) >= ahead + passed - TimeDelta::seconds(1));
}

#[test]
fn what_is_kept_is_bounded_by_how_much_it_takes() {
    let (state, mut kept) = (TrustStateId::random(), CacheEntries::default());
    let first = key();
    kept.keep(first.clone(), &value(1, state, 20_000));
    kept.keep(key(), &value(1, state, 20_000));
    assert!(is_kept(&kept, &first));
    kept.keep(key(), &value(1, state, 20_000));
    assert!(!is_kept(&kept, &first));
    assert_eq!((kept.values.len(), kept.size), (1, 20_001));

    kept.keep(first.clone(), &value(1, state, MAX_SIZE as u32));
    assert!(!is_kept(&kept, &first));
    for _ in 0..3 {
        kept.keep(first.clone(), &value(1, state, 10_000));
        assert_eq!((kept.values.len(), kept.size), (2, 30_002));
    }
}

#[test]
fn values_in_which_nothing_is_said_are_bounded_too() {
    let (state, mut kept) = (TrustStateId::random(), CacheEntries::default());
    for _ in 0..MAX_SIZE {
        kept.keep(key(), &value(1, state, 0));
    }
    assert_eq!(kept.values.len(), MAX_SIZE);
    kept.keep(key(), &value(1, state, 0));
    assert_eq!((kept.values.len(), kept.size), (1, 1));
}

#[test]
fn values_of_an_older_state_are_dropped_and_not_taken() {
    let (old, new) = (TrustStateId::random(), TrustStateId::random());
    let (mut kept, [before, after, late]) = (CacheEntries::default(), [(); 3].map(|()| key()));
    kept.keep(before.clone(), &value(1, old, 5));
    kept.keep(after.clone(), &value(2, new, 7));
    assert!(!is_kept(&kept, &before));
    kept.keep(late.clone(), &value(1, old, 5));
    assert!(!is_kept(&kept, &late) && is_kept(&kept, &after));
    assert_eq!(kept.size, 8);
}
