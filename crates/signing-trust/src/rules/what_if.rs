use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, OrgId, TrustedKeyId};
use signing_store::{KeyWord, TrustFact, TrustFacts};

/// A revocation that has not been made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WhatIf {
    /// Of an organization's row about a key.
    Revoked(TrustedKeyId),
    /// Of a key, by an organization that may have no row about it.
    Denied(OrgId, Fingerprint),
    /// Of a key, for every organization.
    Compromised(Fingerprint),
}

/// The facts as they would be after a revocation at `at`.
pub(crate) fn suppose(known: &TrustFacts, what_if: WhatIf, at: DateTime<Utc>) -> TrustFacts {
    let mut facts = known.facts.to_vec();
    if let WhatIf::Denied(org, fingerprint) = what_if {
        facts.extend(first_word(&known.facts, org, fingerprint, at));
    }
    for fact in &mut facts {
        let Some(key) = &mut fact.key else { continue };
        match what_if {
            WhatIf::Revoked(id) if key.id == id => {
                key.revoked_at.get_or_insert(at);
            }
            WhatIf::Denied(org, fingerprint)
                if fact.org_id == org && key.fingerprint == fingerprint =>
            {
                key.revoked_at.get_or_insert(at);
            }
            WhatIf::Compromised(fingerprint) if key.fingerprint == fingerprint => {
                fact.compromised_at.get_or_insert(at);
            }
            _ => {}
        }
    }
    TrustFacts { facts: facts.into(), ..known.clone() }
}

/// The row that a denial would make, if the asking organization is who denies the key
/// and has said nothing about it. To others a child's first word would say nothing.
fn first_word(
    facts: &[TrustFact],
    org: OrgId,
    fingerprint: Fingerprint,
    at: DateTime<Utc>,
) -> Option<TrustFact> {
    let asking = facts.iter().find(|fact| fact.grant.is_none() && fact.org_id == org)?;
    let about = |fact: &TrustFact| fact.key.as_ref().map(|key| (fact.org_id, key.fingerprint));
    if facts.iter().any(|fact| about(fact) == Some((org, fingerprint))) {
        return None;
    }
    let key = KeyWord {
        id: TrustedKeyId::random(),
        fingerprint,
        public_key: None,
        name: None,
        revoked_at: Some(at),
        expires_at: None,
    };
    Some(TrustFact { key: Some(key), compromised_at: None, ..asking.clone() })
}
