//! The rules against a second, naive account of them, on random stores.

use std::collections::BTreeSet;

use proptest::prelude::*;

use signing_crypto::OrgName;

use super::*;

const KEY_COUNT: usize = 4;

/// What an organization says about one key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Trusted,
    Revoked,
    /// Denied by fingerprint, the key itself unseen.
    Denied,
    /// Trusted, but the row holds another key than it names.
    Swapped,
    /// Trusted until a moment ago.
    Expired,
    /// Denied once, and taken back.
    Silent,
}

/// How far the grant to an organization reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    Everything,
    ThisPackage,
    OtherPackages,
    Past,
}

/// An organization: whether it was deleted, its word about each key, and how far the
/// grant to it reaches.
#[derive(Clone, Debug)]
struct Org {
    deleted: bool,
    words: Vec<Option<Word>>,
    reach: Reach,
}

/// The asking organization, then those that it granted trust.
#[derive(Clone, Debug)]
struct World {
    orgs: Vec<Org>,
    /// Which keys were declared compromised.
    compromised: Vec<bool>,
    /// In which order the store gives its rows.
    order: Vec<u16>,
}

fn org() -> impl Strategy<Value = Org> {
    let word = prop_oneof![
        4 => Just(Word::Trusted),
        2 => Just(Word::Revoked),
        1 => Just(Word::Denied),
        1 => Just(Word::Swapped),
        1 => Just(Word::Expired),
        1 => Just(Word::Silent),
    ];
    let reach = prop_oneof![
        3 => Just(Reach::Everything),
        2 => Just(Reach::ThisPackage),
        1 => Just(Reach::OtherPackages),
        1 => Just(Reach::Past),
    ];
    let words = prop::collection::vec(prop::option::weighted(0.6, word), KEY_COUNT);
    (prop::bool::weighted(0.15), words, reach).prop_map(|(deleted, words, reach)| Org {
        deleted,
        words,
        reach,
    })
}

fn world() -> impl Strategy<Value = World> {
    let orgs = prop::collection::vec(org(), 1..=5);
    let order = prop::collection::vec(any::<u16>(), 5 * KEY_COUNT);
    let compromised = prop::collection::vec(prop::bool::weighted(0.1), KEY_COUNT);
    (orgs, compromised, order).prop_map(|(orgs, compromised, order)| World {
        orgs,
        compromised,
        order,
    })
}

fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap() + 1
}

impl World {
    /// What the store says of this world.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (place, org) in self.orgs.iter().enumerate() {
            let mut organization = organization(&format!("org{place}"));
            organization.deleted_at = org.deleted.then(|| at(u32::from(number(place))));
            let blank = Fact {
                grant: (place > 0).then(|| org.reach.grant(&organization)),
                org: organization,
                key: None,
                compromised_at: None,
            };
            let rows = org.words.iter().enumerate().filter_map(|(index, word)| {
                let named = key(number(index));
                let row = match (*word)? {
                    Word::Trusted => active(&named),
                    Word::Revoked => revoked(&named, 30),
                    Word::Denied => TrustedKeyRecord { public_key: None, ..revoked(&named, 31) },
                    // The next key, of which the same organization may speak too.
                    Word::Swapped => swapped(&named, &key(number((index + 1) % KEY_COUNT))),
                    Word::Expired => until(39, active(&named)),
                    Word::Silent => TrustedKeyRecord { public_key: None, ..active(&named) },
                };
                Some((row, self.compromised[index].then(|| at(33))))
            });
            let before = facts.len();
            facts.extend(rows.map(|(row, compromised_at)| Fact {
                key: Some(row),
                compromised_at,
                ..blank.clone()
            }));
            if place == 0 && facts.len() == before {
                facts.push(blank);
            }
        }
        let mut order = self.order.iter();
        facts.sort_by_cached_key(|_| order.next().copied());
        facts
    }

    /// The rules as one says them: which organizations' word makes the key trusted.
    fn trusting(&self, index: usize) -> BTreeSet<usize> {
        let trusts = |place: &usize| {
            let org = &self.orgs[*place];
            let reached =
                *place == 0 || matches!(org.reach, Reach::Everything | Reach::ThisPackage);
            reached && !org.deleted && org.words[index] == Some(Word::Trusted)
        };
        let refused = self.orgs[0].deleted
            || self.compromised[index]
            || matches!(self.orgs[0].words[index], Some(Word::Revoked | Word::Denied));
        match refused {
            true => BTreeSet::new(),
            false => (0..self.orgs.len()).filter(trusts).collect(),
        }
    }

    /// Whether `reason`, given for refusing a key, is true.
    fn is_true(&self, index: usize, reason: &UntrustedReason) -> bool {
        let own = self.orgs[0].words[index];
        let is_revoked = |word| matches!(word, Some(Word::Revoked | Word::Denied));
        let child = |name: &OrgName, is: &dyn Fn(&Org, Option<Word>) -> bool| {
            let place: usize = name.as_str().strip_prefix("org").unwrap().parse().unwrap();
            let org = &self.orgs[place];
            place > 0 && !is_revoked(own) && is(org, org.words[index])
        };
        let living = |name, is: &dyn Fn(&Org, Option<Word>) -> bool| {
            child(name, &|org, word| !org.deleted && is(org, word))
        };
        let (dead, bad) = (self.orgs[0].deleted, self.compromised[index]);
        let says = |word: Option<Word>| word.is_some_and(|word| word != Word::Silent);
        let true_of_a_child = match reason {
            UntrustedReason::OrganizationDeleted { .. } => return dead,
            UntrustedReason::Compromised { .. } => return !dead && bad,
            UntrustedReason::Revoked { .. } => own == Some(Word::Revoked),
            UntrustedReason::Denied { .. } => own == Some(Word::Denied),
            UntrustedReason::Expired { .. } => own == Some(Word::Expired),
            UntrustedReason::RevokedByChild { child_name, .. } => {
                living(child_name, &|_, word| is_revoked(word))
            }
            UntrustedReason::ExpiredAtChild { child_name, .. } => {
                living(child_name, &|_, word| word == Some(Word::Expired))
            }
            UntrustedReason::GrantExpired { child_name, .. } => {
                living(child_name, &|org, word| org.reach == Reach::Past && says(word))
            }
            UntrustedReason::OtherPackages { child_name, .. } => {
                living(child_name, &|org, word| org.reach == Reach::OtherPackages && says(word))
            }
            UntrustedReason::ChildDeleted { child_name, .. } => {
                child(child_name, &|org, word| org.deleted && says(word))
            }
            UntrustedReason::Unknown => {
                let sound =
                    |org: &Org| says(org.words[index]) && org.words[index] != Some(Word::Swapped);
                return !dead && !self.orgs.iter().any(sound);
            }
            _ => false,
        };
        !dead && !bad && true_of_a_child
    }
}

impl Reach {
    fn grant(self, child: &OrganizationRecord) -> TrustGrantRecord {
        let patterns = |pattern: &str| PackagePatterns::new(vec![pattern.into()]).unwrap();
        let (packages, expires_at) = match self {
            Self::Everything => (None, None),
            Self::ThisPackage => (Some(patterns("lib*")), Some(at(41))),
            Self::OtherPackages => (Some(patterns("etl-*")), None),
            Self::Past => (None, Some(at(40))),
        };
        let (id, parent_org_id) = (GrantId::random(), OrgId::random());
        TrustGrantRecord {
            id,
            parent_org_id,
            child_org_id: child.id,
            created_at: at(0),
            revoked_at: None,
            packages,
            expires_at,
        }
    }
}

fn accepted(facts: &[Fact]) -> BTreeSet<Fingerprint> {
    let trusted = trusted_keys(facts, Packages::Named(&PACKAGE));
    trusted.iter().map(|found| found.key.fingerprint()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4096,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_rules_agree_with_the_reference(world in world()) {
        let facts = world.facts();
        let named: Vec<_> = (0..KEY_COUNT).map(|index| key(number(index)).fingerprint()).collect();
        let decision = decide(&facts, &named, context());
        let mut expected = BTreeSet::new();
        for (index, decided) in decision.keys().iter().enumerate() {
            let trusting = world.trusting(index);
            match &decided.verdict {
                Ok(found) => {
                    prop_assert_eq!(found.key, key(number(index)));
                    let place = match &found.via {
                        TrustPath::Direct { .. } => 0,
                        TrustPath::Granted { child_name, .. } => {
                            child_name.as_str().strip_prefix("org").unwrap().parse().unwrap()
                        }
                        other => return Err(TestCaseError::fail(format!("{other:?}"))),
                    };
                    prop_assert!(trusting.contains(&place), "via {place}, not {trusting:?}");
                    prop_assert_eq!(found.vouchers.len(), trusting.len());
                    expected.insert(named[index]);
                }
                Err(reason) => {
                    prop_assert_eq!(&trusting, &BTreeSet::new());
                    prop_assert!(world.is_true(index, reason), "{reason:?} about {index}");
                }
            }
        }
        prop_assert_eq!(accepted(&facts), expected.clone());
        let candidates = candidates(&facts).unwrap();
        prop_assert_eq!(candidates, Vec::from_iter(expected));
    }

    #[test]
    fn taking_trust_away_never_makes_a_key_trusted(world in world()) {
        let before = accepted(&world.facts());
        for place in 0..world.orgs.len() {
            for index in 0..KEY_COUNT {
                if world.orgs[place].words[index] != Some(Word::Trusted) {
                    continue;
                }
                let mut less = world.clone();
                less.orgs[place].words[index] = None;
                let after = accepted(&less.facts());
                prop_assert!(after.is_subset(&before), "{place} {index}: {after:?} {before:?}");
            }
        }
    }

    #[test]
    fn a_refusal_more_never_makes_a_key_trusted(
        world in world(),
        place in 0_usize..5,
        index in 0..KEY_COUNT,
    ) {
        let before = accepted(&world.facts());
        let mut more = world.clone();
        let place = place % more.orgs.len();
        more.orgs[place].words[index] = Some(Word::Revoked);
        prop_assert!(accepted(&more.facts()).is_subset(&before));
        more.orgs[place].deleted = true;
        prop_assert!(accepted(&more.facts()).is_subset(&before));
        more = world;
        more.orgs[place].reach = Reach::Past;
        more.compromised[index] = true;
        prop_assert!(accepted(&more.facts()).is_subset(&before));
    }
}
