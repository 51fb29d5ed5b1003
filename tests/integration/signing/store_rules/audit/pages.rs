//! A log is read by page, and only what is asked for.

use chrono::{DateTime, TimeDelta, Utc};
use signing_trust::store::{AUDIT_PAGE, AuditFilter, AuditRecord};

use super::forger::{log, rewrite, victim};
use crate::support::{World, on_both_backends};

on_both_backends! {
    filters_choose_entries_by_time_type_and_key,
    types_that_only_look_alike_are_not_chosen,
    newest_entries_are_counted_after_the_filter,
    long_log_is_read_page_by_page,
}

/// The sequences of the entries that meet a filter.
async fn chosen(world: &World, org: signing_crypto::OrgId, filter: &AuditFilter) -> Vec<i64> {
    let page = world.store.audit_page(org, filter, i64::MIN).await.unwrap();
    page.iter().map(|entry| entry.sequence).collect()
}

fn events(patterns: &[&str]) -> AuditFilter {
    let events = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    AuditFilter { events, ..Default::default() }
}

async fn filters_choose_entries_by_time_type_and_key(world: World) {
    let org = victim(&world).await;
    world.vendor("other").await;
    let start: DateTime<Utc> = "2026-01-28T12:00:00Z".parse().unwrap();
    let mut dated = log(&world, org).await;
    for (entry, hours) in dated.iter_mut().zip(0..) {
        entry.occurred_at = start + TimeDelta::hours(hours);
    }
    rewrite(&world, dated.clone()).await;
    let at = |hours| Some(start + TimeDelta::hours(hours));

    let all = AuditFilter::default();
    assert_eq!(chosen(&world, org, &all).await, [1, 2, 3, 4, 5]);
    let since = AuditFilter { since: at(2), ..Default::default() };
    assert_eq!(chosen(&world, org, &since).await, [3, 4, 5]);
    let before = AuditFilter { before: at(2), ..Default::default() };
    assert_eq!(chosen(&world, org, &before).await, [1, 2]);
    assert_eq!(chosen(&world, org, &events(&["key.*"])).await, [2, 3, 4, 5]);
    assert_eq!(chosen(&world, org, &events(&["key.denied"])).await, [4]);
    assert_eq!(chosen(&world, org, &events(&["key.signing.*", "key.denied"])).await, [2, 4, 5]);
    assert_eq!(chosen(&world, org, &events(&["trust.*"])).await, [0; 0]);

    let fingerprint = world.store.signing_keys(org).await.unwrap()[0].fingerprint;
    let key = AuditFilter { fingerprint: Some(fingerprint), ..Default::default() };
    assert_eq!(chosen(&world, org, &key).await, [2, 3, 5]);
    let of_all =
        AuditFilter { since: at(2), before: at(4), ..events(&["key.*", "organization.*"]) };
    assert_eq!(chosen(&world, org, &of_all).await, [3, 4]);
    let of_key = AuditFilter { fingerprint: Some(fingerprint), ..of_all };
    assert_eq!(chosen(&world, org, &of_key).await, [3]);
}

async fn types_that_only_look_alike_are_not_chosen(world: World) {
    let org = victim(&world).await;
    let mut renamed = log(&world, org).await;
    for (entry, name) in renamed.iter_mut().zip(["a_b", "axb", "a_b.c", "a-b", "%"]) {
        entry.event_type = name.to_owned();
    }
    rewrite(&world, renamed).await;
    assert_eq!(chosen(&world, org, &events(&["a_b"])).await, [1]);
    assert_eq!(chosen(&world, org, &events(&["a_b*"])).await, [1, 3]);
    assert_eq!(chosen(&world, org, &events(&["a*"])).await, [1, 2, 3, 4]);
}

async fn newest_entries_are_counted_after_the_filter(world: World) {
    let org = victim(&world).await;
    let store = &world.store;
    let all = AuditFilter::default();
    for (count, start) in [(1, Some(5)), (2, Some(4)), (5, Some(1)), (6, None)] {
        assert_eq!(store.newest_audit_entries(org, &all, count).await.unwrap(), start);
    }
    let signing = events(&["key.signing.*"]);
    assert_eq!(store.newest_audit_entries(org, &signing, 2).await.unwrap(), Some(2));
    assert_eq!(store.newest_audit_entries(org, &signing, 3).await.unwrap(), None);
}

async fn long_log_is_read_page_by_page(world: World) {
    let org = victim(&world).await;
    let mut long = log(&world, org).await;
    long.resize(2 * AUDIT_PAGE + 1, long[3].clone());
    rewrite(&world, long).await;
    let store = &world.store;
    let mut read: Vec<AuditRecord> = Vec::new();
    let mut pages = Vec::new();
    loop {
        let from = read.last().map_or(i64::MIN, |entry| entry.sequence + 1);
        let page = store.audit_page(org, &AuditFilter::default(), from).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
        read.extend(page);
    }
    assert_eq!(pages, [AUDIT_PAGE, AUDIT_PAGE, 1]);
    assert_eq!(read, log(&world, org).await);
}
