//! The rules against a second, naive account of them, on random stores.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const KEY_COUNT: usize = 4;

/// What an organisation says about one key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Trusted,
    Revoked,
    /// Denied by fingerprint, the key itself unseen.
    Denied,
    /// Trusted, but the row holds another key than it names.
    Swapped,
}

/// An organisation: whether it was deleted, and its word about each key.
#[derive(Clone, Debug)]
struct Org {
    deleted: bool,
    words: Vec<Option<Word>>,
}

/// The asking organisation, then those that it granted trust.
#[derive(Clone, Debug)]
struct World {
    orgs: Vec<Org>,
    /// In which order the store gives its rows.
    order: Vec<u16>,
}

fn org() -> impl Strategy<Value = Org> {
    let word = prop_oneof![
        4 => Just(Word::Trusted),
        2 => Just(Word::Revoked),
        1 => Just(Word::Denied),
        1 => Just(Word::Swapped),
    ];
    let words = prop::collection::vec(prop::option::weighted(0.6, word), KEY_COUNT);
    (prop::bool::weighted(0.15), words).prop_map(|(deleted, words)| Org { deleted, words })
}

fn world() -> impl Strategy<Value = World> {
    let orgs = prop::collection::vec(org(), 1..=5);
    let order = prop::collection::vec(any::<u16>(), 5 * KEY_COUNT);
    (orgs, order).prop_map(|(orgs, order)| World { orgs, order })
}

fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap() + 1
}

impl World {
    /// What the store says of this world.
    fn facts(&self) -> Vec<TrustFact> {
        let mut facts = Vec::new();
        for (place, org) in self.orgs.iter().enumerate() {
            let blank = TrustFact {
                org_id: OrgId::random(),
                org_name: format!("org{place}").parse().unwrap(),
                org_deleted_at: org.deleted.then(|| at(u32::from(number(place)))),
                grant_id: (place > 0).then(GrantId::random),
                key: None,
            };
            let rows = org.words.iter().enumerate().filter_map(|(index, word)| {
                let named = key(number(index));
                Some(match (*word)? {
                    Word::Trusted => active(&named),
                    Word::Revoked => revoked(&named, 30),
                    Word::Denied => TrustedKeyRecord { public_key: None, ..revoked(&named, 31) },
                    // The next key, of which the same organisation may speak too.
                    Word::Swapped => swapped(&named, &key(number((index + 1) % KEY_COUNT))),
                })
            });
            let before = facts.len();
            facts.extend(rows.map(|row| TrustFact { key: Some(row), ..blank.clone() }));
            if place == 0 && facts.len() == before {
                facts.push(blank);
            }
        }
        let mut order = self.order.iter();
        facts.sort_by_cached_key(|_| order.next().copied());
        facts
    }

    /// The rules as one says them: which organisations' word makes the key trusted.
    fn trusting(&self, index: usize) -> BTreeSet<usize> {
        let nobody = BTreeSet::new();
        let trusts = |place: &usize| {
            !self.orgs[*place].deleted && self.orgs[*place].words[index] == Some(Word::Trusted)
        };
        if self.orgs[0].deleted {
            return nobody;
        }
        match self.orgs[0].words[index] {
            Some(_) => BTreeSet::from([0]).into_iter().filter(trusts).collect(),
            None => (1..self.orgs.len()).filter(trusts).collect(),
        }
    }

    /// Whether `reason`, given for refusing a key, is true.
    fn is_true(&self, index: usize, reason: &UntrustedReason) -> bool {
        let own = self.orgs[0].words[index];
        let is_revoked = |word| matches!(word, Some(Word::Revoked | Word::Denied));
        let child = |name: &str, is: &dyn Fn(&Org) -> bool| {
            let place: usize = name.strip_prefix("org").unwrap().parse().unwrap();
            place > 0 && own.is_none() && is(&self.orgs[place])
        };
        let dead = self.orgs[0].deleted;
        match reason {
            UntrustedReason::OrganizationDeleted { .. } => dead,
            UntrustedReason::Revoked { .. } => !dead && is_revoked(own),
            UntrustedReason::RevokedByChild { child_name, .. } => {
                !dead
                    && child(child_name.as_str(), &|org| {
                        !org.deleted && is_revoked(org.words[index])
                    })
            }
            UntrustedReason::ChildDeleted { child_name, .. } => {
                !dead
                    && child(child_name.as_str(), &|org| org.deleted && org.words[index].is_some())
            }
            UntrustedReason::Unknown => {
                let is_sound = |word: &Option<Word>| word.is_some_and(|word| word != Word::Swapped);
                let all_unsound = !self.orgs.iter().any(|org| is_sound(&org.words[index]));
                let one_swapped =
                    self.orgs.iter().any(|org| org.words[index] == Some(Word::Swapped));
                !dead && (all_unsound || one_swapped)
            }
            _ => false,
        }
    }
}

fn accepted(facts: &[TrustFact]) -> BTreeSet<Fingerprint> {
    trusted_keys(facts).iter().map(|found| found.key.fingerprint()).collect()
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
        let decision = decide(&facts, &named);
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
                // An organisation's own trust may hide a grant, which is trust too.
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
    }
}
