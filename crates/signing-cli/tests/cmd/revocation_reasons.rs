//! Why a key was revoked, what can be taken back, and what is for good.

use serde_json::Value;

use crate::support::{Scratch, text};

/// `acme` owns a key, trusts it and has signed a package; `other` trusts it as well.
/// Gives the key's id and fingerprint, and the ids of the two rows.
fn world() -> (Scratch, [String; 4]) {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let trust =
        |org: &str| text(&scratch.json(&["keys", "trust", "--org", org, "--key-id", &id])["id"]);
    let (acme, other) = (trust("acme"), trust("other"));
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id]);
    for org in ["acme", "other"] {
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
    (scratch, [id, fingerprint, acme, other])
}

fn is_refused(scratch: &Scratch, org: &str) {
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", org]);
}

fn last_entry(scratch: &Scratch, org: &str) -> (String, Value) {
    scratch.inspect(async |keys| {
        let orgs = keys.list_organizations().await.unwrap();
        let org = orgs.iter().find(|record| record.name.as_str() == org).unwrap();
        let entry = keys.store().audit_log(org.id).await.unwrap().pop().unwrap();
        (entry.event_type, serde_json::from_str(&entry.details).unwrap())
    })
}

#[test]
fn a_signing_key_revoked_as_compromised_is_refused_by_every_organisation_and_says_so() {
    let (scratch, [id, fingerprint, ..]) = world();

    let run = scratch.run(&[
        "keys",
        "revoke",
        &id,
        "--reason",
        "compromised",
        "--note",
        "laptop was stolen",
    ]);

    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "revoked the signing key release as compromised, for good: it signs no more, and every \
         organisation of the store refuses what it has signed\n"
    );
    is_refused(&scratch, "acme");
    is_refused(&scratch, "other");
    let (event_type, details) = last_entry(&scratch, "acme");
    assert_eq!(event_type, "key.signing.revoked");
    assert_eq!(details["reason"], "compromised");
    assert_eq!(details["note"], "laptop was stolen");
    assert_eq!(details["fingerprint"], fingerprint.as_str());
    let again = scratch.json(&["keys", "revoke", &id, "--reason", "retired"]);
    assert_eq!((&again["changed"], &again["reason"]), (&false.into(), &"compromised".into()));
}

#[test]
fn a_signing_key_revoked_as_retired_stays_good_where_it_is_trusted() {
    let (scratch, [id, ..]) = world();
    let revoked = scratch.json(&["keys", "revoke", &id, "--reason", "retired", "--note", "old"]);
    assert_eq!(revoked["reason"], "retired");
    assert_eq!(revoked["still_trusted_by"], serde_json::json!(["acme", "other"]));
    for org in ["acme", "other"] {
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
    assert_eq!(last_entry(&scratch, "acme").1["note"], "old");
}

#[test]
fn a_trusted_key_revoked_as_compromised_is_refused_by_its_organisation_only() {
    let (scratch, [_, _, row, _]) = world();
    let run = scratch.run(&["keys", "revoke", &row, "--reason", "compromised"]);
    assert!(run.stdout.starts_with("revoked as compromised, for good: "), "{}", run.stdout);
    is_refused(&scratch, "acme");
    scratch.json(&["package", "verify", "a.so", "--org", "other"]);
}

#[test]
fn what_is_retired_or_denied_comes_back_and_a_note_is_needed() {
    let (scratch, [id, fingerprint, row, _]) = world();
    scratch.json(&["keys", "revoke", &id]);
    scratch.json(&["keys", "revoke", &row]);
    is_refused(&scratch, "acme");
    scratch.fails(2, "Usage", &["keys", "reinstate", &row]);
    scratch.fails(2, "InvalidName", &["keys", "reinstate", &row, "--note", ""]);
    is_refused(&scratch, "acme");

    let reinstated = scratch.json(&["keys", "reinstate", &row, "--note", "by mistake"]);
    assert_eq!((&reinstated["kind"], &reinstated["changed"]), (&"trusted".into(), &true.into()));
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    let again = scratch.run(&["keys", "reinstate", &row, "--note", "by mistake"]);
    assert_eq!(again.stdout, format!("signatures by {fingerprint} were not refused\n"));

    let reinstated = scratch.run(&["keys", "reinstate", &id, "--note", "by mistake"]);
    assert_eq!(reinstated.stdout, "the signing key release may sign again\n");
    assert_eq!(last_entry(&scratch, "acme").0, "key.signing.reinstated");
    scratch.write("b.so", "b");
    scratch.json(&["package", "sign", "b.so", "--key-id", &id]);

    let denied = scratch.json(&["keys", "deny", &fingerprint, "--org", "acme", "--reason", "why"]);
    assert_eq!(last_entry(&scratch, "acme").1["note"], "why");
    is_refused(&scratch, "acme");
    scratch.json(&["keys", "reinstate", &text(&denied["id"]), "--note", "no reason"]);
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
}

#[test]
fn what_is_compromised_does_not_come_back() {
    let (scratch, [id, _, row, other]) = world();
    scratch.json(&["keys", "revoke", &row, "--reason", "compromised"]);
    let reinstate = |id: &str| {
        let run = scratch.fails(1, "KeyCompromised", &["keys", "reinstate", id, "--note", "no"]);
        assert!(run.stderr.contains("next: make a new key"), "{}", run.stderr);
    };
    reinstate(&row);
    is_refused(&scratch, "acme");

    scratch.json(&["keys", "revoke", &id, "--reason", "compromised"]);
    for id in [&id, &row, &other] {
        reinstate(id);
    }
    let trust = ["keys", "trust", "--org", "other", "--key-id", &id];
    scratch.fails(1, "KeyCompromised", &trust);
    is_refused(&scratch, "other");
}

#[test]
fn a_reason_that_is_none_revokes_nothing() {
    let (scratch, [id, ..]) = world();
    let revoke = ["keys", "revoke", &id, "--reason", "laptop was stolen"];
    let run = scratch.fails(2, "Usage", &revoke);
    assert!(run.stderr.contains("retired, compromised"), "{}", run.stderr);
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"][0]["revoked_at"], Value::Null);
}

#[test]
fn a_key_is_denied_everywhere_only_by_a_flag_that_says_danger() {
    let (scratch, [_, fingerprint, ..]) = world();
    let deny = ["keys", "deny", &fingerprint, "--org", "other"];
    scratch.json(&deny);
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);

    let everywhere = [&deny[..], &["--danger-everywhere", "--reason", "leaked"]].concat();
    let run = scratch.run(&everywhere);
    assert_eq!(
        run.stdout,
        format!(
            "every organisation of the store now refuses signatures by {fingerprint}, for good: \
             it was declared compromised\n"
        )
    );
    is_refused(&scratch, "acme");
    let (event_type, details) = last_entry(&scratch, "other");
    assert_eq!((event_type.as_str(), &details["note"]), ("key.compromised", &"leaked".into()));
    assert_eq!(scratch.json(&everywhere)["changed"], false);
}
