//! What is told about the log itself.

use signing_trust::TrustError;
use tracing::Level;

use super::super::forger::{forge, open_up};
use super::recorded_store::{RecordedStore, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_checkpoint_is_told_each_time_and_is_no_change,
    a_broken_log_is_told_each_time_it_is_found,
}

async fn a_checkpoint_is_told_each_time_and_is_no_change(recorded: RecordedStore) {
    for _ in 0..2 {
        let (checkpoint, _) =
            recorded.keys.sign_checkpoint(recorded.org, &seed_key(), &[]).await.unwrap();
        recorded.told(
            Level::INFO,
            &[
                ("event_type", &"audit.checkpoint.signed"),
                ("org_id", &recorded.org),
                ("key_fingerprint", &seed_key().fingerprint()),
                ("log_sequence", &1),
                ("log_hash", &checkpoint.entry_hash),
            ],
        );
    }
    recorded.logged(&[]).await;
}

async fn a_broken_log_is_told_each_time_it_is_found(recorded: RecordedStore) {
    recorded.keys.verify_audit_log(recorded.org, &[]).await.unwrap();
    recorded.told_nothing();
    open_up(&recorded.world).await;
    forge(&recorded.world, "UPDATE audit_log SET event_type = 'organization.deleted'").await;
    for _ in 0..2 {
        let broken = recorded.keys.verify_audit_log(recorded.org, &[]).await.unwrap_err();
        let TrustError::AuditLogBroken(fault) = broken else { panic!("{broken}") };
        recorded.told(
            Level::WARN,
            &[
                ("event_type", &"audit.log.broken"),
                ("org_id", &recorded.org),
                ("failure_reason", &fault),
            ],
        );
    }
    // Nor is a checkpoint told that was not signed.
    assert_refused!(
        recorded.keys.sign_checkpoint(recorded.org, &seed_key(), &[]).await,
        TrustError::AuditLogBroken(_)
    );
    let heard = recorded.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].1["event_type"], "audit.log.broken");
}
