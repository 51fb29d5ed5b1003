use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, GrantId, KeyName, Note, OrgId, OrgName, TrustedKeyId};
use signing_store::{RevocationReason, TrustGrantRecord, TrustRows, TrustedKeyRecord};

use crate::TrustLimits;

/// Who accepts whose keys, as of one moment: a picture. What is decided about a
/// signature, [`KeyManager::decide`](crate::KeyManager::decide) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustGraph {
    /// That moment, which expiry is measured against.
    pub as_of: DateTime<Utc>,
    /// The organizations by name, of the same name the older first; deleted ones
    /// included.
    pub organizations: Vec<GraphOrganization>,
}

/// An organization, what it says about keys, and whose keys it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphOrganization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: OrgName,
    /// When it was deleted: then nothing that it says counts.
    pub deleted_at: Option<DateTime<Utc>>,
    /// What it says about keys, by fingerprint.
    pub keys: Vec<GraphKey>,
    /// To whom it granted trust, in the order of the organizations.
    pub grants: Vec<GraphGrant>,
}

/// What an organization says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphKey {
    /// The row's id.
    pub id: TrustedKeyId,
    /// The key.
    pub fingerprint: Fingerprint,
    /// What the organization calls it.
    pub name: Option<KeyName>,
    /// Until when it trusts the key: `None` for ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it says about that it revoked the key.
    pub note: Option<Note>,
    /// What comes of it.
    pub standing: KeyStanding,
}

/// What comes of an organization's word about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStanding {
    /// Its signatures are accepted.
    Trusted,
    /// They were, until then.
    Expired {
        /// When that ended.
        at: DateTime<Utc>,
    },
    /// They are refused.
    Revoked {
        /// Since when.
        at: DateTime<Utc>,
        /// Why.
        reason: RevocationReason,
    },
    /// They are refused, and never were accepted by the organization's own word.
    Denied {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// Every organization of the store refuses them.
    Compromised {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The row holds another key than it names, so it is not trusted.
    Mismatched,
}

/// A grant of trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphGrant {
    /// Its id.
    pub id: GrantId,
    /// Whose keys are accepted.
    pub child: OrgId,
    /// Its name.
    pub child_name: OrgName,
    /// For which packages, and until when.
    pub limits: TrustLimits,
    /// What comes of it.
    pub standing: GrantStanding,
}

/// What comes of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantStanding {
    /// It is in force.
    InForce,
    /// It was, until then.
    Expired {
        /// When that ended.
        at: DateTime<Utc>,
    },
    /// The other organization was deleted, and passes nothing on.
    ChildDeleted {
        /// When it was.
        at: DateTime<Utc>,
    },
}

impl TrustGraph {
    pub(crate) fn new(rows: TrustRows, now: DateTime<Utc>) -> Self {
        let mut organizations = rows.organizations;
        organizations
            .sort_by(|a, b| (&a.name, a.created_at, a.id).cmp(&(&b.name, b.created_at, b.id)));
        let mut keys: BTreeMap<OrgId, Vec<GraphKey>> = BTreeMap::new();
        for (row, compromised_at) in rows.keys.into_iter().filter(|(row, _)| row.says_something()) {
            keys.entry(row.org_id).or_default().push(graph_key(row, compromised_at, now));
        }
        let mut grants: BTreeMap<OrgId, Vec<TrustGrantRecord>> = BTreeMap::new();
        for grant in rows.grants {
            grants.entry(grant.parent_org_id).or_default().push(grant);
        }
        let places: BTreeMap<OrgId, (usize, OrgName, Option<DateTime<Utc>>)> = organizations
            .iter()
            .enumerate()
            .map(|(place, org)| (org.id, (place, org.name.clone(), org.deleted_at)))
            .collect();
        let organizations = organizations
            .into_iter()
            .map(|org| {
                let mut keys = keys.remove(&org.id).unwrap_or_default();
                keys.sort_by_key(|key| key.fingerprint);
                let mut grants: Vec<_> = grants
                    .remove(&org.id)
                    .unwrap_or_default()
                    .into_iter()
                    // What refers to no organization reaches none.
                    .filter_map(|grant| Some((places.get(&grant.child_org_id)?, grant)))
                    .collect();
                grants.sort_by_key(|((place, ..), _)| *place);
                let grants = grants.into_iter().map(|((_, name, deleted_at), grant)| {
                    graph_grant(grant, name.clone(), *deleted_at, now)
                });
                GraphOrganization {
                    id: org.id,
                    name: org.name,
                    deleted_at: org.deleted_at,
                    keys,
                    grants: grants.collect(),
                }
            })
            .collect();
        Self { as_of: now, organizations }
    }

    /// The organization with this id.
    pub fn organization(&self, id: OrgId) -> Option<&GraphOrganization> {
        self.organizations.iter().find(|org| org.id == id)
    }
}

/// In the order in which the rules of trust look at a key.
fn graph_key(
    row: TrustedKeyRecord,
    compromised_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> GraphKey {
    let sound = row.public_key.is_some_and(|key| key.fingerprint() == row.fingerprint);
    let standing = match (compromised_at, row.revoked_at, row.expires_at) {
        (Some(at), _, _) => KeyStanding::Compromised { at },
        (None, Some(at), _) if row.public_key.is_none() => KeyStanding::Denied { at },
        (None, Some(at), _) => {
            let reason = row.revocation_reason.unwrap_or_default();
            KeyStanding::Revoked { at, reason }
        }
        (None, None, Some(at)) if now >= at => KeyStanding::Expired { at },
        _ if !sound => KeyStanding::Mismatched,
        _ => KeyStanding::Trusted,
    };
    GraphKey {
        id: row.id,
        fingerprint: row.fingerprint,
        name: row.name,
        expires_at: row.expires_at,
        note: row.revocation_note,
        standing,
    }
}

fn graph_grant(
    grant: TrustGrantRecord,
    child_name: OrgName,
    child_deleted_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> GraphGrant {
    let standing = match (child_deleted_at, grant.expires_at) {
        (Some(at), _) => GrantStanding::ChildDeleted { at },
        (None, Some(at)) if now >= at => GrantStanding::Expired { at },
        _ => GrantStanding::InForce,
    };
    let limits = TrustLimits { packages: grant.packages, expires_at: grant.expires_at };
    GraphGrant { id: grant.id, child: grant.child_org_id, child_name, limits, standing }
}
