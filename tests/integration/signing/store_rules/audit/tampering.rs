//! What is done to a log is found at its row.

use signing_trust::EventType;
use signing_trust::store::{AUDIT_PAGE, AuditFaultKind as Kind, AuditValue};

use super::forger::{assert_broken, entry, forge, log, open_up, rewrite, verified, victim};
use crate::support::{World, on_both_backends};

on_both_backends! {
    edit_of_any_column_is_found_at_its_row,
    deleted_entry_is_found_wherever_it_was,
    inserted_entry_is_found,
    entry_that_is_there_twice_is_found,
    swapped_entries_are_found,
    entry_that_cannot_be_read_is_found_and_is_no_crash,
    entry_whose_details_are_no_json_is_found_though_its_hash_fits,
    fault_says_what_was_expected_and_found,
    cut_tail_is_found_by_the_head,
    head_that_was_changed_or_removed_is_found,
    fault_on_a_later_page_is_found,
    log_of_a_deleted_organization_is_verified,
    every_organization_with_a_trace_is_visited,
}

async fn edit_of_any_column_is_found_at_its_row(world: World) {
    let org = victim(&world).await;
    let other = world.org("other").await;
    let id = |org: signing_crypto::OrgId| world.database.id(org.as_uuid());
    let zeros = world.database.bytes(&[0; 32]);
    let tick = match world.database.is_sqlite() {
        true => "occurred_at + 1",
        false => "occurred_at + interval '1 microsecond'",
    };
    for sequence in [1, 3, 5] {
        let before = log(&world, org).await;
        for (change, kind) in [
            (format!("org_id = {}, sequence = 70", id(other)), Kind::Missing),
            ("sequence = 77".to_owned(), Kind::Missing),
            (format!("occurred_at = {tick}"), Kind::Edited),
            ("event_type = 'key.denied.not'".to_owned(), Kind::Edited),
            ("details = '{}'".to_owned(), Kind::Edited),
            (format!("previous_hash = {}", world.database.bytes(&[9; 32])), Kind::Unlinked),
            (format!("entry_hash = {zeros}"), Kind::Edited),
        ] {
            forge(
                &world,
                &format!("UPDATE audit_log SET {change} {}", entry(&world, org, sequence)),
            )
            .await;
            let found = world.keys.verify_audit_log(org, &[]).await;
            assert_broken(found, org, sequence, kind);

            forge(&world, &format!("DELETE FROM audit_log WHERE org_id = {}", id(org))).await;
            forge(&world, "DELETE FROM audit_log WHERE sequence = 70").await;
            rewrite(&world, before.clone()).await;
            assert_eq!(log(&world, org).await, before);
            verified(&world, org).await;
        }
    }
}

async fn deleted_entry_is_found_wherever_it_was(world: World) {
    let org = victim(&world).await;
    let before = log(&world, org).await;
    for sequence in [1, 3, 5] {
        forge(&world, &format!("DELETE FROM audit_log {}", entry(&world, org, sequence))).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, sequence, Kind::Missing);
        rewrite(&world, before.clone()).await;
        verified(&world, org).await;
    }
    forge(
        &world,
        &format!("DELETE FROM audit_log WHERE org_id = {}", world.database.id(org.as_uuid())),
    )
    .await;
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 1, Kind::Missing);
}

/// Copies entry 2 to another place, with its hash.
async fn copy_entry(world: &World, org: signing_crypto::OrgId, to: i64) {
    let sql = format!(
        "INSERT INTO audit_log SELECT org_id, {to}, occurred_at, event_type, details, \
         previous_hash, entry_hash FROM audit_log {}",
        entry(world, org, 2)
    );
    forge(world, &sql).await;
}

async fn inserted_entry_is_found(world: World) {
    let org = victim(&world).await;
    let id = world.database.id(org.as_uuid());
    for (place, kind) in [(0, Kind::Inserted), (i64::MIN, Kind::Inserted), (6, Kind::BeyondHead)] {
        copy_entry(&world, org, place).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, place, kind);
        forge(&world, &format!("DELETE FROM audit_log {}", entry(&world, org, place))).await;
        verified(&world, org).await;
    }
    // Between two others, which move on to make room.
    for sequence in [5, 4, 3] {
        let next = sequence + 1;
        let one = entry(&world, org, sequence);
        forge(&world, &format!("UPDATE audit_log SET sequence = {next} {one}")).await;
    }
    copy_entry(&world, org, 3).await;
    let head = format!("UPDATE audit_heads SET sequence = 6 WHERE org_id = {id}");
    forge(&world, &head).await;
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 3, Kind::Unlinked);
}

async fn entry_that_is_there_twice_is_found(world: World) {
    let org = victim(&world).await;
    let mut long = log(&world, org).await;
    long.resize(AUDIT_PAGE + 1, long[3].clone());
    rewrite(&world, long).await;
    // Without the key of the table nothing is unique.
    let open_up = match world.database.is_sqlite() {
        true => {
            "CREATE TABLE forged AS SELECT * FROM audit_log; DROP TABLE audit_log; \
             ALTER TABLE forged RENAME TO audit_log"
        }
        false => "ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey",
    };
    forge(&world, open_up).await;
    verified(&world, org).await;
    // The last on a page, on its own page and alone on one.
    for sequence in [AUDIT_PAGE as i64 + 1, AUDIT_PAGE as i64, 2] {
        let one = entry(&world, org, sequence);
        forge(&world, &format!("INSERT INTO audit_log SELECT * FROM audit_log {one}")).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, sequence, Kind::Inserted);
    }
}

async fn swapped_entries_are_found(world: World) {
    let org = victim(&world).await;
    for (from, to) in [(2, 1000), (4, 2), (1000, 4)] {
        let one = entry(&world, org, from);
        forge(&world, &format!("UPDATE audit_log SET sequence = {to} {one}")).await;
    }
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 2, Kind::Unlinked);
}

async fn entry_that_cannot_be_read_is_found_and_is_no_crash(world: World) {
    let org = victim(&world).await;
    let never = match world.database.is_sqlite() {
        true => "9223372036854775807",
        false => "'infinity'",
    };
    for sequence in [5, 3] {
        let one = entry(&world, org, sequence);
        forge(&world, &format!("UPDATE audit_log SET occurred_at = {never} {one}")).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, sequence, Kind::Unreadable);
    }
}

async fn entry_whose_details_are_no_json_is_found_though_its_hash_fits(world: World) {
    let org = victim(&world).await;
    for details in ["", "{", "[]", "{\"a\":\"b\"} trailing"] {
        let mut changed = log(&world, org).await;
        changed[2].details = details.to_owned();
        rewrite(&world, changed).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, 3, Kind::Unreadable);
    }
    let mut changed = log(&world, org).await;
    changed[2].details = "{}".to_owned();
    rewrite(&world, changed).await;
    verified(&world, org).await;
}

async fn fault_says_what_was_expected_and_found(world: World) {
    let org = victim(&world).await;
    let written = log(&world, org).await[1].entry_hash.clone();
    let one = entry(&world, org, 2);
    forge(&world, &format!("UPDATE audit_log SET details = '{{}}' {one}")).await;
    let computed = log(&world, org).await[1].computed_hash();

    let fault = world.store.verify_audit_log(org, Vec::new()).await.unwrap().unwrap_err();

    assert_eq!(fault.expected, AuditValue::Hash(computed.to_vec()));
    assert_eq!(fault.found, AuditValue::Hash(written));
    assert!(fault.to_string().contains(&format!("at entry 2 of the log of {org}")), "{fault}");
}

async fn cut_tail_is_found_by_the_head(world: World) {
    let org = victim(&world).await;
    let id = world.database.id(org.as_uuid());
    forge(&world, &format!("DELETE FROM audit_log WHERE org_id = {id} AND sequence > 3")).await;
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 4, Kind::Missing);
}

async fn head_that_was_changed_or_removed_is_found(world: World) {
    let org = victim(&world).await;
    let before = log(&world, org).await;
    let id = world.database.id(org.as_uuid());
    let third = world.database.bytes(&before[2].entry_hash);
    for (change, sequence, kind) in [
        (format!("entry_hash = {third}"), 5, Kind::HeadDiffers),
        (format!("sequence = 3, entry_hash = {third}"), 4, Kind::BeyondHead),
        ("sequence = 9".to_owned(), 6, Kind::Missing),
        ("sequence = 0".to_owned(), 1, Kind::BeyondHead),
    ] {
        forge(&world, &format!("UPDATE audit_heads SET {change} WHERE org_id = {id}")).await;
        let found = world.keys.verify_audit_log(org, &[]).await;
        assert_broken(found, org, sequence, kind);
        rewrite(&world, before.clone()).await;
        verified(&world, org).await;
    }
    // A log without its first entry, and a head that agrees.
    let zeros = world.database.bytes(&[0; 32]);
    forge(&world, &format!("DELETE FROM audit_log WHERE org_id = {id}")).await;
    let empty =
        format!("UPDATE audit_heads SET sequence = 0, entry_hash = {zeros} WHERE org_id = {id}");
    forge(&world, &empty).await;
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 1, Kind::Missing);

    forge(&world, &format!("DELETE FROM audit_heads WHERE org_id = {id}")).await;
    assert_broken(world.keys.verify_audit_log(org, &[]).await, org, 0, Kind::HeadMissing);
}

async fn fault_on_a_later_page_is_found(world: World) {
    let org = victim(&world).await;
    let mut long = log(&world, org).await;
    let length = 2 * AUDIT_PAGE + 1;
    while long.len() < length {
        long.push(long[3].clone());
    }
    rewrite(&world, long.clone()).await;
    assert_eq!(verified(&world, org).await.entries, length as i64);

    for sequence in [AUDIT_PAGE, AUDIT_PAGE + 1, 2 * AUDIT_PAGE, length] {
        let sequence = sequence as i64;
        let one = entry(&world, org, sequence);
        forge(&world, &format!("UPDATE audit_log SET event_type = 'x' {one}")).await;
        assert_broken(world.keys.verify_audit_log(org, &[]).await, org, sequence, Kind::Edited);
        let event = &long[3].event_type;
        forge(&world, &format!("UPDATE audit_log SET event_type = '{event}' {one}")).await;
    }
    verified(&world, org).await;
}

async fn log_of_a_deleted_organization_is_verified(world: World) {
    let acme = world.vendor("acme").await;
    world.keys.delete_organization(acme.org).await.unwrap();
    assert_eq!(verified(&world, acme.org).await.entries, 4);
    assert_eq!(log(&world, acme.org).await[3].event_type, EventType::OrganizationDeleted.as_str());

    open_up(&world).await;
    let one = entry(&world, acme.org, 4);
    forge(&world, &format!("UPDATE audit_log SET details = '{{ }}' {one}")).await;
    assert_broken(world.keys.verify_audit_log(acme.org, &[]).await, acme.org, 4, Kind::Edited);
}

async fn every_organization_with_a_trace_is_visited(world: World) {
    let mut orgs = Vec::new();
    for name in ["one", "two", "three", "four"] {
        orgs.push(world.org(name).await);
    }
    world.keys.delete_organization(orgs[0]).await.unwrap();
    open_up(&world).await;
    for (org, table) in [(orgs[1], "audit_log"), (orgs[2], "audit_heads")] {
        let id = world.database.id(org.as_uuid());
        forge(&world, &format!("DELETE FROM {table} WHERE org_id = {id}")).await;
    }
    orgs.sort();

    let mut visited = Vec::new();
    let store = &world.store;
    while let Some(org) = store.next_audited_organization(visited.last().copied()).await.unwrap() {
        visited.push(org);
    }

    assert_eq!(visited, orgs);
}
