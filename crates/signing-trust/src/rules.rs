//! The trust rules, as a function of what a store says.

use chrono::Utc;
use signing_crypto::{Fingerprint, OrgId};
use signing_store::{TrustFact, TrustedKeyRecord};

use crate::{KeyDecision, TrustDecision, TrustError, TrustPath, TrustedKey, UntrustedReason};

/// The most trusted keys that a signature without a name is tried against.
pub const MAX_CANDIDATES: usize = 64;

/// Decides on the keys `named`.
pub(crate) fn decide(facts: &[TrustFact], named: &[Fingerprint]) -> TrustDecision {
    let keys = named
        .iter()
        .map(|&fingerprint| KeyDecision { fingerprint, verdict: judge(facts, fingerprint) })
        .collect();
    TrustDecision { keys, now: Utc::now(), floor: None }
}

/// Every key that the facts make trusted, in the order of their fingerprints.
pub(crate) fn trusted_keys(facts: &[TrustFact]) -> Vec<TrustedKey> {
    let mut fingerprints: Vec<Fingerprint> =
        facts.iter().filter_map(|fact| fact.key.as_ref()).map(|key| key.fingerprint).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    fingerprints.iter().filter_map(|&fingerprint| judge(facts, fingerprint).ok()).collect()
}

/// The keys to try a signature against that names none.
pub(crate) fn candidates(facts: &[TrustFact]) -> Result<Vec<Fingerprint>, TrustError> {
    let candidates: Vec<_> =
        trusted_keys(facts).iter().map(|trusted| trusted.key.fingerprint()).collect();
    match candidates.len() {
        0..=MAX_CANDIDATES => Ok(candidates),
        found => Err(TrustError::TooManyCandidates { found, limit: MAX_CANDIDATES }),
    }
}

fn judge(facts: &[TrustFact], fingerprint: Fingerprint) -> Result<TrustedKey, UntrustedReason> {
    let asking = facts.iter().find(|fact| fact.grant_id.is_none());
    if let Some(at) = asking.and_then(|fact| fact.org_deleted_at) {
        return Err(UntrustedReason::OrganizationDeleted { at });
    }
    let about = facts.iter().filter_map(|fact| {
        fact.key.as_ref().filter(|key| key.fingerprint == fingerprint).map(|key| (fact, key))
    });
    let (own, inherited): (Vec<_>, Vec<_>) = about.partition(|(fact, _)| fact.grant_id.is_none());

    // The organisation's own word, if it has said one, settles it: its refusal
    // wins over every grant, and its trust needs none.
    if let Some((_, key)) = own.first() {
        return match key.revoked_at {
            Some(at) => Err(UntrustedReason::Revoked { at }),
            None => trusted(key, key.org_id, TrustPath::Direct { trusted_key: key.id }),
        };
    }
    let mut refusal = UntrustedReason::Unknown;
    for (fact, key) in inherited {
        let (Some(grant), child_name) = (fact.grant_id, fact.org_name.clone()) else { continue };
        refusal = match (fact.org_deleted_at, key.revoked_at) {
            (Some(at), _) => UntrustedReason::ChildDeleted { child_name, at },
            (None, Some(at)) => UntrustedReason::RevokedByChild { child_name, at },
            (None, None) => {
                let (child, trusted_key) = (fact.org_id, key.id);
                let via = TrustPath::Granted { grant, child, child_name, trusted_key };
                match trusted(key, child, via) {
                    Ok(found) => return Ok(found),
                    // Another organisation's row may be sound: facts have no order.
                    Err(reason) => reason,
                }
            }
        };
    }
    Err(refusal)
}

/// A row's key must be the one that its fingerprint names: somebody who can
/// write rows must not be able to slip another key under a known name.
fn trusted(
    record: &TrustedKeyRecord,
    voucher: OrgId,
    via: TrustPath,
) -> Result<TrustedKey, UntrustedReason> {
    match record.public_key {
        Some(key) if key.fingerprint() == record.fingerprint => {
            let vouchers = vec![voucher];
            Ok(TrustedKey { key, name: record.name.clone(), via, vouchers })
        }
        _ => Err(UntrustedReason::Unknown),
    }
}

#[cfg(test)]
mod tests;
