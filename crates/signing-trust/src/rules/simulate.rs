use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, OrgId, PackageName, PackageVersion, RevocationReason, TrustedKeyId,
};

use crate::snapshot::{KeyEntry, KeyStatus, KeyTrust, OrganizationTrust, StatedBy, TrustGrant};

/// A change of trust that has not been made.
#[derive(Clone, Debug)]
pub(crate) enum Scenario {
    /// Trust stays as it is: only other signatures are kept.
    Unchanged,
    /// An organization's row about a key is revoked.
    Revoked(TrustedKeyId),
    /// A key is denied, by an organization that may have no row about it.
    Denied(OrgId, Fingerprint),
    /// A key is declared compromised, for every organization.
    Compromised(Fingerprint),
    /// A parent withdraws its grant.
    GrantWithdrawn(OrgId, OrgId),
    /// An organization is deleted, with all that it trusts.
    OrganizationDeleted(OrgId),
    /// A parent grants trust, in place of the grant that it may have made to the same child.
    Granted(Box<NewGrant>),
    /// An organization trusts a key.
    Trusted(Box<NewTrust>),
    /// An organization takes back what its row says against a key.
    Reinstated { row: TrustedKeyId, fingerprint: Fingerprint },
    /// An organization sets the lowest version of a package, or takes it away.
    FloorSet { org: OrgId, package: PackageName, floor: Option<PackageVersion> },
}

/// A grant that has not been made.
#[derive(Clone, Debug)]
pub(crate) struct NewGrant {
    pub(crate) parent: OrgId,
    pub(crate) grant: TrustGrant,
    /// All that bears on whom the child accepts. Only its own statements count by the grant.
    pub(crate) keys: BTreeMap<Fingerprint, KeyTrust>,
}

/// Trust in a key that has not been stated.
#[derive(Clone, Debug)]
pub(crate) struct NewTrust {
    pub(crate) org: OrgId,
    /// The grants to the organization, by the parents that made them.
    pub(crate) grants: BTreeMap<OrgId, TrustGrant>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) status: KeyStatus,
}

impl Scenario {
    /// The organization that `org` would grant trust to.
    pub(crate) fn new_child_of(&self, org: OrgId) -> Option<OrgId> {
        match self {
            Self::Granted(new) if new.parent == org => Some(new.grant.child),
            _ => None,
        }
    }

    /// Whether `org` would no longer find the signatures that `keeper` keeps.
    pub(crate) fn hides(&self, org: OrgId, keeper: OrgId) -> bool {
        match self {
            Self::GrantWithdrawn(parent, child) => (org, keeper) == (*parent, *child),
            Self::OrganizationDeleted(deleted) => keeper == *deleted,
            _ => false,
        }
    }
}

/// The trust as it would be after a change at `at`.
pub(crate) fn simulate(
    trust: &OrganizationTrust,
    scenario: &Scenario,
    at: DateTime<Utc>,
) -> OrganizationTrust {
    let mut changed = trust.clone();
    let revoked = (at, RevocationReason::Retired);
    match scenario {
        Scenario::Unchanged => {}
        Scenario::Revoked(row) => {
            let entries = changed.keys.values_mut().flat_map(|key| &mut key.entries);
            for entry in entries.filter(|entry| entry.by.row() == Some(*row)) {
                entry.status.revoked.get_or_insert(revoked);
            }
        }
        Scenario::Denied(org, fingerprint) => {
            let denies = |by: StatedBy| match by {
                StatedBy::Child(place, _) => trust.grants[place].child == *org,
                _ => trust.is_of(*org),
            };
            let key = changed.keys.entry(*fingerprint).or_default();
            for entry in key.entries.iter_mut().filter(|entry| denies(entry.by)) {
                entry.status.revoked.get_or_insert(revoked);
            }
            // The row that the denial would make. A child's first statement about a key would
            // say nothing to others if it is a denial.
            if trust.is_of(*org) && key.own().is_none() {
                let status = KeyStatus { revoked: Some(revoked), ..KeyStatus::default() };
                let by = StatedBy::Organization(None);
                key.entries.insert(0, KeyEntry { by, status });
            }
        }
        Scenario::Compromised(fingerprint) => {
            changed.keys.entry(*fingerprint).or_default().compromised_at.get_or_insert(at);
        }
        Scenario::GrantWithdrawn(parent, child) if trust.is_of(*parent) => {
            changed.remove_grants_to(*child);
        }
        Scenario::GrantWithdrawn(..) => {}
        Scenario::OrganizationDeleted(org) => {
            if trust.is_of(*org)
                && let Some(organization) = &mut changed.organization
            {
                organization.deleted_at.get_or_insert(at);
            }
            for grant in changed.grants.iter_mut().filter(|grant| grant.child == *org) {
                grant.child_deleted_at.get_or_insert(at);
            }
        }
        Scenario::Granted(new) if trust.is_of(new.parent) => changed.grant(new),
        Scenario::Granted(_) => {}
        Scenario::Trusted(new) => changed.trust(new),
        Scenario::Reinstated { row, fingerprint } => {
            let entries = changed.keys.get_mut(fingerprint).map(|key| &mut key.entries);
            let entries = entries.into_iter().flatten();
            for entry in entries.filter(|entry| entry.by.row() == Some(*row)) {
                entry.status.revoked = None;
            }
        }
        Scenario::FloorSet { org, package, floor } if trust.is_of(*org) => {
            changed.floors.remove(package);
            changed.floors.extend(floor.clone().map(|floor| (package.clone(), floor)));
        }
        Scenario::FloorSet { .. } => {}
    }
    changed
}

impl OrganizationTrust {
    fn is_of(&self, org: OrgId) -> bool {
        self.organization.as_ref().is_some_and(|organization| organization.id == org)
    }

    fn grant(&mut self, new: &NewGrant) {
        self.remove_grants_to(new.grant.child);
        let place = self.insert_grant(new.grant.clone());
        for (fingerprint, theirs) in &new.keys {
            let Some(own) = theirs.own() else { continue };
            self.state(*fingerprint, StatedBy::Child(place, own.by.row()), own.status.clone());
            let key = self.keys.entry(*fingerprint).or_default();
            key.compromised_at = key.compromised_at.or(theirs.compromised_at);
        }
    }

    fn trust(&mut self, new: &NewTrust) {
        let grant =
            self.organization.as_ref().and_then(|organization| new.grants.get(&organization.id));
        let by = match grant {
            _ if self.is_of(new.org) => StatedBy::Organization(None),
            Some(grant) => {
                let place = self.grants.iter().position(|known| known.child == new.org);
                StatedBy::Child(place.unwrap_or_else(|| self.insert_grant(grant.clone())), None)
            }
            None => return,
        };
        self.state(new.fingerprint, by, new.status.clone());
    }

    /// Replaces what is said by the same organization. A name that is not given stays.
    fn state(&mut self, fingerprint: Fingerprint, by: StatedBy, mut status: KeyStatus) {
        let entries = &mut self.keys.entry(fingerprint).or_default().entries;
        match entries.iter_mut().find(|entry| entry.by.grant() == by.grant()) {
            Some(earlier) => {
                status.name = status.name.or(earlier.status.name.take());
                earlier.status = status;
            }
            None => {
                let place = entries.partition_point(|other| other.by.grant() < by.grant());
                entries.insert(place, KeyEntry { by, status });
            }
        }
    }

    /// Removes the grants to `child`, with what it says.
    fn remove_grants_to(&mut self, child: OrgId) {
        while let Some(removed) = self.grants.iter().position(|grant| grant.child == child) {
            self.grants.remove(removed);
            for key in self.keys.values_mut() {
                key.entries.retain(|entry| entry.by.grant() != Some(removed));
                key.renumber(|place| if place > removed { place - 1 } else { place });
            }
        }
    }

    /// Adds a grant, and returns its place among the others.
    fn insert_grant(&mut self, grant: TrustGrant) -> usize {
        let inserted = self.grants.partition_point(|other| other.order() <= grant.order());
        self.grants.insert(inserted, grant);
        for key in self.keys.values_mut() {
            key.renumber(|place| if place >= inserted { place + 1 } else { place });
        }
        inserted
    }
}

impl KeyTrust {
    /// Changes the places of the grants by which statements count.
    fn renumber(&mut self, new_place: impl Fn(usize) -> usize) {
        for entry in &mut self.entries {
            if let StatedBy::Child(place, _) = &mut entry.by {
                *place = new_place(*place);
            }
        }
    }
}
