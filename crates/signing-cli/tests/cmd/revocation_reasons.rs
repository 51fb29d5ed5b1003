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
        let orgs = keys.store().organizations().await.unwrap();
        let org = orgs.iter().find(|record| record.name.as_str() == org).unwrap();
        let entry = keys.store().audit_log(org.id).await.unwrap().pop().unwrap();
        (entry.event_type, serde_json::from_str(&entry.details).unwrap())
    })
}

#[test]
fn a_signing_key_revoked_as_compromised_is_refused_by_every_organization_and_says_so() {
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
        format!(
            "revoked the signing key acme/release as compromised, for good: it can no longer sign, \
             and every organization of the store refuses its signatures\nfingerprint  {fingerprint}\n"
        )
    );
    is_refused(&scratch, "acme");
    is_refused(&scratch, "other");
    let (event_type, details) = last_entry(&scratch, "acme");
    assert_eq!(event_type, "key.signing.revoked");
    assert_eq!(details["reason"], "compromised");
    assert_eq!(details["note"], "laptop was stolen");
    assert_eq!(details["key_fingerprint"], fingerprint.as_str());
    let again = scratch.json(&["keys", "revoke", &id, "--reason", "retired"]);
    assert_eq!((&again["changed"], &again["reason"]), (&false.into(), &"compromised".into()));
}

#[test]
fn a_second_revocation_changes_nothing_and_says_when_and_why_the_first_was() {
    let (scratch, [id, fingerprint, row, _]) = world();
    for (id, told) in [
        (&id, "nothing was changed: the signing key acme/release is already revoked"),
        (&row, "nothing was changed: the trusted key acme/release is already refused"),
    ] {
        let first = scratch.json(&["keys", "revoke", id, "--note", "the first"]);
        let at = text(&first["revoked_at"]);
        assert_eq!((&first["changed"], &first["note"]), (&true.into(), &"the first".into()));
        let was = format!("it was revoked at {at} as retired: \"the first\"");

        let again = ["keys", "revoke", id, "--note", "the second"];
        let run = scratch.run(&again);
        assert!(
            run.stdout.starts_with(&format!("{told}\nfingerprint  {fingerprint}\n{was}\n")),
            "{}",
            run.stdout
        );
        let mut second = scratch.json(&again);
        assert_eq!(second["changed"], false);
        second["changed"] = true.into();
        assert_eq!(second, first);

        // What is worse is not what it was, and is not silent about it.
        let worse = ["keys", "revoke", id, "--reason", "compromised", "--note", "stolen"];
        let run = scratch.run(&worse);
        assert!(run.stdout.contains("as compromised, for good: "), "{}", run.stdout);
        assert!(run.stdout.ends_with(&format!("\n{was}\n")), "{}", run.stdout);
        let again = scratch.run(&["keys", "revoke", id]).stdout;
        assert!(again.contains(&format!("it was revoked at {at} as compromised: \"stolen\"")));
    }
}

#[test]
fn a_second_denial_changes_nothing_and_says_when_and_why_the_first_was() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let fingerprint = "ab".repeat(32);
    let deny = ["keys", "deny", &fingerprint, "--org", "acme", "--note"];
    let first = scratch.json(&[&deny[..], &["the first"]].concat());
    let second = scratch.run(&[&deny[..], &["the second"]].concat());
    let at = text(&first["revoked_at"]);
    let was = format!("it was denied at {at}: \"the first\"\n");
    assert!(second.stdout.contains(&was), "{}", second.stdout);

    let first = scratch.json(&[&deny[..], &["leaked", "--danger-everywhere"]].concat());
    let mut again = [&deny[..], &["again", "--danger-everywhere"]].concat();
    again[4] = "other";
    let second = scratch.run(&again);
    let at = text(&first["declared_at"]);
    let was = format!("it was declared compromised by acme at {at}: \"leaked\"\n");
    assert!(second.stdout.ends_with(&was), "{}", second.stdout);
    assert_eq!(scratch.json(&again)["note"], "leaked");
}

#[test]
fn keys_that_every_organization_refuses_are_listed() {
    let (scratch, [id, fingerprint, ..]) = world();
    let list = ["keys", "list", "--compromised"];
    assert_eq!(scratch.json(&list)["compromised"], serde_json::json!([]));
    scratch.json(&["keys", "revoke", &id, "--reason", "compromised", "--note", "stolen"]);
    let compromised = scratch.json(&list)["compromised"].clone();
    let [only] = compromised.as_array().unwrap().as_slice() else { panic!("{compromised}") };
    assert_eq!((&only["fingerprint"], &only["org"]), (&fingerprint.clone().into(), &"acme".into()));
    let at = text(&only["declared_at"]);
    assert_eq!(
        scratch.run(&list).stdout,
        format!(
            "compromised keys, which every organization of the store refuses\n  \
             KEY       DECLARED BY  AT                    NOTE\n  \
             {}  acme         {at}  stolen\n",
            &fingerprint[..8]
        )
    );
    scratch.fails(2, "Usage", &["keys", "list", "--compromised", "--org", "acme"]);
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
fn a_trusted_key_revoked_as_compromised_is_refused_by_its_organization_only() {
    let (scratch, [_, _, row, _]) = world();
    let run = scratch.run(&["keys", "revoke", &row, "--reason", "compromised"]);
    assert!(
        run.stdout.contains(" as compromised, for good: acme refuses its signatures; others "),
        "{}",
        run.stdout
    );
    is_refused(&scratch, "acme");
    scratch.json(&["package", "verify", "a.so", "--org", "other"]);
    // It is acme's own key: the command that stops it everywhere is there to be run.
    let stop = run.stdout.split_once("to stop it everywhere: cloacina ").unwrap().1;
    let stop: Vec<_> = stop.lines().next().unwrap().split(' ').collect();
    scratch.json(&stop);
    is_refused(&scratch, "other");
}

#[test]
fn what_is_retired_or_denied_comes_back_and_a_note_is_needed() {
    let (scratch, [id, fingerprint, row, _]) = world();
    scratch.json(&["keys", "revoke", &id]);
    scratch.json(&["keys", "revoke", &row]);
    is_refused(&scratch, "acme");
    scratch.fails(2, "Usage", &["keys", "reinstate", &row]);
    scratch.fails(2, "Usage", &["keys", "reinstate", &row, "--note", ""]);
    is_refused(&scratch, "acme");

    let reinstated = scratch.json(&["keys", "reinstate", &row, "--note", "by mistake"]);
    assert_eq!((&reinstated["kind"], &reinstated["changed"]), (&"trusted".into(), &true.into()));
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    let again = scratch.run(&["keys", "reinstate", &row, "--note", "by mistake"]);
    assert_eq!(again.stdout, format!("acme does not refuse signatures by {fingerprint}\n"));

    let reinstated = scratch.run(&["keys", "reinstate", &id, "--note", "by mistake"]);
    assert_eq!(reinstated.stdout, "the signing key release may sign again\n");
    assert_eq!(last_entry(&scratch, "acme").0, "key.signing.reinstated");
    scratch.write("b.so", "b");
    scratch.json(&["package", "sign", "b.so", "--key-id", &id]);

    let denied = scratch.json(&["keys", "deny", &fingerprint, "--org", "acme", "--note", "why"]);
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

    let everywhere = [&deny[..], &["--danger-everywhere", "--note", "leaked"]].concat();
    let run = scratch.run(&everywhere);
    assert_eq!(
        run.stdout,
        format!(
            "every organization of the store now refuses signatures by {fingerprint}, for good: \
             it was declared compromised\nknown as     release\n"
        )
    );
    is_refused(&scratch, "acme");
    let (event_type, details) = last_entry(&scratch, "other");
    assert_eq!((event_type.as_str(), &details["note"]), ("key.compromised", &"leaked".into()));
    assert_eq!(scratch.json(&everywhere)["changed"], false);
}
