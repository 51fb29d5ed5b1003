use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, PackageName, PackageVersion};

use crate::error::StoreError;
use crate::pool::read;
use crate::store::StoreReader;
use crate::tables::organizations::OrganizationRecord;
use crate::tables::store_state::Heartbeat;
use crate::tables::trust_grants::TrustGrantRecord;
use crate::tables::trusted_keys::TrustedKeyRecord;

mod row;
mod statement;

use row::Row;
use statement::{Keys, SnapshotQuery};

#[cfg(feature = "postgres")]
pub use statement::snapshot_statements;

/// What bears on whom one organization accepts, about some keys or all: read in one
/// statement, so as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSnapshot {
    /// The moment.
    pub heartbeat: Heartbeat,
    /// The organization.
    pub organization: OrganizationRecord,
    /// The lowest versions that it accepts, by package.
    pub floors: BTreeMap<PackageName, PackageVersion>,
    /// What it says about keys, and what those say that it granted trust, in no order.
    pub key_rows: Vec<KeyRow>,
    /// The keys about which its own row cannot be read: the row may be a refusal.
    pub unreadable: BTreeSet<Fingerprint>,
}

/// What one organization says about a key, as a row of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The grant by which it counts, and the organization that was granted trust. `None` for
    /// what the organization says itself.
    pub grant: Option<(TrustGrantRecord, OrganizationRecord)>,
    /// The organization's row about the key.
    pub key: TrustedKeyRecord,
    /// When the key was declared compromised for every organization.
    pub compromised_at: Option<DateTime<Utc>>,
}

impl StoreReader {
    /// What bears on whether `org` accepts the keys `fingerprints`.
    ///
    /// A row of another organization that cannot be read is left out, and reported in a
    /// warning: it could only have added trust.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`]; [`StoreError::CorruptRow`] if a row of the
    /// organization itself cannot be read; [`StoreError::InRecovery`],
    /// [`StoreError::AnotherStore`], [`StoreError::EpochWentBack`] and
    /// [`StoreError::HistoryDiverged`] if the answer may not be about now;
    /// [`StoreError::SchemaTooNew`] if a newer program has migrated the database since it
    /// was opened.
    pub async fn trust_in_keys(
        &self,
        org: OrgId,
        fingerprints: &[Fingerprint],
    ) -> Result<TrustSnapshot, StoreError> {
        let keys: BTreeSet<Fingerprint> = fingerprints.iter().copied().collect();
        self.trust_snapshot(org, Keys::named(keys), usize::MAX).await
    }

    /// What bears on which keys `org` accepts, if that is no more than `limit` rows.
    ///
    /// A row about one key that cannot be read hides none of the others: it is reported in a
    /// warning, and the key is among the [`unreadable`](TrustSnapshot::unreadable) ones if
    /// the row is the organization's own.
    ///
    /// # Errors
    ///
    /// As [`trust_in_keys`](Self::trust_in_keys), and [`StoreError::TooManyKeyRows`].
    pub async fn trust_in_all_keys(
        &self,
        org: OrgId,
        limit: usize,
    ) -> Result<TrustSnapshot, StoreError> {
        // The organization has a row of its own, and one more tells that there are too many.
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(2);
        self.trust_snapshot(org, Keys::All { most }, limit).await
    }

    async fn trust_snapshot(
        &self,
        org: OrgId,
        keys: Keys,
        limit: usize,
    ) -> Result<TrustSnapshot, StoreError> {
        let before = self.seen.latest();
        let is_about_all = matches!(keys, Keys::All { .. });
        let query = SnapshotQuery::new(org, keys);
        let rows: Result<Vec<Row>, StoreError> =
            read!(self.pool, |conn| { Ok(query.load(conn).await?) });
        let rows = rows?;
        // Rows that cannot be read count, too: what was cut off may be the organization's own
        // refusal of a key.
        let is_cut_off = rows.len() > limit.saturating_add(1);
        let (mut head, mut key_rows, mut unreadable) = (None, Vec::new(), BTreeSet::new());
        for row in rows {
            match row {
                Row::Head(row) => head = Some(*row),
                Row::Key(row) => key_rows.push(*row),
                Row::Unreadable { own: true, fingerprint: Some(key), error } if is_about_all => {
                    report(&*error, org, Some(&key));
                    unreadable.insert(key);
                }
                Row::Unreadable { own: false, fingerprint, error } => {
                    report(&*error, org, fingerprint.as_ref());
                }
                Row::Unreadable { error, .. } => return Err(StoreError::CorruptRow(error)),
            }
        }
        let Some((origin, organization, floors)) = head else {
            // An answer without it does not say where it comes from, and another store or a
            // replica that lags is one that lacks organizations.
            self.heartbeat().await?;
            return Err(StoreError::no_organization(org));
        };
        self.seen.accept(origin, before, &mut &self.pool).await?;
        if is_cut_off {
            return Err(StoreError::TooManyKeyRows { limit });
        }
        let heartbeat = origin.into();
        Ok(TrustSnapshot { heartbeat, organization, floors, key_rows, unreadable })
    }
}

fn report(error: &dyn std::error::Error, org: OrgId, fingerprint: Option<&Fingerprint>) {
    let fingerprint = fingerprint.map(tracing::field::display);
    tracing::warn!(
        %error,
        org_id = %org,
        fingerprint,
        "a row about a trusted key cannot be read, and adds no trust"
    );
}
