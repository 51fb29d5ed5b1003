use serde_json::Value;
use signing_crypto::{SignedCheckpoint, VerifyingKey};

use super::{acme, cut, forge};
use crate::support::{Scratch, finish, text};

const SIGN: [&str; 6] = ["audit", "checkpoint", "--org", "acme", "--key", "auditor.pem"];

fn with_auditor() -> (Scratch, String) {
    let (scratch, org) = acme();
    scratch.key_files("auditor");
    (scratch, org)
}

fn verify<'a>(file: &'a str, key: &'a str) -> [&'a str; 6] {
    ["audit", "verify", "--checkpoint", file, "--trust-key", key]
}

#[test]
fn checkpoint_is_one_line_that_its_key_signed() {
    let (scratch, org) = with_auditor();
    let run = scratch.run(&SIGN);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    assert_eq!(run.stdout.lines().count(), 1);
    let key = VerifyingKey::from_pem(&scratch.read("auditor.pub.pem")).unwrap();
    let signed = SignedCheckpoint::parse(run.stdout.trim().as_bytes()).unwrap();
    let verified = signed.verify(&key).unwrap();
    let said = verified.checkpoint();
    assert_eq!((said.org.to_string(), said.sequence), (org, 4));

    let made = scratch.json(&SIGN);
    assert_eq!(made["signer"], key.fingerprint().to_string());
    assert_eq!(made["checkpoints"][0]["entry_hash"], said.entry_hash.to_string());
    let status = scratch.json(&["db", "status"]);
    assert_eq!(made["checkpoints"][0]["store_id"], status["store_id"]);
}

#[test]
fn making_a_checkpoint_changes_no_log_and_is_an_event() {
    let (scratch, _) = with_auditor();
    let run = scratch.run(&[&SIGN[..], &["-v"]].concat());
    assert!(run.stderr.contains("audit.checkpoint.signed"), "{}", run.stderr);
    let listed = scratch.json(&["audit", "list", "--org", "acme"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
}

#[test]
fn file_that_exists_is_kept_unless_it_is_to_be_replaced() {
    let (scratch, _) = with_auditor();
    scratch.write("kept", "something else");
    let sign = [&SIGN[..], &["--output", "kept"]].concat();
    scratch.fails(2, "FileExists", &sign);
    assert_eq!(scratch.read("kept"), b"something else");
    scratch.json(&[&sign[..], &["--force"]].concat());
    scratch.json(&verify("kept", "auditor.pub.pem"));
}

#[test]
fn key_of_the_store_signs_until_it_is_revoked() {
    let (scratch, _) = acme();
    let (id, _) = scratch.stored_key("auditor", "acme");
    let sign = ["audit", "checkpoint", "--org", "acme", "--key-id", &id, "--output", "kept"];
    scratch.json(&sign);
    scratch.json(&["keys", "export", &id, "--output", "auditor.pub.pem"]);
    scratch.json(&verify("kept", "auditor.pub.pem"));
    scratch.json(&["keys", "revoke", &id]);
    scratch.fails(1, "SigningKeyRevoked", &[&sign[..], &["--force"]].concat());
}

#[test]
fn all_checkpoints_are_one_file_that_all_logs_are_verified_by() {
    let (scratch, org) = with_auditor();
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&["orgs", "create", "gone"]);
    scratch.json(&["orgs", "delete", "gone", "--yes"]);
    let sign = ["audit", "checkpoint", "--all", "--key", "auditor.pem", "--output", "kept"];
    let made = scratch.json(&sign);
    assert_eq!(made["checkpoints"].as_array().unwrap().len(), 3);
    let verdicts = scratch.json(&verify("kept", "auditor.pub.pem"));
    let verdicts = verdicts.as_array().unwrap();
    assert_eq!(verdicts.len(), 3);
    assert!(verdicts.iter().all(|verdict| verdict["checkpoints"] == 1), "{verdicts:?}");
    let of_acme = [&verify("kept", "auditor.pub.pem")[..], &["--org", "acme"]].concat();
    assert_eq!(scratch.json(&of_acme).as_array().unwrap().len(), 1);

    // Nothing is left of it, but a checkpoint tells that there was something.
    remove_log(&scratch, &org);
    assert_eq!(scratch.json(&["audit", "verify"]).as_array().unwrap().len(), 2);
    let run = scratch.fails(1, "AuditLogBroken", &verify("kept", "auditor.pub.pem"));
    assert!(run.stderr.contains(&org), "{}", run.stderr);
}

/// Removes an organization and its log, as somebody who owns the database.
fn remove_log(scratch: &Scratch, org: &str) {
    let id = org.replace('-', "");
    forge(
        scratch,
        &format!(
            "PRAGMA foreign_keys = OFF;
             DELETE FROM audit_log WHERE org_id = X'{id}';
             DELETE FROM audit_heads WHERE org_id = X'{id}';
             DELETE FROM trusted_keys; DELETE FROM signing_keys;
             DELETE FROM organizations WHERE id = X'{id}';"
        ),
    );
}

const SIGN_ALL: [&str; 7] =
    ["audit", "checkpoint", "--all", "--key", "auditor.pem", "--output", "kept"];

#[test]
fn store_without_a_log_is_neither_verified_nor_signed() {
    let (scratch, org) = with_auditor();
    scratch.json(&["audit", "verify"]);
    scratch.json(&SIGN_ALL);
    let good = scratch.read("kept");

    remove_log(&scratch, &org);
    scratch.fails(1, "NoAuditLog", &["audit", "verify"]);
    scratch.fails(1, "NoAuditLog", &SIGN_ALL[..5]);
    scratch.fails(1, "NoAuditLog", &[&SIGN_ALL[..], &["--force"]].concat());
    assert_eq!(scratch.read("kept"), good);
    scratch.fails(1, "AuditLogBroken", &verify("kept", "auditor.pub.pem"));
}

#[test]
fn checkpoints_are_replaced_only_by_those_of_the_same_logs() {
    let (scratch, org) = with_auditor();
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&SIGN_ALL);
    let again = [&SIGN_ALL[..], &["--force"]].concat();
    scratch.json(&again);
    let one = [&SIGN[..], &["--output", "kept", "--force"]].concat();
    scratch.fails(1, "CheckpointNotReplaced", &one);

    let good = scratch.read("kept");
    remove_log(&scratch, &org);
    let run = scratch.fails(1, "CheckpointNotReplaced", &again);
    assert!(run.stderr.contains(&org), "{}", run.stderr);
    assert_eq!(scratch.read("kept"), good);
}

#[test]
fn checkpoint_is_replaced_only_if_its_log_continues_from_it() {
    let (scratch, _) = with_auditor();
    let again = [&SIGN[..], &["--output", "kept", "--force"]].concat();
    scratch.json(&again);
    scratch.json(&["keys", "deny", &"08".repeat(32), "--org", "acme"]);
    scratch.json(&again);

    let good = scratch.read("kept");
    cut(&scratch);
    scratch.json(&["audit", "verify"]);
    scratch.fails(1, "AuditLogBroken", &again);
    // As long as the log was, with other entries.
    for digits in ["09", "0a", "0b"] {
        scratch.json(&["keys", "deny", &digits.repeat(32), "--org", "acme"]);
    }
    scratch.fails(1, "AuditLogBroken", &again);
    assert_eq!(scratch.read("kept"), good);
}

#[test]
fn broken_log_is_not_signed_and_nothing_is_written() {
    let (scratch, _) = with_auditor();
    forge(&scratch, "UPDATE audit_log SET details = '{}' WHERE sequence = 2");
    scratch.fails(1, "AuditLogBroken", &[&SIGN[..], &["--output", "kept"]].concat());
    assert!(!scratch.exists("kept"));
}

#[test]
fn checkpoint_that_nobody_trusted_signed_is_refused() {
    let (scratch, _) = with_auditor();
    scratch.key_files("other");
    scratch.json(&[&SIGN[..], &["--output", "kept"]].concat());
    scratch.fails(1, "UntrustedCheckpoint", &verify("kept", "other.pub.pem"));
    let both = [&verify("kept", "other.pub.pem")[..], &["--trust-key", "auditor.pub.pem"]];
    scratch.json(&both.concat());

    let mut unsigned: Value = serde_json::from_slice(&scratch.read("kept")).unwrap();
    unsigned["signatures"] = Value::Array(Vec::new());
    scratch.write("kept", unsigned.to_string());
    scratch.fails(1, "MalformedCheckpoint", &verify("kept", "auditor.pub.pem"));
}

#[test]
fn checkpoint_and_key_need_each_other() {
    let (scratch, _) = with_auditor();
    scratch.json(&[&SIGN[..], &["--output", "kept"]].concat());
    scratch.fails(2, "Usage", &["audit", "verify", "--checkpoint", "kept"]);
    scratch.fails(2, "Usage", &["audit", "verify", "--trust-key", "auditor.pub.pem"]);
    scratch.fails(2, "Usage", &["audit", "checkpoint", "--org", "acme"]);
    scratch.fails(2, "Usage", &["audit", "checkpoint", "--org", "acme", "--all", "--key", "a"]);
    scratch.fails(2, "UnreadableFile", &verify("none", "auditor.pub.pem"));
    scratch.fails(2, "InvalidKeyFile", &verify("kept", "kept"));
}

#[test]
fn checkpoint_is_of_its_own_store_and_organization() {
    let (scratch, _) = with_auditor();
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&[&SIGN[..], &["--output", "kept"]].concat());
    let of_other = [&verify("kept", "auditor.pub.pem")[..], &["--org", "other"]].concat();
    scratch.fails(1, "CheckpointOfAnotherOrganization", &of_other);

    let (elsewhere, _) = acme();
    elsewhere.write("kept", scratch.read("kept"));
    elsewhere.write("auditor.pub.pem", scratch.read("auditor.pub.pem"));
    for org in [&[][..], &["--org", "acme"]] {
        let arguments = [&verify("kept", "auditor.pub.pem")[..], org].concat();
        elsewhere.fails(1, "CheckpointOfAnotherStore", &arguments);
    }
}

#[test]
fn package_signature_is_no_checkpoint_and_a_checkpoint_no_package_signature() {
    let (scratch, _) = with_auditor();
    scratch.signed_package("a.so", "auditor.pem");
    let run = scratch.fails(1, "MalformedCheckpoint", &verify("a.so.sig", "auditor.pub.pem"));
    assert!(run.stderr.contains("predicate type"), "{}", run.stderr);

    scratch.json(&[&SIGN[..], &["--output", "a.so.sig", "--force"]].concat());
    let package = ["package", "verify", "a.so", "--trust-key", "auditor.pub.pem"];
    scratch.fails(1, "MalformedSignature", &package);
    let named = text(&scratch.json(&["orgs", "list"])[0]["id"]);
    scratch.fails(1, "MalformedSignature", &[&package[..], &["--name", &named]].concat());
}

#[test]
fn files_that_hold_no_checkpoint_are_refused() {
    let (scratch, _) = with_auditor();
    scratch.json(&[&SIGN[..], &["--output", "good"]].concat());
    let good = scratch.read("good");
    for (content, code) in [
        (b"".to_vec(), "NoCheckpoint"),
        (b"\n \n".to_vec(), "NoCheckpoint"),
        (b"{}".to_vec(), "MalformedCheckpoint"),
        (vec![b'['; 100_000], "MalformedCheckpoint"),
        ([&good[..], b"garbage\n"].concat(), "MalformedCheckpoint"),
        (good[..good.len() - 9].to_vec(), "MalformedCheckpoint"),
    ] {
        scratch.write("kept", content);
        scratch.fails(1, code, &verify("kept", "auditor.pub.pem"));
    }
    let huge = std::fs::File::create(scratch.path("huge")).unwrap();
    huge.set_len(4 << 30).unwrap();
    scratch.fails(2, "CheckpointsTooLarge", &verify("huge", "auditor.pub.pem"));

    scratch.write("kept", [&good[..], b"\r\n\n", &good].concat());
    assert_eq!(scratch.json(&verify("kept", "auditor.pub.pem"))[0]["checkpoints"], 2);
    let mut piped = scratch.command(&verify("-", "auditor.pub.pem"));
    assert_eq!(finish(&mut piped, &good).code, 0);
}
