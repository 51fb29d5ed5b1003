use serde_json::json;

use crate::support::{Scratch, finish, text};

#[test]
fn a_trusted_key_is_accepted_and_a_stranger_is_not() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = scratch.key_files("dev");
    scratch.key_files("stranger");
    scratch.signed_package("a.so", "dev.pem");
    scratch.signed_package("b.so", "stranger.pem");
    let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem", "--name", "dev"];
    let made = scratch.json(&trust);
    assert_eq!(made["fingerprint"], fingerprint.as_str());
    assert_eq!(made["changed"], true);
    assert_eq!(scratch.json(&trust)["changed"], false);

    let accepted = scratch.json(&["keys", "list", "--org", "acme"])["accepted"].clone();
    let end_it = format!("cloacina keys revoke --org acme {}", text(&made["id"]));
    assert_eq!(
        accepted,
        json!([{
            "id": made["id"],
            "fingerprint": fingerprint,
            "name": "dev",
            "via": { "path": "direct", "trusted_key_id": made["id"] },
            "packages": null,
            "expires_at": null,
            "refuse_with": end_it,
        }])
    );
    let verified = scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    assert_eq!(verified[0]["via"], accepted[0]["via"]);
    let run = scratch.fails(1, "UntrustedSigner", &["package", "verify", "b.so", "--org", "acme"]);
    assert!(run.stderr.contains("next: find out whose key this is"), "{}", run.stderr);
}

#[test]
fn a_public_key_is_read_from_standard_input() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = scratch.key_files("dev");
    let trust = ["keys", "trust", "--org", "acme", "--import", "-", "--json"];
    let run = finish(&mut scratch.command(&trust), &scratch.read("dev.pub.pem"));
    assert_eq!(run.document()["result"]["fingerprint"], fingerprint.as_str());
    let run = finish(&mut scratch.command(&trust), &scratch.read("dev.pem"));
    run.assert_failed(2, "InvalidKeyFile");
}

#[test]
fn a_stored_signing_key_is_trusted_by_its_id() {
    let scratch = Scratch::with_orgs(&["acme", "operator"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let trust = scratch.json(&["keys", "trust", "--org", "operator", "--key-id", &id]);
    assert_eq!(trust["fingerprint"], fingerprint.as_str());
    scratch.fails(
        2,
        "NoSuchKey",
        &["keys", "trust", "--org", "operator", "--key-id", "67e55044-10b1-426f-9247-bb680e5fe0c8"],
    );
    // It is a name of acme's.
    let by_name = |name| ["keys", "trust", "--org", "operator", "--key-id", name];
    scratch.fails(2, "NoSuchKey", &by_name("release"));
    assert_eq!(scratch.json(&by_name("acme/release"))["fingerprint"], fingerprint.as_str());
    scratch.fails(2, "Usage", &["keys", "trust", "--org", "operator"]);
}

/// With one wrong digit, the key that was meant is still accepted.
#[test]
fn a_denied_key_that_the_organization_does_not_accept_is_said_to_be_unknown() {
    let unknown = "acme accepts no key of this fingerprint";
    for everywhere in [&[][..], &["--danger-everywhere"]] {
        let scratch = Scratch::with_orgs(&["acme"]);
        let fingerprint = scratch.key_files("release");
        scratch.json(&["keys", "trust", "--org", "acme", "--import", "release.pub.pem"]);
        let end = if fingerprint.ends_with('0') { "1" } else { "0" };
        let wrong = [&fingerprint[..63], end].concat();
        for (given, is_known) in [(&wrong, false), (&fingerprint, true)] {
            let deny = [&["keys", "deny", given, "--org", "acme"], everywhere].concat();
            for command in [[&deny[..], &["--dry-run"]].concat(), deny.clone()] {
                let run = scratch.run(&command);
                assert_eq!(run.code, 0, "{}", run.stderr);
                assert_eq!(run.stderr.contains(unknown), !is_known, "{}", run.stderr);
            }
        }
    }
}

#[test]
fn a_denied_key_is_refused_even_through_a_grant() {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    let fingerprint = scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "dev.pub.pem"]);
    scratch.json(&["orgs", "grant-trust", "--from", "operator", "--to", "vendor"]);
    let listed = scratch.json(&["keys", "list", "--org", "operator"]);
    assert_eq!(listed["accepted"][0]["via"]["org"], "vendor");
    scratch.json(&["package", "verify", "a.so", "--org", "operator"]);

    let deny = ["keys", "deny", &fingerprint, "--org", "operator", "--note", "not ours"];
    assert_eq!(scratch.json(&deny)["changed"], true);
    assert_eq!(scratch.json(&deny)["changed"], false);
    let verify = ["package", "verify", "a.so", "--org", "operator"];
    let run = scratch.fails(1, "UntrustedSigner", &verify);
    assert!(run.stderr.contains("the organization denied it"), "{}", run.stderr);
    scratch.json(&["package", "verify", "a.so", "--org", "vendor"]);
    let listed = scratch.json(&["keys", "list", "--org", "operator"]);
    assert_eq!(listed["accepted"], json!([]));
    assert_eq!(listed["refused"][0]["fingerprint"], fingerprint);
    let trust = ["keys", "trust", "--org", "operator", "--import", "dev.pub.pem"];
    let run = scratch.fails(1, "PreviouslyRevoked", &trust);
    assert!(run.stderr.contains("cloacina keys reinstate --org operator"), "{}", run.stderr);
}

#[test]
fn a_note_on_a_denial_is_kept_in_the_audit_log() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = "ab".repeat(32);
    let reason = "leaked on 'May 4'; DROP TABLE audit_log";
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme", "--note", reason]);
    let log = scratch.inspect(async |keys| {
        let org = keys.store().organizations().await.unwrap()[0].id;
        keys.store().audit_log(org).await.unwrap()
    });
    let denied = log.last().unwrap();
    assert_eq!(denied.event_type, "key.denied");
    let details: serde_json::Value = serde_json::from_str(&denied.details).unwrap();
    let expected = json!({
        "key_id": details["key_id"],
        "key_fingerprint": fingerprint,
        "reason": "retired",
        "note": reason,
        "operating_system_user": details["operating_system_user"],
        "host": details["host"],
    });
    assert_eq!(details, expected);
}

#[test]
fn a_note_that_would_mislead_its_reader_is_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let fingerprint = "ab".repeat(32);
    for reason in ["", "leaked\u{1b}[31m", "a\nb", "\u{202E}derit", &"a".repeat(256)] {
        let deny = ["keys", "deny", &fingerprint, "--org", "acme", "--note", reason];
        scratch.fails(2, "Usage", &deny);
    }
    assert_eq!(scratch.json(&["keys", "list", "--org", "acme"])["refused"], json!([]));
}

#[test]
fn what_is_no_key_denies_nothing() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for text in ["", "a:b", &format!(" {}", "ab".repeat(32))] {
        scratch.fails(2, "Usage", &["keys", "deny", text, "--org", "acme"]);
    }
    for text in ["abcd", "release", &"ab".repeat(33)] {
        scratch.fails(2, "NoSuchKey", &["keys", "deny", text, "--org", "acme"]);
    }
    assert_eq!(scratch.json(&["keys", "list", "--org", "acme"])["refused"], json!([]));
}

#[test]
fn lists_show_names_ids_and_paths_of_trust() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let foreign = scratch.key_files("foreign");
    let row = scratch.json(&["keys", "trust", "--org", "vendor", "--import", "foreign.pub.pem"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let shown = scratch.run(&["keys", "list", "--org", "acme", "--wide"]).stdout;
    for expected in [&*id, &fingerprint, "release", &foreign, "granted to vendor"] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    let revoked = scratch.json(&["keys", "revoke", &id, "--note", "moved  on"]);
    let at = text(&revoked["revoked_at"]);
    let state = format!("  revoked at {at} as retired: \"moved  on\"\n");
    let shown = scratch.run(&["keys", "list", "--org", "acme"]).stdout;
    assert!(shown.contains(&state), "{shown}");
    let key = scratch.json(&["keys", "list", "--org", "acme"])["signing_keys"][0].clone();
    assert_eq!((&key["reason"], &key["note"]), (&json!("retired"), &json!("moved  on")));

    let row = text(&row["id"]);
    scratch.json(&["keys", "revoke", &row, "--note", "not ours"]);
    let shown = scratch.run(&["keys", "list", "--org", "vendor"]).stdout;
    assert!(shown.contains(" as retired: \"not ours\"\n"), "{shown}");
    let refused = scratch.json(&["keys", "list", "--org", "vendor"])["refused"][0].clone();
    assert_eq!((&refused["id"], &refused["note"]), (&json!(row), &json!("not ours")));
}

#[test]
fn a_list_says_which_key_took_the_place_of_which() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (old, _) = scratch.stored_key("release", "acme");
    let new = text(&scratch.json(&["keys", "rotate", &old])["successor"]["id"]);
    let list = ["keys", "list", "--org", "acme"];
    let keys = scratch.json(&list)["signing_keys"].clone();
    let links =
        |key: &serde_json::Value| (key["predecessor_id"].clone(), key["successor_id"].clone());
    assert_eq!(links(&keys[0]), (json!(null), json!(new)));
    assert_eq!(links(&keys[1]), (json!(old), json!(null)));
    let shown = scratch.run(&list).stdout;
    assert!(shown.contains("  can sign, replaced by release.2\n"), "{shown}");
    assert!(shown.contains("  can sign, replaces release\n"), "{shown}");

    // A revoked key no longer replaces another.
    scratch.json(&["keys", "revoke", &new]);
    let keys = scratch.json(&list)["signing_keys"].clone();
    assert_eq!(links(&keys[0]), (json!(null), json!(null)));
    assert_eq!(links(&keys[1]), (json!(old), json!(null)));
}

#[test]
fn another_name_or_expiry_is_told_with_what_was_before() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"];
    let say = |more: &[&str]| scratch.run(&[&trust[..], more].concat()).stdout;
    let first = say(&["--name", "dev", "--expires", "2099-01-02T03:04:05Z"]);
    assert!(!first.contains("before"), "{first}");
    let renamed = say(&["--name", "prod"]);
    assert!(renamed.contains("its name is now prod; before: dev"), "{renamed}");
    assert!(renamed.contains("before: until 2099-01-02T03:04:05Z"), "{renamed}");
    let again = say(&["--name", "prod"]);
    assert!(!again.contains("before"), "{again}");
}

#[test]
fn a_name_that_another_trusted_key_has_and_no_name_are_noted() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let first = scratch.key_files("first");
    scratch.key_files("second");
    let trust = |key: &str, name: &[&str]| {
        let file = format!("{key}.pub.pem");
        scratch.run(&[&["keys", "trust", "--import", &file], name].concat()).stderr
    };
    let unnamed = trust("first", &[]);
    assert!(unnamed.contains("the key has no name at acme"), "{unnamed}");
    assert_eq!(trust("first", &["--name", "zoe"]), "");
    let shared = trust("second", &["--name", "zoe"]);
    assert!(shared.contains(&format!("acme also calls {} zoe", &first[..16])), "{shared}");
    assert_eq!(trust("second", &["--name", "ann"]), "");
}
