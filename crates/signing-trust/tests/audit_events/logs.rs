//! What is told about the log itself.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_trust::TrustError;
use tracing::Level;

use crate::bench::{Bench, seed_key};

/// Writes to the database as somebody who owns it.
pub(crate) fn forge(bench: &Bench, sql: &str) {
    let mut connection = SqliteConnection::establish(bench.file().to_str().unwrap()).unwrap();
    let open_up = "PRAGMA busy_timeout = 5000; DROP TRIGGER audit_log_is_not_updated;";
    connection.batch_execute(open_up).unwrap();
    connection.batch_execute(sql).unwrap();
}

#[tokio::test]
async fn a_checkpoint_is_told_each_time_and_is_no_change() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let (checkpoint, _) = bench.keys.sign_checkpoint(bench.org, &seed_key()).await.unwrap();
        bench.told(
            Level::INFO,
            &[
                ("event_type", &"audit.checkpoint.signed"),
                ("org_id", &bench.org),
                ("key_fingerprint", &seed_key().fingerprint()),
                ("log_sequence", &1),
                ("log_hash", &checkpoint.entry_hash),
            ],
        );
    }
    bench.logged(&[]).await;
}

#[tokio::test]
async fn a_broken_log_is_told_each_time_it_is_found() {
    let bench = Bench::new().await;
    bench.keys.verify_audit_log(bench.org, &[]).await.unwrap();
    bench.told_nothing();
    forge(&bench, "UPDATE audit_log SET event_type = 'organization.deleted'");
    for _ in 0..2 {
        let broken = bench.keys.verify_audit_log(bench.org, &[]).await.unwrap_err();
        let TrustError::AuditLogBroken(fault) = broken else { panic!("{broken}") };
        bench.told(
            Level::WARN,
            &[
                ("event_type", &"audit.log.broken"),
                ("org_id", &bench.org),
                ("failure_reason", &fault),
            ],
        );
    }
    // Nor is a checkpoint told that was not signed.
    bench.keys.sign_checkpoint(bench.org, &seed_key()).await.unwrap_err();
    let heard = bench.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].1.0["event_type"], "audit.log.broken");
}
