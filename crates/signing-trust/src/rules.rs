//! The trust rules, as a function of what a store says.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::{Fingerprint, PackageName, PackagePatterns};
use signing_store::{KeyWord, TrustFact, TrustFacts};

use crate::{
    KeyDecision, Signers, TrustDecision, TrustError, TrustLimits, TrustPath, TrustedKey,
    UntrustedReason,
};

mod what_if;

pub(crate) use what_if::{WhatIf, suppose};

/// The most trusted keys that a signature without a name is tried against.
pub const MAX_CANDIDATES: usize = 64;

/// The most facts that are looked at to find those keys.
pub(crate) const MAX_FACTS: usize = 4096;

/// What keys are to be good for, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) packages: Packages<'a>,
    /// The moment that expiry is measured against.
    pub(crate) now: DateTime<Utc>,
    /// How far that may be ahead of whoever said when trust ends.
    pub(crate) clock_skew_allowance: TimeDelta,
}

impl<'a> Occasion<'a> {
    /// With no allowance.
    pub(crate) fn new(packages: Packages<'a>, now: DateTime<Utc>) -> Self {
        Self { packages, now, clock_skew_allowance: TimeDelta::zero() }
    }

    /// The time, if what ends then has ended.
    fn ended(self, expires_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        // Only an allowance for ever overflows.
        let end = |at: &DateTime<Utc>| at.checked_add_signed(self.clock_skew_allowance);
        expires_at.filter(|at| end(at).is_some_and(|end| self.now >= end))
    }
}

/// The packages that keys are to be good for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packages<'a> {
    /// This one.
    Named(&'a PackageName),
    /// Each and every one.
    All,
    /// Some, whichever.
    Some,
}

impl Packages<'_> {
    fn are_within(self, limit: &PackagePatterns) -> bool {
        match self {
            Self::Named(name) => limit.matches(name),
            Self::All => false,
            Self::Some => true,
        }
    }
}

/// Decides on the keys `named`.
pub(crate) fn decide(
    known: &TrustFacts,
    named: &[Fingerprint],
    occasion: Occasion<'_>,
) -> TrustDecision {
    let judged = |&fingerprint| KeyDecision {
        fingerprint,
        verdict: judge(&known.facts, fingerprint, occasion),
    };
    let keys = named.iter().map(judged).collect();
    TrustDecision { keys, now: occasion.now, floor: known.floor.clone() }
}

/// Decides on the keys that are said to have signed, and on whoever may have.
pub(crate) fn decide_signers(
    known: &TrustFacts,
    signers: &Signers,
    occasion: Occasion<'_>,
) -> Result<TrustDecision, TrustError> {
    let mut named = signers.named.clone();
    if signers.anonymous {
        let unnamed = candidates(&known.facts, occasion)?;
        named.extend(unnamed.iter().filter(|key| !signers.named.contains(key)));
    }
    Ok(decide(known, &named, occasion))
}

/// Every key that the facts make trusted, in the order of their fingerprints.
pub(crate) fn trusted_keys(facts: &[TrustFact], occasion: Occasion<'_>) -> Vec<TrustedKey> {
    let judged = |fingerprint| judge(facts, fingerprint, occasion).ok();
    fingerprints(facts).into_iter().filter_map(judged).collect()
}

/// The same, once for each path by which a key is trusted.
pub(crate) fn trusted_paths(facts: &[TrustFact], occasion: Occasion<'_>) -> Vec<TrustedKey> {
    let mut paths = Vec::new();
    for fingerprint in fingerprints(facts) {
        if judge(facts, fingerprint, occasion).is_ok() {
            let words = words_about(facts, fingerprint);
            paths.extend(words.iter().filter_map(|word| word.trusts(occasion).ok()));
        }
    }
    paths
}

fn fingerprints(facts: &[TrustFact]) -> BTreeSet<Fingerprint> {
    facts.iter().filter_map(|fact| fact.key.as_ref()).map(|key| key.fingerprint).collect()
}

/// The keys to try a signature against that names none.
pub(crate) fn candidates(
    facts: &[TrustFact],
    occasion: Occasion<'_>,
) -> Result<Vec<Fingerprint>, TrustError> {
    let candidates: Vec<_> =
        trusted_keys(facts, occasion).iter().map(|trusted| trusted.key.fingerprint()).collect();
    match candidates.len() {
        0..=MAX_CANDIDATES => Ok(candidates),
        found => Err(TrustError::TooManyCandidates { found, limit: MAX_CANDIDATES }),
    }
}

fn judge(
    facts: &[TrustFact],
    fingerprint: Fingerprint,
    occasion: Occasion<'_>,
) -> Result<TrustedKey, UntrustedReason> {
    let asking = facts.iter().find(|fact| fact.grant.is_none());
    if let Some(at) = asking.and_then(|fact| fact.org_deleted_at) {
        return Err(UntrustedReason::OrganizationDeleted { at });
    }
    let words = words_about(facts, fingerprint);
    if let Some(at) = words.iter().find_map(|word| word.fact.compromised_at) {
        return Err(UntrustedReason::Compromised { at });
    }
    // The organization's own refusal wins over every grant.
    let own = words.iter().filter(|word| word.fact.grant.is_none());
    let refusals = own.filter_map(|word| Some((word.key.revoked_at?, word.key.public_key)));
    match refusals.min_by_key(|(at, _)| *at) {
        Some((at, Some(_))) => return Err(UntrustedReason::Revoked { at }),
        // Denied by its fingerprint: the organization has never had the key.
        Some((at, None)) => return Err(UntrustedReason::Denied { at }),
        None => {}
    }
    let mut trusted: Option<TrustedKey> = None;
    let mut refusal = UntrustedReason::Unknown;
    for word in words {
        match (word.trusts(occasion), &mut trusted) {
            (Ok(key), None) => trusted = Some(key),
            (Ok(key), Some(first)) => first.vouchers.extend(key.vouchers),
            (Err(reason), None) if refusal == UntrustedReason::Unknown => refusal = reason,
            (Err(_), _) => {}
        }
    }
    trusted.ok_or(refusal)
}

/// What is said about a key: first by the organization itself, then by those that it
/// granted most, so that the path that is told does not depend on the order of rows.
fn words_about(facts: &[TrustFact], fingerprint: Fingerprint) -> Vec<Word<'_>> {
    let about = |word: &Word<'_>| word.key.fingerprint == fingerprint;
    let mut words: Vec<_> = facts.iter().filter_map(Word::of).filter(about).collect();
    words.sort_by_key(|word| {
        let limited = word.fact.grant.as_ref().map(|grant| grant.packages.is_some());
        (limited, &word.fact.org_name)
    });
    words
}

/// What one organization says about a key.
#[derive(Clone, Copy)]
struct Word<'a> {
    fact: &'a TrustFact,
    key: &'a KeyWord,
}

impl<'a> Word<'a> {
    fn of(fact: &'a TrustFact) -> Option<Self> {
        let key = fact.key.as_ref().filter(|key| key.says_something())?;
        Some(Self { fact, key })
    }

    /// Whether the key is trusted by this word alone.
    fn trusts(self, occasion: Occasion<'_>) -> Result<TrustedKey, UntrustedReason> {
        let Self { fact, key } = self;
        let trusted_key = key.id;
        let Some(grant) = &fact.grant else {
            return match (key.revoked_at, occasion.ended(key.expires_at)) {
                (Some(at), _) => Err(UntrustedReason::Revoked { at }),
                (None, Some(at)) => Err(UntrustedReason::Expired { at }),
                (None, None) => self.sound(
                    TrustPath::Direct { trusted_key },
                    TrustLimits { packages: None, expires_at: key.expires_at },
                ),
            };
        };
        let child_name = fact.org_name.clone();
        if let Some(at) = fact.org_deleted_at {
            return Err(UntrustedReason::ChildDeleted { child_name, at });
        }
        if let Some(at) = key.revoked_at {
            return Err(UntrustedReason::RevokedByChild { child_name, at });
        }
        if let Some(at) = occasion.ended(key.expires_at) {
            return Err(UntrustedReason::ExpiredAtChild { child_name, at });
        }
        if let Some(at) = occasion.ended(grant.expires_at) {
            return Err(UntrustedReason::GrantExpired { child_name, at });
        }
        if let Some(packages) = &grant.packages
            && !occasion.packages.are_within(packages)
        {
            let packages = packages.clone();
            return Err(UntrustedReason::OtherPackages { child_name, packages });
        }
        let (grant_id, child) = (grant.id, fact.org_id);
        let limits = TrustLimits {
            packages: grant.packages.clone(),
            expires_at: [key.expires_at, grant.expires_at].into_iter().flatten().min(),
        };
        self.sound(TrustPath::Granted { grant: grant_id, child, child_name, trusted_key }, limits)
    }

    /// A row's key must be the one that its fingerprint names: somebody who can
    /// write rows must not be able to slip another key under a known name.
    fn sound(self, via: TrustPath, limits: TrustLimits) -> Result<TrustedKey, UntrustedReason> {
        match self.key.public_key {
            Some(key) if key.fingerprint() == self.key.fingerprint => Ok(TrustedKey {
                key,
                name: self.key.name.clone(),
                via,
                vouchers: vec![self.fact.org_id],
                limits,
            }),
            _ => Err(UntrustedReason::Unknown),
        }
    }
}

#[cfg(test)]
mod tests;
