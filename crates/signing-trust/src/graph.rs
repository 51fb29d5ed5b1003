use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, GrantId, KeyName, Note, OrgId, OrgName, TrustLimits, TrustedKeyId,
};
use signing_store::{TrustGrantRecord, TrustRows, TrustedKeyRecord};

use crate::rules::{DecisionContext, GrantStanding, KeyStanding, grant_standing, key_standing};
use crate::snapshot::KeyStatus;

/// Who accepts whose keys, as of one moment: a picture. What is decided about a
/// signature, [`TrustReader::decide`](crate::TrustReader::decide) says.
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
    /// Its grants, in the order of the organizations that received them.
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
    /// Until when it trusts the key: `None` without an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it says about that it revoked the key.
    pub note: Option<Note>,
    /// The effect of that.
    pub standing: KeyStanding,
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
    /// Whether it is in force.
    pub standing: GrantStanding,
}

impl TrustGraph {
    pub(crate) fn new(rows: TrustRows, now: DateTime<Utc>) -> Self {
        let context = DecisionContext::at(now);
        let mut organizations = rows.organizations;
        organizations
            .sort_by(|a, b| (&a.name, a.created_at, a.id).cmp(&(&b.name, b.created_at, b.id)));
        let mut keys: BTreeMap<OrgId, Vec<GraphKey>> = BTreeMap::new();
        for (row, compromised_at) in rows.keys {
            let keys = keys.entry(row.org_id).or_default();
            keys.extend(graph_key(row, compromised_at, context));
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
                    graph_grant(&grant, name.clone(), *deleted_at, context)
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

/// `None` if the row says nothing.
fn graph_key(
    row: TrustedKeyRecord,
    compromised_at: Option<DateTime<Utc>>,
    context: DecisionContext,
) -> Option<GraphKey> {
    let (id, fingerprint, note) = (row.id, row.fingerprint, row.revocation_note.clone());
    let status = KeyStatus::from(row);
    let standing = key_standing(&fingerprint, &status, compromised_at, context)?;
    let KeyStatus { name, expires_at, .. } = status;
    Some(GraphKey { id, fingerprint, name, expires_at, note, standing })
}

pub(crate) fn graph_grant(
    grant: &TrustGrantRecord,
    child_name: OrgName,
    child_deleted_at: Option<DateTime<Utc>>,
    context: DecisionContext,
) -> GraphGrant {
    let limits = grant.limits();
    let standing = grant_standing(&limits, child_deleted_at, context);
    GraphGrant { id: grant.id, child: grant.child_org_id, child_name, limits, standing }
}
