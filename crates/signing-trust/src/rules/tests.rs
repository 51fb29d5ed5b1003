use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, GrantId, OrgId, PackageName, PackagePatterns, RevocationReason, SigningKey,
    TrustLimits, TrustStateId, TrustedKeyId, VerifyingKey,
};
use signing_store::{
    Heartbeat, KeyRow, OrganizationRecord, TrustGrantRecord, TrustSnapshot, TrustedKeyRecord,
};
use zeroize::Zeroizing;

use super::decide::{DecisionContext, KeyStanding, Packages, key_standing, trusted_paths};
use crate::candidates::{MAX_CANDIDATES, decide_signers};
use crate::decision::{
    DecisionError, Signers, TrustDecision, TrustPath, TrustedKey, UntrustedReason,
};
use crate::error::TrustError;
use crate::rules;
use crate::snapshot::OrganizationTrust;

mod documents;
mod limits;
mod reference;
mod scenarios;

/// Made once: the random worlds ask for them a hundred thousand times.
static KEYS: LazyLock<Vec<VerifyingKey>> = LazyLock::new(|| {
    let key = |number| SigningKey::from_seed(&Zeroizing::new([number; 32])).verifying_key();
    (0..70).map(key).collect()
});

fn key(number: u8) -> VerifyingKey {
    KEYS[usize::from(number)]
}

fn at(minute: u32) -> DateTime<Utc> {
    format!("2026-01-28T12:{minute:02}:00Z").parse().unwrap()
}

fn active(key: &VerifyingKey) -> TrustedKeyRecord {
    TrustedKeyRecord {
        id: TrustedKeyId::random(),
        org_id: OrgId::random(),
        fingerprint: key.fingerprint(),
        public_key: Some((*key).into()),
        name: Some("release".parse().unwrap()),
        created_at: at(0),
        revoked_at: None,
        revocation_reason: None,
        revocation_note: None,
        expires_at: None,
    }
}

fn revoked(key: &VerifyingKey, minute: u32) -> TrustedKeyRecord {
    let reason = Some(RevocationReason::Retired);
    TrustedKeyRecord { revoked_at: Some(at(minute)), revocation_reason: reason, ..active(key) }
}

/// A row that names `name` and holds another key.
fn swapped(name: &VerifyingKey, held: &VerifyingKey) -> TrustedKeyRecord {
    TrustedKeyRecord { fingerprint: name.fingerprint(), ..active(held) }
}

/// One thing that a store says, of the asking organization if there is no grant.
#[derive(Clone, Debug)]
struct Fact {
    org: OrganizationRecord,
    grant: Option<TrustGrantRecord>,
    key: Option<TrustedKeyRecord>,
    compromised_at: Option<DateTime<Utc>>,
}

fn organization(name: &str) -> OrganizationRecord {
    let (id, name) = (OrgId::random(), name.parse().unwrap());
    OrganizationRecord { id, name, created_at: at(0), deleted_at: None }
}

fn own(key: Option<TrustedKeyRecord>) -> Fact {
    Fact { org: organization("operator"), grant: None, key, compromised_at: None }
}

fn granted(child: &str, key: TrustedKeyRecord) -> Fact {
    let org = organization(child);
    let grant = TrustGrantRecord {
        id: GrantId::random(),
        parent_org_id: OrgId::random(),
        child_org_id: org.id,
        created_at: at(0),
        revoked_at: None,
        packages: None,
        expires_at: None,
    };
    Fact { org, grant: Some(grant), key: Some(key), compromised_at: None }
}

/// A grant limited to packages that one of the patterns matches.
fn limited(fact: Fact, patterns: &[&str]) -> Fact {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    let packages = Some(PackagePatterns::new(patterns).unwrap());
    let grant = fact.grant.clone().map(|grant| TrustGrantRecord { packages, ..grant });
    Fact { grant, ..fact }
}

/// A grant that ends at a minute.
fn ending(fact: Fact, minute: u32) -> Fact {
    let expires_at = Some(at(minute));
    let grant = fact.grant.clone().map(|grant| TrustGrantRecord { expires_at, ..grant });
    Fact { grant, ..fact }
}

fn until(minute: u32, key: TrustedKeyRecord) -> TrustedKeyRecord {
    TrustedKeyRecord { expires_at: Some(at(minute)), ..key }
}

fn compromised(fact: Fact, minute: u32) -> Fact {
    Fact { compromised_at: Some(at(minute)), ..fact }
}

fn deleted(mut fact: Fact, minute: u32) -> Fact {
    fact.org.deleted_at = Some(at(minute));
    fact
}

static PACKAGE: LazyLock<PackageName> = LazyLock::new(|| "libworkflow.so".parse().unwrap());

/// At 12:40.
fn context() -> DecisionContext {
    DecisionContext::at(at(40))
}

/// The value of an organization, of whom the facts say who it is.
fn known(facts: &[Fact]) -> OrganizationTrust {
    let asking = facts.iter().find(|fact| fact.grant.is_none());
    let statement = |fact: &Fact| {
        let grant = fact.grant.clone().map(|grant| (grant, fact.org.clone()));
        let (key, compromised_at) = (fact.key.clone()?, fact.compromised_at);
        Some(KeyRow { grant, key, compromised_at })
    };
    let snapshot = TrustSnapshot {
        heartbeat: Heartbeat { epoch: 1, state: TrustStateId::random(), as_of: None },
        organization: asking.map_or_else(|| organization("operator"), |fact| fact.org.clone()),
        floors: std::collections::BTreeMap::new(),
        key_rows: facts.iter().filter_map(statement).collect(),
        unreadable: BTreeSet::new(),
    };
    OrganizationTrust::from_store(snapshot, std::time::Duration::ZERO)
}

/// What is decided about keys and [`PACKAGE`].
fn decide(facts: &[Fact], named: &[Fingerprint], context: DecisionContext) -> TrustDecision {
    let signers = Signers { named: named.to_vec(), unnamed: false };
    rules::decide(&known(facts), &signers, Packages::Named(&PACKAGE), context)
}

/// Every key that is trusted for `packages`.
fn trusted_keys(facts: &[Fact], packages: Packages<'_>) -> Vec<TrustedKey> {
    let decision = rules::decide(&known(facts), &anyone(), packages, context());
    decision.trusted().cloned().collect()
}

fn anyone() -> Signers {
    Signers { named: Vec::new(), unnamed: true }
}

/// The keys to try a signature against that names none.
fn candidates(facts: &[Fact]) -> Result<Vec<Fingerprint>, TrustError> {
    let (trust, package) = (known(facts), Packages::Named(&PACKAGE));
    let decision = decide_signers(&trust, &anyone(), package, context())?;
    Ok(decision.keys().iter().map(|decided| decided.fingerprint).collect())
}

/// What the facts say about one key, the same in whichever order they come.
#[track_caller]
fn verdict(facts: &[Fact], key: &VerifyingKey) -> Result<TrustedKey, UntrustedReason> {
    let one = |facts: &[Fact]| {
        let decision = decide(facts, &[key.fingerprint()], context());
        assert_eq!(decision.keys().len(), 1);
        let verdict = decision.keys()[0].verdict.clone();
        let listed = trusted_keys(facts, Packages::Named(&PACKAGE));
        assert_eq!(listed.iter().any(|found| found.key == *key), verdict.is_ok());
        verdict
    };
    let backwards: Vec<_> = facts.iter().rev().cloned().collect();
    let verdict = one(facts);
    assert_eq!(one(&backwards).map(|key| key.via), verdict.clone().map(|key| key.via));
    verdict
}

#[test]
fn an_organizations_own_key_is_trusted_directly() {
    let row = active(&key(1));
    let found = verdict(&[own(Some(row.clone()))], &key(1)).unwrap();
    assert_eq!(found.via, TrustPath::Direct { trusted_key: Some(row.id) });
    assert_eq!((found.key, found.name), (key(1), row.name));
}

#[test]
fn a_key_that_nobody_speaks_of_is_unknown() {
    assert_eq!(verdict(&[own(None)], &key(1)), Err(UntrustedReason::Unknown));
    let facts = [own(Some(active(&key(2)))), granted("vendor", active(&key(3)))];
    assert_eq!(verdict(&facts, &key(1)), Err(UntrustedReason::Unknown));
    assert_eq!(verdict(&[], &key(1)), Err(UntrustedReason::Unknown));
}

#[test]
fn a_childs_key_is_trusted_through_the_grant() {
    let fact = granted("vendor", active(&key(1)));
    let found = verdict(&[own(None), fact.clone()], &key(1)).unwrap();
    let expected = TrustPath::Granted {
        grant: Some(fact.grant.unwrap().id),
        child: fact.org.id,
        child_name: "vendor".parse().unwrap(),
        trusted_key: Some(fact.key.unwrap().id),
    };
    assert_eq!(found.via, expected);
}

#[test]
fn own_revocation_beats_every_grant() {
    let facts = [
        granted("vendor", active(&key(1))),
        own(Some(revoked(&key(1), 7))),
        granted("other", active(&key(1))),
    ];
    assert_eq!(verdict(&facts, &key(1)), Err(UntrustedReason::Revoked { at: at(7) }));
}

#[test]
fn a_denial_without_a_public_key_beats_a_grant() {
    let denied = TrustedKeyRecord { public_key: None, name: None, ..revoked(&key(1), 7) };
    let facts = [own(Some(denied)), granted("vendor", active(&key(1)))];
    assert_eq!(verdict(&facts, &key(1)), Err(UntrustedReason::Denied { at: at(7) }));
    assert_eq!(candidates(&facts).unwrap(), []);
}

#[test]
fn own_trust_does_not_ask_a_child_that_revoked_the_key() {
    let row = active(&key(1));
    let facts = [granted("vendor", revoked(&key(1), 7)), own(Some(row.clone()))];
    let via = verdict(&facts, &key(1)).unwrap().via;
    assert_eq!(via, TrustPath::Direct { trusted_key: Some(row.id) });
}

#[test]
fn a_childs_revocation_passes_nothing_on() {
    let facts = [own(None), granted("vendor", revoked(&key(1), 7))];
    let child_name = "vendor".parse().unwrap();
    let expected = UntrustedReason::RevokedByChild { child_name, at: at(7) };
    assert_eq!(verdict(&facts, &key(1)), Err(expected));
}

#[test]
fn one_child_that_trusts_a_key_is_enough_beside_one_that_revoked_it() {
    let facts = [
        own(None),
        granted("vendor", revoked(&key(1), 7)),
        granted("other", active(&key(1))),
        deleted(granted("gone", active(&key(1))), 8),
    ];
    let via = verdict(&facts, &key(1)).unwrap().via;
    assert!(matches!(via, TrustPath::Granted { child_name, .. } if child_name.as_str() == "other"));
}

#[test]
fn a_deleted_child_passes_nothing_on() {
    let facts = [own(None), deleted(granted("vendor", active(&key(1))), 8)];
    let child_name = "vendor".parse().unwrap();
    let expected = UntrustedReason::ChildDeleted { child_name, at: at(8) };
    assert_eq!(verdict(&facts, &key(1)), Err(expected));
}

#[test]
fn a_deleted_organization_trusts_nothing() {
    let expected = Err(UntrustedReason::OrganizationDeleted { at: at(9) });
    let facts = [deleted(own(Some(active(&key(1)))), 9), granted("vendor", active(&key(2)))];
    for number in 1..=3 {
        assert_eq!(verdict(&facts, &key(number)), expected);
    }
    assert_eq!(trusted_keys(&facts, Packages::Named(&PACKAGE)), []);
    assert_eq!(candidates(&facts).unwrap(), []);
}

#[test]
fn a_row_whose_key_does_not_match_its_fingerprint_is_not_trusted() {
    let own_row = [own(Some(swapped(&key(1), &key(2))))];
    assert_eq!(verdict(&own_row, &key(1)), Err(UntrustedReason::Unknown));
    assert_eq!(verdict(&own_row, &key(2)), Err(UntrustedReason::Unknown));
    let childs_row = [own(None), granted("vendor", swapped(&key(1), &key(2)))];
    assert_eq!(verdict(&childs_row, &key(1)), Err(UntrustedReason::Unknown));
    assert_eq!(verdict(&childs_row, &key(2)), Err(UntrustedReason::Unknown));
    // Nor does it hide a sound one.
    let beside = [own(Some(swapped(&key(1), &key(2)))), granted("vendor", active(&key(1)))];
    assert_eq!(verdict(&beside, &key(1)).unwrap().key, key(1));
    let without = TrustedKeyRecord { public_key: None, ..active(&key(1)) };
    assert_eq!(verdict(&[own(Some(without))], &key(1)), Err(UntrustedReason::Unknown));
}

#[test]
fn a_row_that_holds_another_key_than_it_names_is_listed_as_mismatched() {
    let standing = |row: TrustedKeyRecord| {
        let fingerprint = row.fingerprint;
        let trust = known(&[own(Some(row))]);
        let status = &trust.keys[&fingerprint].own().unwrap().status;
        key_standing(&fingerprint, status, None, context())
    };
    assert_eq!(standing(active(&key(1))), Some(KeyStanding::Trusted));
    assert_eq!(standing(swapped(&key(1), &key(2))), Some(KeyStanding::Mismatched));
}

#[test]
fn a_childs_swapped_row_does_not_hide_another_childs_sound_one() {
    let facts = [
        own(None),
        granted("vendor", swapped(&key(1), &key(2))),
        granted("other", active(&key(1))),
    ];
    assert_eq!(verdict(&facts, &key(1)).unwrap().key, key(1));
}

#[test]
fn each_named_key_is_decided_by_itself_in_the_order_of_names() {
    let facts = [own(Some(active(&key(1)))), own(Some(revoked(&key(2), 7)))];
    let named = [key(3), key(2), key(1)].map(|key| key.fingerprint());
    let decision = decide(&facts, &named, context());
    assert_eq!(decision.keys().iter().map(|one| one.fingerprint).collect::<Vec<_>>(), named);
    assert_eq!(decision.trusted().count(), 1);
    assert_eq!(decision.about(&named[1]), Err(UntrustedReason::Revoked { at: at(7) }));
    assert!(decision.about(&named[2]).is_ok());
}

fn facts_about(keys: u8) -> Vec<Fact> {
    (0..keys).map(|number| own(Some(active(&key(number))))).collect()
}

#[test]
fn as_many_candidates_as_allowed_are_tried() {
    let limit = u8::try_from(MAX_CANDIDATES).unwrap();
    assert_eq!(limit, 64);
    let mut facts = facts_about(limit);
    let found = candidates(&facts).unwrap();
    assert_eq!(found.len(), 64);
    assert!(found.is_sorted());

    // Neither the same key by another path nor a revoked one counts.
    facts.push(granted("vendor", active(&key(0))));
    facts.push(own(Some(revoked(&key(64), 7))));
    assert_eq!(candidates(&facts).unwrap(), found);
}

#[test]
fn one_candidate_more_than_allowed_is_refused() {
    let error = candidates(&facts_about(65)).unwrap_err();
    assert!(
        matches!(
            error,
            TrustError::Decision(DecisionError::TooManyCandidates { found: 65, limit: 64 })
        ),
        "{error}"
    );
}
