//! How the value is made of the rows of a store.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{GrantId, TrustLimits};
use signing_store::{Heartbeat, KeyRow, OrganizationRecord, TrustSnapshot, TrustedKeyRecord};

use super::{
    DocumentsOfChild, KeyEntry, KeyStatus, Organization, OrganizationTrust, StatedBy, TrustGrant,
};
use crate::clock::clock_time;

/// What a store said about its state and its clock, and when it was asked, since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedHeartbeat {
    pub(crate) heartbeat: Heartbeat,
    pub(crate) asked: Duration,
}

impl TimedHeartbeat {
    /// The present, by the local clock and the store's.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        present(self.heartbeat.as_of, self.asked)
    }
}

/// The present: the later of the local clock, and the store's as it has gone on since it was
/// `asked`.
pub(crate) fn present(as_of: Option<DateTime<Utc>>, asked: Duration) -> DateTime<Utc> {
    let since = TimeDelta::from_std(boot_time().saturating_sub(asked)).unwrap_or(TimeDelta::MAX);
    let theirs =
        as_of.map(|as_of| as_of.checked_add_signed(since).unwrap_or(DateTime::<Utc>::MAX_UTC));
    theirs.map_or_else(clock_time, |theirs| theirs.max(clock_time()))
}

/// Time since boot, including the time for which the machine was suspended (clock_gettime(2)).
pub fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

impl OrganizationTrust {
    /// The present, by the local clock and that of the store it was read from.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.as_of.map_or_else(clock_time, |as_of| as_of.now())
    }

    /// What the store said when it was asked at `asked`. It is the same in whichever order
    /// the rows come.
    pub(crate) fn from_store(snapshot: TrustSnapshot, asked: Duration) -> Self {
        let TrustSnapshot { heartbeat, organization, floors, key_rows, unreadable } = snapshot;
        let mut grants = BTreeMap::new();
        for (grant, child) in key_rows.iter().filter_map(|row| row.grant.as_ref()) {
            grants
                .entry(grant.id)
                .or_insert_with(|| TrustGrant::new(Some(grant.id), child, grant.limits()));
        }
        let (id, deleted_at) = (organization.id, organization.deleted_at);
        let mut trust = Self {
            organization: Some(Organization { id, deleted_at }),
            grants: grants.into_values().collect(),
            floors,
            as_of: Some(TimedHeartbeat { heartbeat, asked }),
            ..Self::default()
        };
        trust.sort_grants();
        let places: BTreeMap<GrantId, usize> = trust
            .grants
            .iter()
            .enumerate()
            .filter_map(|(place, grant)| Some((grant.id?, place)))
            .collect();
        for KeyRow { grant, key: row, compromised_at } in key_rows {
            let by = match grant {
                None => StatedBy::Organization(Some(row.id)),
                Some((grant, _)) => StatedBy::Child(places[&grant.id], Some(row.id)),
            };
            let key = trust.keys.entry(row.fingerprint).or_default();
            key.compromised_at = key.compromised_at.or(compromised_at);
            key.entries.push(KeyEntry { by, status: KeyStatus::from(row) });
        }
        for key in trust.keys.values_mut() {
            key.entries.sort_by_key(|entry| entry.by.grant());
        }
        for fingerprint in unreadable {
            trust.keys.entry(fingerprint).or_default().is_unreadable = true;
        }
        trust
    }
}

impl TrustGrant {
    /// What rows say of it; `id` is the grant's, if it has one.
    pub(crate) fn new(
        id: Option<GrantId>,
        child: &OrganizationRecord,
        limits: TrustLimits,
    ) -> Self {
        Self {
            id,
            child: child.id,
            child_name: child.name.clone(),
            child_deleted_at: child.deleted_at,
            limits,
            narrowed_to: None,
            documents: DocumentsOfChild::NotAsked,
        }
    }
}

impl From<TrustedKeyRecord> for KeyStatus {
    fn from(row: TrustedKeyRecord) -> Self {
        let reason = row.revocation_reason.unwrap_or_default();
        Self {
            public_key: row.public_key,
            name: row.name,
            revoked: row.revoked_at.map(|at| (at, reason)),
            expires_at: row.expires_at,
        }
    }
}
