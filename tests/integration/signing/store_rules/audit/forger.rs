//! Somebody who owns the database, and so can do all that it is told to refuse.

use signing_crypto::OrgId;
use signing_trust::TrustError;
use signing_trust::store::{AuditFaultKind, AuditRecord, IntactLog, Revocation};

use crate::support::World;

/// Takes away what keeps the log from being rewritten.
pub(super) async fn open_up(world: &World) {
    let sql = match world.database.is_sqlite() {
        true => {
            "DROP TRIGGER audit_log_is_not_replaced; DROP TRIGGER audit_log_is_not_updated; \
             DROP TRIGGER audit_log_is_not_deleted"
        }
        false => {
            "DROP TRIGGER audit_log_is_append_only ON audit_log; \
             ALTER TABLE audit_log DROP CONSTRAINT audit_log_sequence_check"
        }
    };
    forge(world, sql).await;
}

/// Runs SQL that nothing may stand in the way of.
pub(super) async fn forge(world: &World, sql: &str) {
    let start = match world.database.is_sqlite() {
        true => "PRAGMA ignore_check_constraints = ON;",
        false => "",
    };
    let done = world.database.execute(&format!("{start}{sql}")).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// `WHERE` for one entry.
pub(super) fn entry(world: &World, org: OrgId, sequence: i64) -> String {
    format!("WHERE org_id = {} AND sequence = {sequence}", world.database.id(org.as_uuid()))
}

/// Makes a chain of changed entries again, and the head that goes with it.
pub(super) async fn rewrite(world: &World, mut log: Vec<AuditRecord>) {
    let org = log[0].org_id;
    let database = &world.database;
    let id = database.id(org.as_uuid());
    let mut sql = String::new();
    let mut previous = vec![0; 32];
    for (record, sequence) in log.iter_mut().zip(1..) {
        record.sequence = sequence;
        record.previous_hash = previous;
        record.entry_hash = record.computed_hash().to_vec();
        previous = record.entry_hash.clone();
        sql += &format!(
            "DELETE FROM audit_log {};
             INSERT INTO audit_log VALUES ({id}, {sequence}, {}, '{}', '{}', {}, {});",
            entry(world, org, sequence),
            time(world, record),
            record.event_type,
            record.details,
            database.bytes(&record.previous_hash),
            database.bytes(&record.entry_hash),
        );
    }
    sql += &format!(
        "DELETE FROM audit_log WHERE org_id = {id} AND sequence > {};
         UPDATE audit_heads SET sequence = {}, entry_hash = {} WHERE org_id = {id};",
        log.len(),
        log.len(),
        database.bytes(&previous),
    );
    forge(world, &sql).await;
}

fn time(world: &World, record: &AuditRecord) -> String {
    match world.database.is_sqlite() {
        true => record.occurred_at.timestamp_micros().to_string(),
        false => format!("'{}'", record.occurred_at.to_rfc3339()),
    }
}

/// An organization with five entries in its log, that somebody can rewrite.
pub(super) async fn victim(world: &World) -> OrgId {
    let acme = world.vendor("acme").await;
    let stranger = signing_crypto::SigningKey::generate().unwrap().fingerprint();
    world.keys.deny_key(acme.org, &stranger, Some("a reason".parse().unwrap())).await.unwrap();
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    assert_eq!(verified(world, acme.org).await.entries, 5);
    open_up(world).await;
    acme.org
}

pub(super) async fn log(world: &World, org: OrgId) -> Vec<AuditRecord> {
    world.store.audit_log(org).await.unwrap()
}

/// Verifies a log that must be whole.
pub(super) async fn verified(world: &World, org: OrgId) -> IntactLog {
    world.keys.verify_audit_log(org, &[]).await.unwrap()
}

/// Asserts that a log is found to be broken, first of all here.
#[track_caller]
pub(super) fn assert_broken(
    found: Result<IntactLog, TrustError>,
    org: OrgId,
    sequence: i64,
    kind: AuditFaultKind,
) {
    match found {
        Err(TrustError::AuditLogBroken(fault)) => {
            assert_eq!((fault.org, fault.sequence, fault.kind), (org, sequence, kind), "{fault}");
        }
        other => panic!("expected {kind:?} at {sequence}, found {other:?}"),
    }
}
