//! The rules of trust as they are written down, over sets: nothing here is shared with
//! the code that they are to judge, and nothing is quick.

use std::collections::{BTreeMap, BTreeSet};

/// When something ends. Nothing ends while a graph is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Never,
    Past,
    Future,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Retired,
    Compromised,
}

/// An organization's row about a key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    /// Until when it trusts the key, if it ever said so.
    pub(super) trusted: Option<End>,
    /// Whether it refuses it.
    pub(super) refused: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Patterns for package names; of all packages if there are none.
    pub(super) packages: Vec<&'static str>,
    pub(super) end: End,
}

/// A graph of trust. Organizations and keys are numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) deleted: BTreeSet<usize>,
    pub(super) words: BTreeMap<(usize, usize), Word>,
    /// From parents to children.
    pub(super) grants: BTreeMap<(usize, usize), Grant>,
    /// Keys that every organization of the store refuses.
    pub(super) compromised: BTreeSet<usize>,
}

impl Model {
    /// Whether `org` accepts `key` for a package.
    pub(super) fn accepts(&self, org: usize, key: usize, package: &str) -> bool {
        !self.vouchers(org, key, package).is_empty()
    }

    /// By whose word `org` accepts `key` for a package.
    pub(super) fn vouchers(&self, org: usize, key: usize, package: &str) -> BTreeSet<usize> {
        let mut vouchers = BTreeSet::new();
        // Rule 5: a deleted organization trusts nothing.
        if self.deleted.contains(&org) {
            return vouchers;
        }
        // Rule 3: compromised keys are refused in every organization.
        if self.compromised.contains(&key) {
            return vouchers;
        }
        // Rule 2: deny wins, whatever a grant says.
        if self.word(org, key).refused.is_some() {
            return vouchers;
        }
        // Rule 1: directly, and through grants that reach one level.
        if self.trusts_directly(org, key) {
            vouchers.insert(org);
        }
        let granted = self.grants.iter().filter(|((parent, child), grant)| {
            *parent == org
                && grant.end != End::Past
                && (grant.packages.is_empty()
                    || grant.packages.iter().any(|pattern| matches(pattern, package)))
                // Rule 5: and passes no trust on.
                && !self.deleted.contains(child)
                && self.trusts_directly(*child, key)
        });
        vouchers.extend(granted.map(|((_, child), _)| *child));
        vouchers
    }

    /// Rule 2: a child that revoked a key passes nothing on. Rule 9: what has expired
    /// does not count.
    fn trusts_directly(&self, org: usize, key: usize) -> bool {
        let word = self.word(org, key);
        word.refused.is_none() && matches!(word.trusted, Some(End::Never | End::Future))
    }

    pub(super) fn word(&self, org: usize, key: usize) -> Word {
        self.words.get(&(org, key)).copied().unwrap_or_default()
    }

    /// Rules 3 and 4: what was revoked, denied or compromised is not trusted again by
    /// trusting it.
    pub(super) fn may_trust(&self, org: usize, key: usize) -> bool {
        !self.deleted.contains(&org)
            && !self.compromised.contains(&key)
            && self.word(org, key).refused.is_none()
    }

    /// Rule 3: what is compromised never comes back.
    pub(super) fn may_reinstate(&self, org: usize, key: usize) -> bool {
        !self.deleted.contains(&org)
            && !self.compromised.contains(&key)
            && self.word(org, key).refused != Some(Refusal::Compromised)
    }

    pub(super) fn may_grant(&self, parent: usize, child: usize) -> bool {
        parent != child && !self.deleted.contains(&parent) && !self.deleted.contains(&child)
    }

    pub(super) fn refuse(&mut self, org: usize, key: usize, refusal: Refusal) {
        let word = self.words.entry((org, key)).or_default();
        if word.refused != Some(Refusal::Compromised) {
            word.refused = Some(refusal);
        }
    }
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return name.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    let mut after = name.chars();
    match first {
        '*' => (0..=name.len()).any(|at| name.is_char_boundary(at) && matches(rest, &name[at..])),
        '?' => after.next().is_some() && matches(rest, after.as_str()),
        _ => after.next() == Some(first) && matches(rest, after.as_str()),
    }
}

#[test]
fn naive_patterns_match_as_they_are_described() {
    for (pattern, name, expected) in [
        ("*", "a.so", true),
        ("etl-*", "etl-", true),
        ("etl-*", "my-etl-", false),
        ("*.so", "a.b.so", true),
        ("*.so", "a.so.1", false),
        ("a?c", "aéc", true),
        ("a?c", "ac", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}
