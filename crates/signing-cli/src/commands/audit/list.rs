use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use signing_crypto::{EntryHash, OrgId, printable};
use signing_trust::store::{AuditFilter, AuditRecord};

use crate::cli::List;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Layout, cut, width_of};
use crate::output::{Form, Listing, Report};
use crate::select;
use crate::time::Time;
use crate::view::json_documents;

const HEADING: &str = "   entry  time                  event";
/// Where an entry's details stand below it.
const INDENT: &str = "          ";

/// Prints the entries as they are read, page by page.
pub(super) async fn list(context: &Context, list: List, form: Form) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, list.org.as_ref()).await?;
    let key = match &list.key {
        Some(named) => Some(select::public_key(context, &keys, &org, named).await?.fingerprint),
        None => None,
    };
    let (org, filter) = (
        org.id,
        &AuditFilter {
            since: list.since,
            before: list.until,
            events: list.event,
            fingerprint: key,
        },
    );
    let mut left = list.limit.map(std::num::NonZeroU32::get);
    let start = match left {
        Some(count) => keys.store().newest_audit_entries(org, filter, count).await?,
        None => None,
    };
    let mut from = start.unwrap_or(i64::MIN);
    let mut page = keys.store().audit_page(org, filter, from).await?;
    let is_empty = page.is_empty();
    let mut listing = Listing::start(form, HEADING);
    while let Some(last) = page.last().map(|record| record.sequence) {
        for record in &page {
            // More may have been written since they were counted.
            let is_wanted = left.is_none_or(|left| left > 0);
            let is_read = is_wanted
                && listing
                    .item(|layout| lines(record, layout), || EntryView::of(record))
                    .is_continue();
            if !is_read {
                return Ok(listing.end(None));
            }
            left = left.map(|left| left - 1);
        }
        let Some(next) = last.checked_add(1) else { break };
        from = next;
        page = match keys.store().audit_page(org, filter, from).await {
            Ok(page) => page,
            Err(error) => return Ok(listing.end(Some(error.into()))),
        };
    }
    let mut report = listing.end(None);
    if is_empty {
        report.note(
            "no entry matches; the log holds changes of keys, trust and stored signatures; signing, \
             verifying and loading are not in it: run the program that does that with --verbose"
                .into(),
        );
    }
    Ok(report)
}

/// The entry in a line, or in as many as it takes to fit in 80 columns.
fn lines(record: &AuditRecord, layout: Layout) -> Vec<String> {
    let details: Vec<_> = match details(record) {
        Some(details) => details
            .iter()
            .map(|(name, value)| match layout {
                Layout::Wide => format!("{name}={}", word(value)),
                _ => format!("{name}={}", abbreviated(&word(value))),
            })
            .collect(),
        None => vec![format!("unreadable: {:?}", record.details)],
    };
    let (sequence, event) = (record.sequence, word(&Value::String(record.event_type.clone())));
    let when = format!("{sequence:>8}  {}", Time(record.occurred_at));
    let head = format!("{when}  {event:<24}");
    let Some(line_length) = layout.line_length() else {
        return vec![format!("{head}  {}", details.join(" "))];
    };
    let mut lines = match width_of(head.trim_end()) <= line_length {
        true => vec![head.trim_end().to_owned()],
        false => vec![when, format!("{INDENT}{event}")],
    };
    let mut line = String::new();
    for word in details.iter().map(|word| cut(&printable(word), line_length - INDENT.len())) {
        if !line.is_empty() && INDENT.len() + width_of(&line) + 1 + width_of(&word) > line_length {
            lines.push(format!("{INDENT}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += &word;
    }
    if !line.is_empty() {
        lines.push(format!("{INDENT}{line}"));
    }
    lines
}

/// An id or a digest is long and shown by its beginning.
fn abbreviated(word: &str) -> String {
    let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_id = (digits == 32 && word.len() == 36) || (digits == 64 && word.len() == 64);
    if is_id { word[..8].to_owned() } else { word.to_owned() }
}

/// A value that cannot be taken for the next one.
fn word(value: &Value) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:@+".contains(c);
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(is_plain) => text.clone(),
        other => other.to_string(),
    }
}

json_documents! { "audit list": Vec<EntryView<'static>> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EntryView<'a> {
    org_id: OrgId,
    sequence: i64,
    occurred_at: String,
    event_type: &'a str,
    details: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable_details: Option<&'a str>,
    previous_hash: Option<EntryHash>,
    entry_hash: Option<EntryHash>,
}

impl<'a> EntryView<'a> {
    fn of(record: &'a AuditRecord) -> Self {
        let details = details(record);
        Self {
            org_id: record.org_id,
            sequence: record.sequence,
            occurred_at: exact(record.occurred_at),
            event_type: &record.event_type,
            unreadable_details: details.is_none().then_some(&record.details),
            details,
            previous_hash: hash(&record.previous_hash),
            entry_hash: hash(&record.entry_hash),
        }
    }
}

fn details(record: &AuditRecord) -> Option<Map<String, Value>> {
    serde_json::from_str(&record.details).ok()
}

fn hash(bytes: &[u8]) -> Option<EntryHash> {
    bytes.try_into().ok().map(EntryHash::from_bytes)
}

/// To the microsecond, because the entry's hash covers it.
fn exact(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
