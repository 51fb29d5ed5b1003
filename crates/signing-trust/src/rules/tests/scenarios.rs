//! A dry run decides as if a change had been made.

use super::super::{NewGrant, NewTrust, Scenario, simulate};
use super::*;
use crate::snapshot::{KeyStatus, TrustGrant};

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
    let then = simulate(&trust, &Scenario::Revoked(id), at(40));
    assert_eq!((accepts(&trust, 1), accepts(&then, 1)), (true, false));
    assert!(accepts(&then, 2));

    let beside = known(&[own(None), granted("vendor", row), granted("other", active(&key(1)))]);
    assert!(accepts(&simulate(&beside, &Scenario::Revoked(id), at(40)), 1));
}

#[test]
fn denial_by_the_organization_ends_what_it_inherits() {
    let facts = [own(None), granted("vendor", active(&key(1)))];
    let trust = known(&facts);
    let fingerprint = key(1).fingerprint();
    let by = |fact: &Fact| simulate(&trust, &Scenario::Denied(fact.org.id, fingerprint), at(40));
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
    assert!(!accepts(&simulate(&trust, &Scenario::Compromised(fingerprint), at(40)), 1));
    let other = Scenario::Compromised(key(2).fingerprint());
    assert!(accepts(&simulate(&trust, &other, at(40)), 1));
}

/// A grant of the facts' organization to `child`, who says what the facts say.
fn new_grant(trust: &OrganizationTrust, child: &[Fact], limits: TrustLimits) -> Scenario {
    let parent = trust.organization.as_ref().unwrap().id;
    let grant = TrustGrant::new(None, &child[0].org, limits);
    Scenario::Granted(Box::new(NewGrant { parent, grant, keys: known(child).keys }))
}

fn only(pattern: &str) -> TrustLimits {
    let packages = Some(PackagePatterns::new(vec![pattern.to_owned()]).unwrap());
    TrustLimits { packages, expires_at: None }
}

#[test]
fn new_grant_brings_what_its_child_trusts_itself_and_nothing_else() {
    let trust = known(&[own(Some(active(&key(1)))), granted("other", active(&key(2)))]);
    let child = [own(Some(active(&key(3)))), granted("beyond", active(&key(4)))];
    let then = simulate(&trust, &new_grant(&trust, &child, TrustLimits::default()), at(40));
    let accepted = |trust: &OrganizationTrust| [1, 2, 3, 4].map(|number| accepts(trust, number));
    assert_eq!(accepted(&trust), [true, true, false, false]);
    assert_eq!(accepted(&then), [true, true, true, false]);

    let elsewhere = new_grant(&trust, &child, only("other-*"));
    assert_eq!(accepted(&simulate(&trust, &elsewhere, at(40))), [true, true, false, false]);
    let of_another = new_grant(&known(&[own(None)]), &child, TrustLimits::default());
    assert_eq!(simulate(&trust, &of_another, at(40)), trust);
    let refused = [own(Some(revoked(&key(3), 30)))];
    let then = simulate(&trust, &new_grant(&trust, &refused, TrustLimits::default()), at(40));
    assert_eq!(accepted(&then), [true, true, false, false]);
    let compromised = [compromised(own(Some(active(&key(3)))), 30)];
    let then = simulate(&trust, &new_grant(&trust, &compromised, TrustLimits::default()), at(40));
    assert_eq!(accepted(&then), [true, true, false, false]);
}

#[test]
fn what_a_new_child_says_stands_in_the_place_of_its_grant() {
    for child in ["first", "middle", "vendor"] {
        let facts = ["grower", "sender"].map(|name| granted(name, active(&key(1))));
        let trust = known(&[&[own(Some(active(&key(1))))], &facts[..]].concat());
        let record = organization(child);
        let said = [Fact { org: record, ..own(Some(active(&key(1)))) }];
        let then = simulate(&trust, &new_grant(&trust, &said, TrustLimits::default()), at(40));
        let entries = &then.keys[&key(1).fingerprint()].entries;
        let places: Vec<_> = entries.iter().map(|entry| entry.by.grant()).collect();
        assert_eq!(places, [None, Some(0), Some(1), Some(2)], "{child}");
        assert!(then.grants.is_sorted_by_key(TrustGrant::order), "{child}");
    }
}

#[test]
fn replaced_grant_moves_no_statement_to_another_grant() {
    let [first, second] = [granted("first", active(&key(1))), granted("second", active(&key(2)))];
    let third = granted("third", active(&key(3)));
    let trust = known(&[own(None), first.clone(), second, third]);
    // The limited grant now comes last.
    let child = [Fact { grant: None, ..first }];
    let then = simulate(&trust, &new_grant(&trust, &child, only("other-*")), at(40));
    assert_eq!([1, 2, 3].map(|number| accepts(&then, number)), [false, true, true]);
    let names = |trust: &OrganizationTrust| {
        let paths = trusted_paths(trust, Packages::Any, context());
        let mut names: Vec<_> = paths.iter().map(|key| key.via.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&then), ["granted to first", "granted to second", "granted to third"]);
    assert_eq!(names(&then), names(&trust));
    let again = simulate(&then, &new_grant(&then, &child, TrustLimits::default()), at(40));
    assert_eq!([1, 2, 3].map(|number| accepts(&again, number)), [true, true, true]);
    let withdrawn =
        Scenario::GrantWithdrawn(trust.organization.as_ref().unwrap().id, child[0].org.id);
    let withdrawn = simulate(&trust, &withdrawn, at(40));
    assert_eq!([1, 2, 3].map(|number| accepts(&withdrawn, number)), [false, true, true]);
    let by_another = Scenario::GrantWithdrawn(OrgId::random(), child[0].org.id);
    assert_eq!(simulate(&trust, &by_another, at(40)), trust);
}

#[test]
fn deletion_ends_the_organizations_own_trust_and_what_others_have_from_it() {
    let facts = [own(Some(active(&key(1)))), granted("vendor", active(&key(2)))];
    let trust = known(&[&facts[..], &[granted("other", active(&key(3)))]].concat());
    let after = |org| {
        let then = simulate(&trust, &Scenario::OrganizationDeleted(org), at(40));
        [1, 2, 3].map(|number| accepts(&then, number))
    };
    assert_eq!(after(facts[0].org.id), [false; 3]);
    assert_eq!(after(facts[1].org.id), [true, false, true]);
    assert_eq!(after(OrgId::random()), [true; 3]);
}

#[test]
fn only_a_new_grants_parent_has_a_new_child() {
    let trust = known(&[own(None)]);
    let [parent, child] = [trust.organization.as_ref().unwrap().id, OrgId::random()];
    let record = OrganizationRecord { id: child, ..organization("vendor") };
    let facts = [Fact { org: record, ..own(Some(active(&key(1)))) }];
    let scenario = new_grant(&trust, &facts, TrustLimits::default());
    assert_eq!(scenario.new_child_of(parent), Some(child));
    assert_eq!(scenario.new_child_of(child), None);
    assert_eq!(Scenario::Unchanged.new_child_of(parent), None);
}

#[test]
fn signatures_are_hidden_from_a_withdrawn_grants_parent_and_with_a_deleted_keeper_from_all() {
    let [parent, child, other] = [(); 3].map(|()| OrgId::random());
    let pairs = [(parent, child), (child, parent), (parent, other), (other, child)];
    let hidden = |scenario: &Scenario| pairs.map(|(org, keeper)| scenario.hides(org, keeper));
    let withdrawn = Scenario::GrantWithdrawn(parent, child);
    assert_eq!(hidden(&withdrawn), [true, false, false, false]);
    let deleted = Scenario::OrganizationDeleted(child);
    assert_eq!(hidden(&deleted), [true, false, false, true]);
    assert_eq!(hidden(&Scenario::Unchanged), [false; 4]);
}

#[test]
fn trusted_key_is_accepted_by_its_organization_and_by_those_that_granted_it_trust() {
    let child = organization("vendor");
    let status = KeyStatus::trusted(key(2).into());
    let trusted = |grants: &[&OrganizationTrust]| {
        let grant = || TrustGrant::new(None, &child, TrustLimits::default());
        let id = |trust: &OrganizationTrust| trust.organization.as_ref().unwrap().id;
        let grants = grants.iter().map(|parent| (id(parent), grant())).collect();
        let (fingerprint, status) = (key(2).fingerprint(), status.clone());
        Scenario::Trusted(Box::new(NewTrust { org: child.id, grants, fingerprint, status }))
    };
    let own_trust = known(&[Fact { org: child.clone(), ..own(Some(active(&key(1)))) }]);
    let parent = known(&[own(None), granted("other", active(&key(1)))]);
    let stranger = known(&[own(None), granted("other", active(&key(1)))]);
    let then = |trust| simulate(trust, &trusted(&[&parent]), at(40));
    assert!(accepts(&then(&own_trust), 2) && accepts(&then(&parent), 2));
    assert!(!accepts(&then(&stranger), 2));
    assert!(accepts(&then(&parent), 1) && accepts(&then(&own_trust), 1));
    let denied = known(&[Fact { org: parent_record(&parent), ..own(Some(revoked(&key(2), 30))) }]);
    assert!(!accepts(&then(&denied), 2), "a parent's own denial wins");

    let through = Fact { org: child.clone(), ..granted("vendor", active(&key(3))) };
    let grant = through.grant.map(|grant| TrustGrantRecord { child_org_id: child.id, ..grant });
    let known_child =
        known(&[own(None), granted("other", active(&key(1))), Fact { grant, ..through }]);
    let then = simulate(&known_child, &trusted(&[&known_child]), at(40));
    assert!(accepts(&then, 2));
    let [by_vendor, by_other] = [child.id, known_child.grants[0].child];
    let without = |org| simulate(&then, &Scenario::OrganizationDeleted(org), at(40));
    assert!(!accepts(&without(by_vendor), 2) && accepts(&without(by_other), 2));
}

fn parent_record(trust: &OrganizationTrust) -> OrganizationRecord {
    let id = trust.organization.as_ref().unwrap().id;
    OrganizationRecord { id, ..organization("parent") }
}

#[test]
fn reinstated_row_counts_again_and_no_other() {
    let row = revoked(&key(1), 30);
    let (id, fingerprint) = (row.id, row.fingerprint);
    let trust = known(&[own(Some(row)), granted("vendor", revoked(&key(2), 30))]);
    let reinstated = |row, fingerprint| Scenario::Reinstated { row, fingerprint };
    let then = simulate(&trust, &reinstated(id, fingerprint), at(40));
    assert_eq!([1, 2].map(|number| accepts(&then, number)), [true, false]);
    let other = simulate(&trust, &reinstated(TrustedKeyId::random(), fingerprint), at(40));
    assert!(!accepts(&other, 1));
    let row = until(35, revoked(&key(1), 30));
    let ended = reinstated(row.id, fingerprint);
    assert!(!accepts(&simulate(&known(&[own(Some(row))]), &ended, at(40)), 1));
}

#[test]
fn floor_is_set_for_its_organization_and_its_package() {
    let trust = known(&[own(Some(active(&key(1))))]);
    let id = trust.organization.as_ref().unwrap().id;
    let floor: Option<signing_crypto::PackageVersion> = Some("1.4.0".parse().unwrap());
    let set = |org, floor: &Option<_>| Scenario::FloorSet {
        org,
        package: PACKAGE.clone(),
        floor: floor.clone(),
    };
    let then = simulate(&trust, &set(id, &floor), at(40));
    assert_eq!(then.floors.get(&PACKAGE), floor.as_ref());
    assert_eq!(simulate(&trust, &set(OrgId::random(), &floor), at(40)), trust);
    assert_eq!(simulate(&then, &set(id, &None), at(40)), trust);
}
