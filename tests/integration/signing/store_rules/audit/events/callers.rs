//! What is told of a change whose caller is gone, or is not told how it ended.

use std::cell::RefCell;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_trust::store::StoreError;
use signing_trust::{TrustError, TrustLimits};

use super::super::recorder::Told;
use super::recorded_store::RecordedStore;
use crate::store_rules::concurrency::polled;
use crate::support::{Backend, assert_refused, kek, on_both_backends, run, until};

on_both_backends! {
    a_grant_whose_caller_stops_waiting_is_told_once,
    a_kek_rotation_whose_caller_stops_waiting_is_told_once,
}

const LIMIT: Duration = Duration::from_secs(10);

impl RecordedStore {
    /// The next events, and that nothing comes after them.
    async fn told_later(&self) -> Vec<Told> {
        let heard = RefCell::new(Vec::new());
        until(LIMIT, "the change is told", async || {
            heard.borrow_mut().extend(self.heard());
            !heard.borrow().is_empty()
        })
        .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.told_nothing();
        heard.into_inner()
    }
}

async fn a_grant_whose_caller_stops_waiting_is_told_once(recorded: RecordedStore) {
    let child = recorded.child().await;
    let grant = recorded.keys.grant_trust(recorded.org, child, TrustLimits::default());
    assert!(polled(grant, 1).await.is_none());

    let told = recorded.told_later().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (_, fields) = &told[0];
    assert_eq!(fields["event_type"], "trust.grant.created");
    assert_eq!(fields["child_org_id"], child.to_string());
    assert_eq!(fields["actor"], "tester");
    recorded.logged(&["trust.grant.created"]).await;
}

async fn a_kek_rotation_whose_caller_stops_waiting_is_told_once(recorded: RecordedStore) {
    recorded.signing_key().await;
    assert!(polled(recorded.keys.rotate_kek(&kek(2)), 1).await.is_none());

    let told = recorded.told_later().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1["event_type"], "kek.rotated");
    assert_eq!(told[0].1["org_id"], recorded.org.to_string());
    recorded.logged(&["key.signing.created", "kek.rotated"]).await;
}

/// Its entry was written when the commit was refused.
#[test]
fn a_change_whose_commit_was_refused_is_not_told() {
    run(Backend::Sqlite, async |recorded: RecordedStore| {
        let child = recorded.child().await;
        let grant =
            async || recorded.keys.grant_trust(recorded.org, child, TrustLimits::default()).await;
        let url = recorded.world.database.file().to_str().unwrap();
        let mut reader = SqliteConnection::establish(url).unwrap();
        reader.batch_execute("BEGIN; SELECT count(*) FROM organizations;").unwrap();
        assert_refused!(grant().await, TrustError::Store(StoreError::FileLocked { .. }));
        recorded.told_nothing();

        reader.batch_execute("COMMIT").unwrap();
        grant().await.unwrap();
        assert_eq!(recorded.heard().len(), 1);
        recorded.logged(&["trust.grant.created"]).await;
    });
}

/// A trigger that only the commit calls stands for a commit that is not answered: the entry was
/// written.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_change_whose_outcome_is_unknown_is_not_told() {
    run(Backend::Postgres, async |recorded: RecordedStore| {
        let child = recorded.child().await;
        let grant =
            async || recorded.keys.grant_trust(recorded.org, child, TrustLimits::default()).await;
        let database = &recorded.world.database;
        database
            .execute(
                "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
                 CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON cloacina.trust_grants
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()",
            )
            .await
            .unwrap();
        assert_refused!(grant().await, TrustError::Store(StoreError::OutcomeUnknown(_)));
        recorded.told_nothing();

        database.execute("DROP TRIGGER refuse ON cloacina.trust_grants").await.unwrap();
        grant().await.unwrap();
        assert_eq!(recorded.heard().len(), 1);
        recorded.logged(&["trust.grant.created"]).await;
    });
}
