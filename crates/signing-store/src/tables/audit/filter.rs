use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId};
use thiserror::Error;

use super::AuditRecord;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::audit_log;
use crate::sql_types::bind;
use crate::store::StoreReader;

/// How many entries are read at once, however long a log is.
pub const AUDIT_PAGE: usize = 256;

/// Which entries of a log are asked for: those that meet everything that is set.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Made at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Made before this time.
    pub before: Option<DateTime<Utc>>,
    /// Of a type that meets one of these; if there are none, of any.
    pub events: Vec<EventPattern>,
    /// With this fingerprint among their details.
    pub fingerprint: Option<Fingerprint>,
}

/// A type of event, or with `*` at its end all that start alike: `key.denied`,
/// `key.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPattern(String);

impl EventPattern {
    /// Whether a type of event meets it.
    pub fn matches(&self, event_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => event_type == self.0,
        }
    }

    /// The same for SQL's `LIKE`, with `\` as its escape character.
    fn like(&self) -> String {
        self.0.replace('_', "\\_").replace('*', "%")
    }
}

/// Text that is no [`EventPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a type of event, such as key.denied, or the start of one and *, such as key.*")]
pub struct EventPatternError;

impl EventPatternError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidArgument"
    }
}

impl FromStr for EventPattern {
    type Err = EventPatternError;

    fn from_str(text: &str) -> Result<Self, EventPatternError> {
        let start = text.strip_suffix('*').unwrap_or(text);
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        match !text.is_empty() && start.chars().all(is_plain) {
            true => Ok(Self(text.into())),
            false => Err(EventPatternError),
        }
    }
}

/// The entries of `org` that meet a filter, as a query on either database.
macro_rules! matching {
    ($org:expr, $filter:expr) => {{
        let filter: AuditFilter = $filter;
        let mut query = audit_log::table.into_boxed();
        // First of all, because `or_filter` is an alternative to all that is there.
        for event in &filter.events {
            query = query.or_filter(audit_log::event_type.like(event.like()).escape('\\'));
        }
        query = query.filter(audit_log::org_id.eq(bind($org)));
        if let Some(since) = filter.since {
            query = query.filter(audit_log::occurred_at.ge(bind(since)));
        }
        if let Some(before) = filter.before {
            query = query.filter(audit_log::occurred_at.lt(bind(before)));
        }
        if let Some(fingerprint) = filter.fingerprint {
            query = query.filter(audit_log::details.like(format!("%\"{fingerprint}\"%")));
        }
        query
    }};
}

impl StoreReader {
    /// The next [`AUDIT_PAGE`] entries of an organization's log that meet `filter`,
    /// oldest first: those with a sequence of `from` or later.
    pub async fn audit_page(
        &self,
        org: OrgId,
        filter: &AuditFilter,
        from: i64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let filter = filter.clone();
        read!(self.pool, |conn| {
            Ok(matching!(org, filter)
                .filter(audit_log::sequence.ge(from))
                .order(audit_log::sequence)
                .limit(AUDIT_PAGE as i64)
                .select(AuditRecord::as_select())
                .load(conn)
                .await?)
        })
    }

    /// Where the newest `count` entries that meet `filter` start: the oldest one's
    /// sequence, or `None` if there are no more than that.
    pub async fn newest_audit_entries(
        &self,
        org: OrgId,
        filter: &AuditFilter,
        count: u32,
    ) -> Result<Option<i64>, StoreError> {
        let filter = filter.clone();
        let skipped = i64::from(count).saturating_sub(1);
        read!(self.pool, |conn| {
            Ok(matching!(org, filter)
                .order(audit_log::sequence.desc())
                .offset(skipped)
                .limit(1)
                .select(audit_log::sequence)
                .get_result(conn)
                .await
                .optional()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_one_type_or_all_that_start_alike() {
        let matches =
            |pattern: &str, event| pattern.parse::<EventPattern>().unwrap().matches(event);
        assert!(matches("key.denied", "key.denied"));
        assert!(!matches("key.denied", "key.denied.again"));
        assert!(matches("key.*", "key.denied"));
        assert!(!matches("key.*", "keys.denied"));
        assert!(matches("*", "key.denied"));
    }

    #[test]
    fn pattern_is_a_type_and_never_sql() {
        for bad in ["", "**", "*.denied", "key.*.added", "KEY.*", "a b", "%", "a\\", "x'--"] {
            assert_eq!(bad.parse::<EventPattern>(), Err(EventPatternError), "{bad:?}");
        }
        assert_eq!("a_b.*".parse::<EventPattern>().unwrap().like(), "a\\_b.%");
    }
}
