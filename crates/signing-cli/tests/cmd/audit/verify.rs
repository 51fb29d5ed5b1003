use super::{acme, cut, forge};
use crate::support::{Scratch, text};

#[test]
fn intact_logs_verify_with_exit_0() {
    let (scratch, org) = acme();
    let run = scratch.run(&["audit", "verify", "--org", "acme"]);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    assert!(run.stdout.starts_with(&format!("ok acme ({org})\n")), "{}", run.stdout);
    let verdict = &scratch.json(&["audit", "verify", "--org", "acme"])[0];
    assert_eq!((&verdict["verdict"], &verdict["entries"]), (&"intact".into(), &4.into()));
    let last = &scratch.json(&["audit", "list", "--org", "acme", "--limit", "1"])[0];
    assert_eq!(verdict["entry_hash"], last["entry_hash"]);
}

#[test]
fn broken_log_is_refused_with_exit_1_and_the_row() {
    let (scratch, org) = acme();
    scratch.json(&["orgs", "create", "other"]);
    forge(&scratch, "UPDATE audit_log SET details = '{}' WHERE event_type = 'key.trusted.added'");
    for arguments in [&["audit", "verify"][..], &["audit", "verify", "--org", "acme"]] {
        let run = scratch.fails(1, "AuditLogBroken", arguments);
        assert!(run.stderr.contains("an entry was edited, at entry 3"), "{}", run.stderr);
        assert!(run.stderr.contains("next: keep a copy of the database"), "{}", run.stderr);
        let document = run.document();
        let verdicts = document["result"].as_array().unwrap();
        let broken = verdicts.iter().find(|verdict| verdict["org_id"] == org).unwrap();
        assert_eq!(broken["verdict"], "broken");
        assert_eq!(broken["fault"]["sequence"], 3);
        assert_eq!(broken["fault"]["kind"], "edited");
        assert!(text(&broken["fault"]["expected"]).starts_with("hash "));
    }
    scratch.json(&["audit", "verify", "--org", "other"]);
}

#[test]
fn log_of_a_deleted_organization_is_among_all() {
    let (scratch, org) = acme();
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&["orgs", "delete", "acme", "--yes"]);
    let verdicts = scratch.json(&["audit", "verify"]);
    assert_eq!(verdicts.as_array().unwrap().len(), 2);
    scratch.json(&["audit", "verify", "--org", &org]);

    forge(&scratch, "DELETE FROM audit_log WHERE event_type = 'organization.deleted'");
    scratch.fails(1, "AuditLogBroken", &["audit", "verify"]);
}

#[test]
fn what_cannot_be_decided_exits_with_2() {
    let scratch = Scratch::new();
    scratch.fails(2, "NoDatabase", &["audit", "verify"]);
    let (scratch, _) = acme();
    scratch.fails(2, "NoSuchOrganization", &["audit", "verify", "--org", "acne"]);
    forge(&scratch, "DROP TABLE audit_log");
    scratch.fails(2, "UnsafeSchema", &["audit", "verify", "--org", "acme"]);
    scratch.fails(2, "UnsafeSchema", &["audit", "verify"]);
}

#[test]
fn cut_log_looks_whole_without_a_checkpoint() {
    let (scratch, _) = acme();
    scratch.key_files("auditor");
    let sign = ["audit", "checkpoint", "--org", "acme", "--key", "auditor.pem", "--output", "kept"];
    scratch.json(&sign);
    let verify = ["audit", "verify", "--checkpoint", "kept", "--trust-key", "auditor.pub.pem"];
    assert_eq!(scratch.json(&verify)[0]["checkpoints"], 1);

    cut(&scratch);

    let run = scratch.run(&["audit", "verify"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("none: without one, a log that was rewritten completely looks the same")
    );
    let run = scratch.fails(1, "AuditLogBroken", &verify);
    assert_eq!(run.document()["result"][0]["fault"]["kind"], "cut-off");
}
