//! What is told about the log itself.

use signing_trust::TrustError;
use tracing::Level;

use super::super::forger::{forge, open_up};
use super::bench::{Bench, seed_key};
use crate::support::on_both_backends;

on_both_backends! {
    a_checkpoint_is_told_each_time_and_is_no_change,
    a_broken_log_is_told_each_time_it_is_found,
}

async fn a_checkpoint_is_told_each_time_and_is_no_change(bench: Bench) {
    for _ in 0..2 {
        let (checkpoint, _) =
            bench.keys.sign_checkpoint(bench.org, &seed_key(), &[]).await.unwrap();
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

async fn a_broken_log_is_told_each_time_it_is_found(bench: Bench) {
    bench.keys.verify_audit_log(bench.org, &[]).await.unwrap();
    bench.told_nothing();
    open_up(&bench.world).await;
    forge(&bench.world, "UPDATE audit_log SET event_type = 'organization.deleted'").await;
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
    bench.keys.sign_checkpoint(bench.org, &seed_key(), &[]).await.unwrap_err();
    let heard = bench.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].1["event_type"], "audit.log.broken");
}
