use signing_store::TrustFact;

use super::*;

fn heartbeat(state: TrustStateId, as_of: Option<&str>) -> Heartbeat {
    Heartbeat { epoch: 7, state, as_of: as_of.map(|time| time.parse().unwrap()) }
}

fn answer(state: TrustStateId, as_of: Option<&str>) -> Answer {
    let heartbeat = heartbeat(state, as_of);
    Answer::new(TrustFacts { heartbeat, floor: None, facts: [].into() }, boot_time())
}

#[test]
fn an_answer_is_confirmed_by_the_state_that_it_was_given_in() {
    let state = TrustStateId::random();
    let confirmed = |state: TrustStateId, now: TrustStateId| {
        let answer = answer(state, None);
        let unconfirmed = Unconfirmed { answer, floor: Floor::Unknown };
        unconfirmed.confirm(heartbeat(now, None), None, boot_time())
    };
    assert!(confirmed(state, state).is_some());
    // As after a restored backup: as many changes, and others.
    assert!(confirmed(state, TrustStateId::random()).is_none());
}

#[test]
fn the_present_is_the_later_of_two_clocks() {
    let state = TrustStateId::random();
    let ahead: DateTime<Utc> = "2999-01-01T00:00:00Z".parse().unwrap();
    assert!(answer(state, Some("2999-01-01T00:00:00Z")).now() >= ahead);
    let before = Utc::now();
    assert!(answer(state, Some("1999-01-01T00:00:00Z")).now() >= before);
    assert!(answer(state, None).now() >= before);
}

#[test]
fn the_stores_clock_goes_on_while_an_answer_is_remembered() {
    let time = "2999-01-01T00:00:00Z";
    let hour = Duration::from_secs(3600);
    let asked = boot_time().checked_sub(hour).unwrap_or_default();
    let old = Answer { asked, ..answer(TrustStateId::random(), Some(time)) };
    let passed = TimeDelta::from_std(boot_time() - asked).unwrap();
    assert!(old.now() >= time.parse::<DateTime<Utc>>().unwrap() + passed - TimeDelta::seconds(1));
}

fn question() -> Question {
    let (org, signers) = (OrgId::random(), Signers::default());
    Question { org, signers, package: "package.so".parse().unwrap() }
}

/// With so many facts, about the state of an epoch.
fn about(epoch: i64, state: TrustStateId, facts: usize) -> Answer {
    let heartbeat = Heartbeat { epoch, state, as_of: None };
    let fact = TrustFact {
        org_id: OrgId::random(),
        org_name: "acme".parse().unwrap(),
        org_deleted_at: None,
        grant: None,
        key: None,
        compromised_at: None,
    };
    let facts = TrustFacts { heartbeat, floor: None, facts: vec![fact; facts].into() };
    Answer::new(facts, boot_time())
}

#[test]
fn what_is_kept_is_bounded_by_how_many_facts_there_are() {
    let (state, mut kept) = (TrustStateId::random(), Kept::default());
    let first = question();
    kept.keep(first.clone(), about(1, state, 20_000));
    kept.keep(question(), about(1, state, 20_000));
    assert!(kept.get(&first).is_some());
    kept.keep(question(), about(1, state, 20_000));
    assert!(kept.get(&first).is_none());
    assert_eq!((kept.orgs.len(), kept.size), (1, 20_001));

    kept.keep(first.clone(), about(1, state, MOST));
    assert!(kept.get(&first).is_none());
    for _ in 0..3 {
        kept.keep(first.clone(), about(1, state, 10_000));
        assert_eq!((kept.orgs.len(), kept.size), (2, 30_002));
    }
}

#[test]
fn answers_without_facts_are_bounded_too() {
    let (state, mut kept) = (TrustStateId::random(), Kept::default());
    for _ in 0..MOST / 2 {
        kept.keep(question(), about(1, state, 0));
    }
    assert_eq!(kept.orgs.len(), MOST / 2);
    kept.keep(question(), about(1, state, 0));
    assert_eq!((kept.orgs.len(), kept.size), (1, 2));
}

#[test]
fn packages_of_one_signer_are_bounded_too() {
    let (state, mut kept, asked) = (TrustStateId::random(), Kept::default(), question());
    for number in 1..MOST {
        let package = format!("package-{number}.so").parse().unwrap();
        kept.keep(Question { package, ..asked.clone() }, about(1, state, 0));
        assert_eq!(kept.size, number + 1);
    }
    kept.keep(asked, about(1, state, 0));
    assert_eq!(kept.size, 2);
}

#[test]
fn floor_of_another_package_is_not_taken_for_that_of_this_one() {
    let (state, mut kept, asked) = (TrustStateId::random(), Kept::default(), question());
    let mut answer = about(1, state, 3);
    answer.facts.floor = Some("2.0.0".parse().unwrap());
    kept.keep(asked.clone(), answer);

    let other = Question { package: "other.so".parse().unwrap(), ..asked.clone() };
    assert!(kept.get(&other).is_none());
    assert!(matches!(kept.find(&other).unwrap().floor, Floor::Unknown));
    kept.keep(other.clone(), about(1, state, 3));
    assert_eq!(kept.get(&other).unwrap().facts.floor, None);
    let floor = kept.get(&asked).unwrap().facts.floor;
    assert_eq!(floor, Some("2.0.0".parse().unwrap()));

    let stranger = Signers::one(signing_crypto::Fingerprint::from_bytes([7; 32]));
    assert!(kept.find(&Question { signers: stranger, ..asked }).is_none());
}

#[test]
fn answers_about_an_older_state_are_dropped_and_not_taken() {
    let (old, new) = (TrustStateId::random(), TrustStateId::random());
    let (mut kept, [before, after, late]) = (Kept::default(), [(); 3].map(|()| question()));
    kept.keep(before.clone(), about(1, old, 5));
    kept.keep(after.clone(), about(2, new, 7));
    assert!(kept.get(&before).is_none());
    kept.keep(late.clone(), about(1, old, 5));
    assert!(kept.get(&late).is_none() && kept.get(&after).is_some());
    assert_eq!(kept.size, 8);
}

#[test]
fn another_package_of_a_long_answer_does_not_empty_what_is_kept() {
    let (state, mut kept, asked) = (TrustStateId::random(), Kept::default(), question());
    let other = question();
    kept.keep(other.clone(), about(1, state, 5_000));
    for number in 1..10 {
        let package = format!("package-{number}.so").parse().unwrap();
        kept.keep(Question { package, ..asked.clone() }, about(1, state, 40_000));
        assert_eq!(kept.size, 5_001 + 40_000 + number);
    }
    assert!(kept.get(&other).is_some());
}
