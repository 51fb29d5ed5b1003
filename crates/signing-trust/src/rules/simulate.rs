use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, OrgId, RevocationReason, TrustedKeyId};

use crate::snapshot::{KeyStatement, KeyStatus, OrganizationTrust, StatedBy};

/// A change that takes trust away, and has not been made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scenario {
    /// Of an organization's row about a key.
    Revoked(TrustedKeyId),
    /// Of a key, by an organization that may have no row about it.
    Denied(OrgId, Fingerprint),
    /// Of a key, for every organization.
    Compromised(Fingerprint),
    /// Of a grant, by its parent.
    GrantWithdrawn(OrgId, OrgId),
    /// Of an organization, with all that it trusts.
    OrganizationDeleted(OrgId),
}

/// The trust as it would be after a change at `at`.
pub(crate) fn simulate(
    trust: &OrganizationTrust,
    scenario: Scenario,
    at: DateTime<Utc>,
) -> OrganizationTrust {
    let mut changed = trust.clone();
    let revoked = (at, RevocationReason::Retired);
    match scenario {
        Scenario::Revoked(row) => {
            let statements = changed.keys.values_mut().flat_map(|key| &mut key.statements);
            for statement in statements.filter(|statement| statement.by.row() == Some(row)) {
                statement.status.revoked.get_or_insert(revoked);
            }
        }
        Scenario::Denied(org, fingerprint) => {
            let denies = |by: StatedBy| match by {
                StatedBy::Child(place, _) => trust.grants[place].child == org,
                _ => trust.is_of(org),
            };
            let key = changed.keys.entry(fingerprint).or_default();
            for statement in key.statements.iter_mut().filter(|statement| denies(statement.by)) {
                statement.status.revoked.get_or_insert(revoked);
            }
            // The row that the denial would make. A child's first statement about a key would
            // say nothing to others if it is a denial.
            if trust.is_of(org) && key.own().is_none() {
                let status = KeyStatus {
                    public_key: None,
                    name: None,
                    revoked: Some(revoked),
                    expires_at: None,
                };
                let by = StatedBy::Organization(None);
                key.statements.insert(0, KeyStatement { by, status });
            }
        }
        Scenario::Compromised(fingerprint) => {
            changed.keys.entry(fingerprint).or_default().compromised_at.get_or_insert(at);
        }
        // Statements name their grants by their places, so the grant stays, and has ended.
        Scenario::GrantWithdrawn(parent, child) if trust.is_of(parent) => {
            let withdrawn = changed.grants.iter_mut().filter(|grant| grant.child == child);
            withdrawn.for_each(|grant| grant.limits.expires_at = Some(at));
        }
        Scenario::GrantWithdrawn(..) => {}
        Scenario::OrganizationDeleted(org) => {
            if trust.is_of(org)
                && let Some(organization) = &mut changed.organization
            {
                organization.deleted_at.get_or_insert(at);
            }
            for grant in changed.grants.iter_mut().filter(|grant| grant.child == org) {
                grant.child_deleted_at.get_or_insert(at);
            }
        }
    }
    changed
}

impl OrganizationTrust {
    fn is_of(&self, org: OrgId) -> bool {
        self.organization.as_ref().is_some_and(|organization| organization.id == org)
    }
}
