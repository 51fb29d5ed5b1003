use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{
    Fingerprint, GrantId, KeyName, OrgId, OrgName, PackageName, PackagePatterns, PackageVersion,
    TrustedKeyId, VerifyingKey,
};

use crate::pool::read;
use crate::store_state::Origin;
use crate::{Heartbeat, Store, StoreError};

#[cfg(feature = "postgres")]
mod about_one;
mod statement;
#[cfg(feature = "postgres")]
mod together;

use statement::{AboutAll, AboutFew, AboutMany, AboutOne, FEW_HOLDERS, Question};

#[cfg(feature = "postgres")]
pub(crate) use about_one::Asking;

#[cfg(feature = "postgres")]
pub use statement::trust_questions;

/// What a store says about some keys, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFacts {
    /// That moment.
    pub heartbeat: Heartbeat,
    /// The lowest version that the asking organization accepts of the package that
    /// was asked about.
    pub floor: Option<PackageVersion>,
    /// What bears on the keys, whatever the package.
    pub facts: Arc<[TrustFact]>,
}

/// One thing that bears on whether an organization accepts a key.
///
/// Of the asking organization there is always at least one, which says that it
/// exists; of organizations that it granted trust, only those that say
/// something about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFact {
    /// The organization whose word it is.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: OrgName,
    /// When it was deleted.
    pub org_deleted_at: Option<DateTime<Utc>>,
    /// The grant by which its word counts; `None` for the asking organization.
    pub grant: Option<GrantFact>,
    /// What it says about a key, trusted or revoked.
    pub key: Option<KeyWord>,
    /// When that key was declared compromised for every organization.
    pub compromised_at: Option<DateTime<Utc>>,
}

/// A grant that has not been revoked, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct GrantFact {
    /// Its id.
    pub id: GrantId,
    /// The packages that it is limited to.
    pub packages: Option<PackagePatterns>,
    /// From when on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An organization's word about a public key: what counts of a
/// [`TrustedKeyRecord`](crate::TrustedKeyRecord).
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct KeyWord {
    /// The id of its row.
    pub id: TrustedKeyId,
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The key. Unknown only if it was denied by fingerprint.
    pub public_key: Option<VerifyingKey>,
    /// What the organization calls the key.
    pub name: Option<KeyName>,
    /// If set, the organization refuses this key, whatever else is true.
    pub revoked_at: Option<DateTime<Utc>>,
    /// From when on its trust does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

impl KeyWord {
    /// Whether the organization says anything about the key: it does not where a
    /// denial by fingerprint was taken back.
    pub fn says_something(&self) -> bool {
        self.public_key.is_some() || self.revoked_at.is_some()
    }
}

/// A [`TrustFact`], in the order of the statement's columns. The row about what the
/// organization says itself also says where all of them come from.
#[derive(Queryable)]
struct Row {
    origin: Option<Origin>,
    floor: Option<PackageVersion>,
    org_id: OrgId,
    org_name: OrgName,
    org_deleted_at: Option<DateTime<Utc>>,
    grant: Option<GrantFact>,
    key: Option<KeyWord>,
    compromised_at: Option<DateTime<Utc>>,
}

macro_rules! ask {
    ($store:expr, $question:expr) => {{
        let question = $question;
        let rows: Result<Vec<Row>, StoreError> =
            read!($store.pool, |conn| { Ok(question.load(conn).await?) });
        rows
    }};
}

fn held_by_others(rows: &[Row], org: OrgId) -> usize {
    rows.iter().filter(|row| row.org_id != org).count()
}

/// Completes the answer to a question about one key: without what is said by those whom
/// the organization has granted nothing, and with `compromised_at` in every word.
fn completed(mut rows: Vec<Row>, org: OrgId) -> Vec<Row> {
    let compromised_at = rows.iter().find_map(|row| row.compromised_at);
    rows.retain(|row| row.org_id == org || row.grant.is_some());
    for row in &mut rows {
        row.compromised_at = row.key.as_ref().and(compromised_at);
    }
    rows
}

impl Store {
    /// Everything that bears on whether `org` accepts the keys `fingerprints` for
    /// `package`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`]; [`StoreError::InRecovery`],
    /// [`StoreError::AnotherStore`], [`StoreError::EpochWentBack`] and
    /// [`StoreError::HistoryDiverged`] if the answer may not be about now;
    /// [`StoreError::SchemaTooNew`] if a newer program has migrated the database since it
    /// was opened.
    pub async fn trust_facts(
        &self,
        org: OrgId,
        package: Option<&PackageName>,
        fingerprints: &[Fingerprint],
    ) -> Result<TrustFacts, StoreError> {
        let before = self.seen.latest();
        let mut keys = fingerprints.to_vec();
        keys.sort_unstable();
        keys.dedup();
        // Nearly every signature names one key, and few name more than four. Each of these
        // statements always has the same text, so that it is prepared once.
        let rows = match *keys {
            [one] => match self.rows_about_one(org, package, one).await {
                Ok(rows) if held_by_others(&rows, org) > FEW_HOLDERS => {
                    ask!(self, Question::new(org, package, AboutFew::new([one])))
                }
                rows => rows.map(|rows| completed(rows, org)),
            },
            [a, b] => ask!(self, Question::new(org, package, AboutFew::new([a, b]))),
            [a, b, c] => ask!(self, Question::new(org, package, AboutFew::new([a, b, c, c]))),
            [a, b, c, d] => ask!(self, Question::new(org, package, AboutFew::new([a, b, c, d]))),
            _ => ask!(self, Question::new(org, package, AboutMany::new(&keys))),
        };
        self.facts(rows?, before).await
    }

    /// Everything that bears on which keys `org` accepts for `package`, if that is no
    /// more than `limit` facts.
    ///
    /// # Errors
    ///
    /// As [`trust_facts`](Self::trust_facts), and [`StoreError::TooManyFacts`].
    pub async fn all_trust_facts(
        &self,
        org: OrgId,
        package: Option<&PackageName>,
        limit: usize,
    ) -> Result<TrustFacts, StoreError> {
        let before = self.seen.latest();
        // One more, to tell.
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = ask!(self, Question::new(org, package, AboutAll { most }))?;
        if rows.len() > limit {
            return Err(StoreError::TooManyFacts { limit });
        }
        self.facts(rows, before).await
    }

    async fn rows_about_one(
        &self,
        org: OrgId,
        package: Option<&PackageName>,
        key: Fingerprint,
    ) -> Result<Vec<Row>, StoreError> {
        let alone = async { ask!(self, Question::new(org, package, AboutOne::new(key))) };
        #[cfg(feature = "postgres")]
        if let Some(asking) = &self.asking {
            let package = package.cloned();
            return asking.ask(about_one::Asked { org, package, key }, alone).await;
        }
        alone.await
    }

    async fn facts(
        &self,
        rows: Vec<Row>,
        before: Option<Origin>,
    ) -> Result<TrustFacts, StoreError> {
        let Some(origin) = rows.iter().find_map(|row| row.origin) else {
            // An answer without it does not say where it comes from, and another
            // store or a replica that lags is one that lacks organizations.
            self.heartbeat().await?;
            return Err(StoreError::OrganizationNotFound);
        };
        self.seen.accept(origin, before, &mut &*self).await?;
        let heartbeat = origin.into();
        let floor = rows.iter().find_map(|row| row.floor.clone());
        let facts = rows
            .into_iter()
            .map(|row| TrustFact {
                org_id: row.org_id,
                org_name: row.org_name,
                org_deleted_at: row.org_deleted_at,
                grant: row.grant,
                key: row.key,
                compromised_at: row.compromised_at,
            })
            .collect();
        Ok(TrustFacts { heartbeat, floor, facts })
    }
}
