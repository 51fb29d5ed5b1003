use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use signing_crypto::{EntryHash, OrgId};
use signing_trust::store::{AuditFilter, AuditRecord, EventPattern, StoreError};
use signing_trust::{EventType, KeyManager};

use crate::cli::List;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::{Form, Listing, Report};

const HEADING: &str = "   entry  time                         event                     details";

/// What the command line asks for.
pub(super) fn filter(list: &List) -> Result<AuditFilter, CliError> {
    let since = list.since.as_deref().map(|text| time(text, Days::new(0)));
    let before = list.until.as_deref().map(|text| time(text, Days::new(1)));
    let events: Result<_, _> = list.event.iter().map(|text| event(text)).collect();
    Ok(AuditFilter {
        since: since.transpose()?,
        before: before.transpose()?,
        events: events?,
        fingerprint: list.key.as_deref().map(str::parse).transpose()?,
    })
}

/// Prints the entries as they are read, page by page.
pub(super) async fn list(
    context: &Context,
    list: &List,
    filter: &AuditFilter,
    form: Form,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, &list.org).await?.id;
    let mut left = list.limit.map(std::num::NonZeroU32::get);
    let start = match left {
        Some(count) => keys.store().newest_audit_entries(org, filter, count).await?,
        None => None,
    };
    let mut from = start.unwrap_or(i64::MIN);
    let mut page = keys.store().audit_page(org, filter, from).await?;
    let mut listing = Listing::start(form, HEADING);
    while let Some(last) = page.last().map(|record| record.sequence) {
        for record in &page {
            // More may have been written since they were counted.
            let is_wanted = left.is_none_or(|left| left > 0);
            let is_read = is_wanted && listing.item(|| line(record), || json(record)).is_continue();
            if !is_read {
                return Ok(listing.end(None));
            }
            left = left.map(|left| left - 1);
        }
        let Some(next) = last.checked_add(1) else { break };
        from = next;
        page = match next_page(&keys, org, filter, from).await {
            Ok(page) => page,
            Err(error) => return Ok(listing.end(Some(error.into()))),
        };
    }
    Ok(listing.end(None))
}

async fn next_page(
    keys: &KeyManager,
    org: OrgId,
    filter: &AuditFilter,
    from: i64,
) -> Result<Vec<AuditRecord>, StoreError> {
    keys.store().audit_page(org, filter, from).await
}

/// A moment, or a day's start and so many days more.
fn time(text: &str, days: Days) -> Result<DateTime<Utc>, CliError> {
    let invalid = || CliError::InvalidTime { given: text.into() };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| invalid())?;
    let date = date.checked_add_days(days).ok_or_else(invalid)?;
    Ok(date.and_time(NaiveTime::MIN).and_utc())
}

/// A type that no event has would choose nothing, and look as if nothing were there.
fn event(text: &str) -> Result<EventPattern, CliError> {
    let pattern: EventPattern =
        text.parse().map_err(|source| CliError::EventPattern { given: text.into(), source })?;
    let types = || EventType::ALL.iter().map(|event| event.as_str());
    if types().any(|name| pattern.matches(name)) {
        return Ok(pattern);
    }
    let similar = types()
        .map(|name| (strsim::jaro_winkler(name, text), name))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name);
    Err(CliError::NoSuchEventType { given: text.into(), similar })
}

fn line(record: &AuditRecord) -> String {
    let details = match details(record) {
        Some(details) => {
            let details: Vec<_> =
                details.iter().map(|(name, value)| format!("{name}={}", word(value))).collect();
            details.join(" ")
        }
        None => format!("unreadable: {:?}", record.details),
    };
    let (sequence, event) = (record.sequence, word(&Value::String(record.event_type.clone())));
    format!("{sequence:>8}  {}  {event:<24}  {details}", rfc3339(record.occurred_at))
}

/// A value that cannot be taken for the next one.
fn word(value: &Value) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:@+".contains(c);
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(is_plain) => text.clone(),
        other => other.to_string(),
    }
}

fn json(record: &AuditRecord) -> Value {
    let mut document = json!({
        "org_id": record.org_id.to_string(),
        "sequence": record.sequence,
        "occurred_at": rfc3339(record.occurred_at),
        "event_type": record.event_type,
        "details": details(record),
        "previous_hash": hash(&record.previous_hash),
        "entry_hash": hash(&record.entry_hash),
    });
    if document["details"].is_null() {
        document["unreadable_details"] = record.details.clone().into();
    }
    document
}

fn details(record: &AuditRecord) -> Option<Map<String, Value>> {
    serde_json::from_str(&record.details).ok()
}

fn hash(bytes: &[u8]) -> Option<String> {
    bytes.try_into().ok().map(|bytes| EntryHash::from_bytes(bytes).to_string())
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
