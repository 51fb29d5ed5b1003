//! The signed documents of an organization, which the store keeps and does not judge.

use signing_crypto::TrustDocumentKind::{self, Revocations, Root, Statement};
use signing_crypto::{DocumentVersion, OrgId};
use signing_trust::store::{AuditEntry, NewTrustDocument, StoreError, TrustDocumentRecord};
use signing_trust::{Freshness, KeyManager, TrustError, TrustLimits};
use uuid::Uuid;

use super::assert_unbroken;
use crate::support::{
    LONG, Runner, SOON, World, assert_refused, hide_keys, on_both_backends, trust_document, until,
};

on_both_backends! {
    all_roots_and_the_newest_of_the_others_count,
    superseded_documents_stay,
    newest_64_roots_are_looked_at,
    documents_are_added_with_an_entry_in_the_log,
    version_that_does_not_follow_is_refused_and_nothing_is_written,
    added_document_replaces_the_state_of_trust,
    added_document_ends_what_a_program_remembers,
    documents_of_others_come_through_grants_in_force_only,
    unreadable_document_of_a_child_is_left_out,
    unreadable_document_of_the_organization_itself_is_an_error,
    document_over_the_limit_is_refused_by_the_table,
    document_over_the_limit_that_is_there_is_not_read,
    deleted_organization_adds_no_document,
    organization_that_does_not_exist_has_no_documents,
    documents_of_another_store_are_refused,
}

type Found = Vec<(OrgId, TrustDocumentKind, u32)>;

async fn add(
    world: &World,
    org: OrgId,
    documents: &[(TrustDocumentKind, u32)],
) -> Result<(), StoreError> {
    let document = |&(kind, version)| trust_document(kind, version);
    let documents: Vec<_> = documents.iter().map(document).collect();
    let entry = AuditEntry::new("trust.documents.added").with("count", documents.len());
    world.store.add_trust_documents(org, documents, entry).await
}

fn found(records: &[TrustDocumentRecord]) -> Found {
    records.iter().map(|found| (found.org_id, found.kind, found.version.get())).collect()
}

async fn counting(world: &World, org: OrgId) -> Found {
    found(&world.store.trust_documents(org).await.unwrap().records)
}

async fn history(world: &World, org: OrgId) -> Found {
    found(&world.store.trust_document_history(org).await.unwrap())
}

/// Writes what the tables forbid, as the owner of the database can.
async fn write_past_the_checks(world: &World, sql: &str) {
    let without_checks = match world.database.is_sqlite() {
        true => "PRAGMA ignore_check_constraints = TRUE",
        false => {
            "ALTER TABLE trust_documents
             DROP CONSTRAINT IF EXISTS trust_documents_kind_check,
             DROP CONSTRAINT IF EXISTS trust_documents_version_check,
             DROP CONSTRAINT IF EXISTS trust_documents_check"
        }
    };
    world.database.execute(&format!("{without_checks}; {sql}")).await.unwrap();
}

async fn all_roots_and_the_newest_of_the_others_count(world: World) {
    let org = world.org("acme").await;
    assert_eq!(counting(&world, org).await, []);
    let first = [(Revocations, 1), (Statement, 1), (Root, 1)];
    add(&world, org, &first).await.unwrap();
    assert_eq!(
        counting(&world, org).await,
        [(org, Root, 1), (org, Statement, 1), (org, Revocations, 1)]
    );

    add(&world, org, &[(Root, 2), (Statement, 2), (Statement, 3)]).await.unwrap();

    let read = world.store.trust_documents(org).await.unwrap();
    assert_eq!(
        found(&read.records),
        [(org, Root, 1), (org, Root, 2), (org, Statement, 3), (org, Revocations, 1)]
    );
    assert_eq!(read.heartbeat.state, world.store.heartbeat().await.unwrap().state);
    for record in &read.records {
        let TrustDocumentRecord { kind, version, .. } = record;
        assert_eq!(record.envelope, format!("{kind} {version}"));
        let age = chrono::Utc::now() - record.created_at;
        assert!(age.abs() < chrono::TimeDelta::minutes(2), "{age}");
    }
}

async fn superseded_documents_stay(world: World) {
    let org = world.org("acme").await;
    let versions = [(Root, 1), (Statement, 1), (Statement, 2), (Revocations, 1), (Revocations, 2)];
    for one in versions {
        add(&world, org, &[one]).await.unwrap();
    }
    assert_eq!(history(&world, org).await, versions.map(|(kind, version)| (org, kind, version)));
    assert_eq!(history(&world, world.org("other").await).await, []);
}

async fn newest_64_roots_are_looked_at(world: World) {
    let org = world.org("acme").await;
    let id = world.database.id(org.as_uuid());
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 64)
         INSERT INTO trust_documents (org_id, kind, version, envelope)
         SELECT {id}, 'root', n, '{{}}' FROM numbers"
    );
    world.database.execute(&sql).await.unwrap();
    let all: Found = (1..=64).map(|version| (org, Root, version)).collect();
    assert_eq!(counting(&world, org).await, all);

    add(&world, org, &[(Root, 65)]).await.unwrap();

    let newest: Found = (2..=65).map(|version| (org, Root, version)).collect();
    assert_eq!(counting(&world, org).await, newest);
    assert_eq!(history(&world, org).await.len(), 65);
}

async fn documents_are_added_with_an_entry_in_the_log(world: World) {
    let org = world.org("acme").await;
    add(&world, org, &[(Root, 1), (Statement, 1)]).await.unwrap();
    let log = world.store.audit_log(org).await.unwrap();
    assert_unbroken(&log);
    assert_eq!(log.len(), 2);
    assert_eq!(log[1].event_type, "trust.documents.added");
    assert!(log[1].details.contains(r#""count":"2""#), "{}", log[1].details);
}

async fn version_that_does_not_follow_is_refused_and_nothing_is_written(world: World) {
    let org = world.org("acme").await;
    add(&world, org, &[(Root, 1), (Statement, 1), (Statement, 2)]).await.unwrap();
    let state = async || {
        let log = world.store.audit_log(org).await.unwrap();
        (world.store.heartbeat().await.unwrap().state, log, history(&world, org).await)
    };
    let before = state().await;
    for (first, kind, version, next) in [
        ((Root, 2), Statement, 2, 3),
        ((Root, 2), Statement, 1, 3),
        ((Root, 2), Statement, 4, 3),
        ((Root, 2), Root, 2, 3),
        ((Statement, 3), Revocations, 2, 1),
        ((Statement, 3), Root, 3, 2),
    ] {
        assert_refused!(
            add(&world, org, &[first, (kind, version)]).await,
            StoreError::TrustDocumentConflict { kind: refused, expected, found }
                if (refused, expected.get(), found.get()) == (kind, next, version)
        );
        assert_eq!(state().await, before, "{kind} {version}");
    }

    add(&world, org, &[(Root, 2), (Statement, 3), (Revocations, 1)]).await.unwrap();
    // Another organization counts for itself.
    let other = world.org("other").await;
    add(&world, other, &[(Root, 1)]).await.unwrap();
}

async fn added_document_replaces_the_state_of_trust(world: World) {
    let org = world.org("acme").await;
    for document in [(Root, 1), (Statement, 1), (Revocations, 1)] {
        let before = world.store.heartbeat().await.unwrap();
        assert_eq!(world.store.heartbeat().await.unwrap().state, before.state);

        add(&world, org, &[document]).await.unwrap();

        let after = world.store.heartbeat().await.unwrap();
        assert!(after.epoch > before.epoch, "{document:?}");
        assert_ne!(after.state, before.state, "{document:?}");
    }
}

/// What was remembered is asked for again, which fails while the store cannot say it.
async fn added_document_ends_what_a_program_remembers(world: World) {
    let vendor = world.vendor("acme").await;
    let elsewhere = Runner::bounded(&world, &vendor).await;
    let keys = KeyManager::new(world.store.clone(), None);
    let keys = keys.with_freshness(Freshness::Bounded(LONG));
    let here = Runner { keys, org: vendor.org, signers: elsewhere.signers.clone() };
    here.remembers(&world, true).await;
    hide_keys(&world, true).await;
    assert!(here.decide().await.unwrap());
    assert!(elsewhere.decide().await.unwrap());

    add(&world, vendor.org, &[(Statement, 1)]).await.unwrap();

    assert_refused!(here.decide().await, TrustError::Store(StoreError::Unavailable(_)));
    until(SOON, "it asks again", async || elsewhere.decide().await.is_err()).await;
    hide_keys(&world, false).await;
    assert!(here.decide().await.unwrap());
}

async fn documents_of_others_come_through_grants_in_force_only(world: World) {
    let [parent, child, stranger] =
        [world.org("parent").await, world.org("child").await, world.org("stranger").await];
    for org in [parent, child, stranger] {
        add(&world, org, &[(Root, 1), (Statement, 1), (Statement, 2)]).await.unwrap();
    }
    // Trust is not passed on further.
    world.keys.grant_trust(child, stranger, TrustLimits::default()).await.unwrap();
    let of = |org| [(org, Root, 1), (org, Statement, 2)];
    assert_eq!(counting(&world, parent).await, of(parent));

    world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
    assert_eq!(counting(&world, parent).await, [of(parent), of(child)].concat());
    world.keys.revoke_trust(parent, child).await.unwrap();
    assert_eq!(counting(&world, parent).await, of(parent));

    world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
    assert_eq!(counting(&world, parent).await, [of(parent), of(child)].concat());
    world.keys.delete_organization(child).await.unwrap();
    assert_eq!(counting(&world, parent).await, of(parent));
    assert_eq!(history(&world, child).await.len(), 3);
}

/// Changes of one document after which it cannot be read.
fn spoiled(world: &World, org: OrgId) -> [String; 4] {
    let org = world.database.id(org.as_uuid());
    let long_ago = match world.database.is_sqlite() {
        true => i64::MIN.to_string(),
        false => "'-infinity'".into(),
    };
    let where_it_is = format!("WHERE org_id = {org} AND kind = 'statement' AND version = 2");
    [
        format!("UPDATE trust_documents SET kind = 'policy' {where_it_is}"),
        format!("UPDATE trust_documents SET kind = 'Statement' {where_it_is}"),
        format!("UPDATE trust_documents SET version = 4294967296 {where_it_is}"),
        format!("UPDATE trust_documents SET created_at = {long_ago} {where_it_is}"),
    ]
}

async fn unreadable_document_of_a_child_is_left_out(world: World) {
    let [parent, good] = [world.org("parent").await, world.org("good").await];
    let of = |org| [(org, Root, 1), (org, Statement, 2)];
    for org in [parent, good] {
        add(&world, org, &[(Root, 1), (Statement, 1), (Statement, 2)]).await.unwrap();
    }
    world.keys.grant_trust(parent, good, TrustLimits::default()).await.unwrap();
    for change in 0..4 {
        let child = world.org(&format!("child-{change}")).await;
        world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
        add(&world, child, &[(Root, 1), (Statement, 1), (Statement, 2)]).await.unwrap();
        let read = counting(&world, parent).await;
        assert!(of(child).iter().all(|document| read.contains(document)), "{read:?}");

        let sql = spoiled(&world, child)[change].clone();
        write_past_the_checks(&world, &sql).await;

        let read = counting(&world, parent).await;
        for whole in [parent, good] {
            assert!(of(whole).iter().all(|document| read.contains(document)), "{sql}: {read:?}");
        }
        assert!(read.contains(&(child, Root, 1)), "{sql}: {read:?}");
        assert!(!read.contains(&(child, Statement, 2)), "{sql}: {read:?}");
        assert_refused!(world.store.trust_documents(child).await, StoreError::CorruptRow(_));
    }
}

async fn unreadable_document_of_the_organization_itself_is_an_error(world: World) {
    for change in 0..4 {
        let org = world.org(&format!("org-{change}")).await;
        add(&world, org, &[(Root, 1), (Statement, 1), (Statement, 2)]).await.unwrap();
        assert_eq!(counting(&world, org).await, [(org, Root, 1), (org, Statement, 2)]);

        let sql = spoiled(&world, org)[change].clone();
        write_past_the_checks(&world, &sql).await;

        let read = world.store.trust_documents(org).await;
        assert_refused!(read, StoreError::CorruptRow(_));
        let read = world.store.trust_document_history(org).await;
        assert_refused!(read, StoreError::CorruptRow(_));
    }
}

fn of_size(kind: TrustDocumentKind, size: usize) -> NewTrustDocument {
    NewTrustDocument { kind, version: DocumentVersion::FIRST, envelope: "x".repeat(size) }
}

async fn document_over_the_limit_is_refused_by_the_table(world: World) {
    let org = world.org("acme").await;
    let add = async |document| {
        let entry = AuditEntry::new("trust.documents.added");
        world.store.add_trust_documents(org, vec![document], entry).await
    };
    for (kind, limit) in [(Root, 98_304), (Statement, 6_291_456), (Revocations, 6_291_456)] {
        assert_refused!(add(of_size(kind, limit + 1)).await, StoreError::Unavailable(_));
        add(of_size(kind, limit)).await.unwrap();
    }
    let read = world.store.trust_documents(org).await.unwrap().records;
    let sizes: Vec<_> = read.iter().map(|record| record.envelope.len()).collect();
    assert_eq!(sizes, [98_304, 6_291_456, 6_291_456]);
}

async fn document_over_the_limit_that_is_there_is_not_read(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    world.keys.grant_trust(parent, child, TrustLimits::default()).await.unwrap();
    add(&world, child, &[(Root, 1), (Statement, 1)]).await.unwrap();
    assert_eq!(counting(&world, parent).await, [(child, Root, 1), (child, Statement, 1)]);
    let id = world.database.id(child.as_uuid());
    let large = match world.database.is_sqlite() {
        true => "replace(hex(zeroblob(131073)), '0', 'x')",
        false => "repeat('x', 262145)",
    };

    // A statement may have this size, and a root document may not.
    for kind in ["statement", "root"] {
        let sql = format!(
            "UPDATE trust_documents SET envelope = {large} WHERE org_id = {id} AND kind = '{kind}'"
        );
        write_past_the_checks(&world, &sql).await;
    }

    assert_eq!(counting(&world, parent).await, [(child, Statement, 1)]);
    assert_refused!(world.store.trust_documents(child).await, StoreError::CorruptRow(_));
}

async fn deleted_organization_adds_no_document(world: World) {
    let org = world.org("acme").await;
    add(&world, org, &[(Root, 1)]).await.unwrap();
    world.keys.delete_organization(org).await.unwrap();
    assert_refused!(
        add(&world, org, &[(Root, 2)]).await,
        StoreError::OrganizationDeleted { org: deleted } if deleted == org
    );
    assert_eq!(history(&world, org).await, [(org, Root, 1)]);
}

async fn organization_that_does_not_exist_has_no_documents(world: World) {
    let nobody = Uuid::new_v4().into();
    assert_refused!(
        world.store.trust_documents(nobody).await,
        StoreError::OrganizationNotFound { .. }
    );
    assert_refused!(
        add(&world, nobody, &[(Root, 1)]).await,
        StoreError::OrganizationNotFound { .. }
    );
    assert_eq!(counting(&world, world.org("acme").await).await, []);
}

async fn documents_of_another_store_are_refused(world: World) {
    let org = world.org("acme").await;
    add(&world, org, &[(Root, 1)]).await.unwrap();
    assert_eq!(counting(&world, org).await, [(org, Root, 1)]);
    let other = world.database.id(&Uuid::new_v4());
    world.database.execute(&format!("UPDATE store_state SET store_id = {other}")).await.unwrap();
    let read = world.store.trust_documents(org).await;
    assert_refused!(read, StoreError::AnotherStore { .. });
    let read = world.store.trust_documents(Uuid::new_v4().into()).await;
    assert_refused!(read, StoreError::AnotherStore { .. });
}
