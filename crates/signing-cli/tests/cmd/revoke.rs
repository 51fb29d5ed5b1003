use serde_json::{Value, json};
use signing_crypto::{KeyEncryptionKey, KeyId, OrgId, SigningKey, TrustedKeyId, WrapContext};
use signing_trust::store::{
    AuditEntry, Change, DatabaseUrl, NewSigningKey, NewTrustedKey, RequiredTls, Store,
};

use crate::support::{KEK, Scratch, text};

#[test]
fn a_revoked_signing_key_signs_no_more_and_says_who_still_trusts_it() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let row = text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id])["id"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id]);

    let revoked = scratch.json(&["keys", "revoke", &id]);
    assert_eq!(revoked["kind"], "signing");
    assert_eq!(revoked["fingerprint"], fingerprint.as_str());
    assert_eq!(revoked["changed"], true);
    assert_eq!(revoked["still_trusted_by"], serde_json::json!(["acme"]));
    let again = scratch.run(&["keys", "revoke", &id]);
    let end_it = format!("cloacina keys revoke --trusted acme/{}", &fingerprint[..16]);
    assert!(again.stdout.contains(&end_it), "{}", again.stdout);
    assert_eq!(scratch.json(&["keys", "revoke", &id])["changed"], false);

    scratch.write("b.so", "b");
    let sign = ["package", "sign", "b.so", "--key-id", &id];
    let run = scratch.fails(1, "SigningKeyRevoked", &sign);
    assert!(run.stderr.contains(&format!("the signing key release ({id})")), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("keys reinstate {id} --signing")), "{}", run.stderr);
    assert!(!scratch.exists("b.so.sig"));
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    scratch.json(&["keys", "revoke", &row]);
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", "acme"]);
}

/// An organization `acme` that owns a signing key and trusts it; gives the row's
/// id, the key's id and the fingerprint.
fn owner_and_truster() -> (Scratch, [String; 3]) {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let row = text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id])["id"]);
    (scratch, [row, id, fingerprint])
}

#[test]
fn a_key_is_named_by_its_name_id_fingerprint_or_the_first_digits_of_either() {
    let kinds = [("--trusted", 0), ("--trusted", 2), ("--signing", 1), ("--signing", 2)];
    let prefixes =
        kinds.into_iter().flat_map(|(kind, which)| [64, 8, 4].map(|length| (kind, which, length)));
    for (kind, which, length) in prefixes {
        let (scratch, names) = owner_and_truster();
        let name = &names[which][..length.min(names[which].len())];
        assert_revokes(&scratch, kind, &[name]);
    }
    for kind in ["--signing", "--trusted"] {
        for name in ["release", "acme/release"] {
            let (scratch, _) = owner_and_truster();
            assert_revokes(&scratch, kind, &[name]);
        }
        let (scratch, [row, id, fingerprint]) = owner_and_truster();
        let whole = if kind == "--signing" { id } else { row };
        let upper = if kind == "--signing" { whole } else { fingerprint }.to_uppercase();
        assert_revokes(&scratch, kind, &[&upper]);
    }
}

fn assert_revokes(scratch: &Scratch, kind: &str, name: &[&str]) {
    let revoked = scratch.json(&[&["keys", "revoke", "--org", "acme", kind][..], name].concat());
    assert_eq!(revoked["changed"], true, "{kind} {name:?}");
    assert_eq!(revoked["kind"], kind.trim_start_matches('-'));
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    let is_signing = kind == "--signing";
    assert_eq!(listed["signing_keys"][0]["revoked_at"] != Value::Null, is_signing);
    assert_eq!(listed["refused"].as_array().unwrap().len(), usize::from(!is_signing));
}

#[test]
fn a_short_or_unknown_name_revokes_nothing() {
    let (scratch, [row, id, fingerprint]) = owner_and_truster();
    for kind in ["--signing", "--trusted"] {
        let revoke = |name: &str, code: &str, said: &str| {
            let run = scratch.fails(2, code, &["keys", "revoke", name, "--org", "acme", kind]);
            assert!(run.stderr.contains(said), "{}", run.stderr);
        };
        revoke(&fingerprint[..3], "NoSuchKey", "next: list the keys");
        revoke("", "Usage", "it is empty");
        revoke("00000000-dead-4000-8000-000000000000", "NoSuchKey", "next: list the keys");
        revoke("relase", "NoSuchKey", "next: did you mean acme/release?");
        revoke("Release", "NoSuchKey", "next: did you mean acme/release?");
    }
    // A row is not a signing key, nor the other way round.
    scratch.fails(2, "NoSuchKey", &["keys", "revoke", &row, "--org", "acme", "--signing"]);
    scratch.fails(2, "NoSuchKey", &["keys", "revoke", &id, "--org", "acme", "--trusted"]);
    scratch.fails(2, "NoSuchKey", &["keys", "revoke", "00000000-dead-4000-8000-000000000000"]);
    // Both have the name and the fingerprint.
    for name in ["release", &fingerprint, &fingerprint[..8]] {
        let run = scratch.fails(2, "AmbiguousKey", &["keys", "revoke", name, "--org", "acme"]);
        for candidate in [&row, &id] {
            assert!(run.stderr.contains(&candidate[..8]), "{}", run.stderr);
        }
        assert!(run.stderr.contains("next: add --signing or --trusted"), "{}", run.stderr);
    }
    scratch.fails(2, "Usage", &["keys", "revoke", &id, "--signing", "--trusted", "--org", "acme"]);
    assert_nothing_is_revoked(&scratch);
}

#[test]
fn another_organizations_key_is_not_revoked() {
    let (scratch, [row, id, fingerprint]) = owner_and_truster();
    for name in [&row, &id] {
        let revoke = ["keys", "revoke", name, "--org", "other"];
        scratch.fails(2, "KeyOfAnotherOrganization", &revoke);
    }
    for name in ["release", &fingerprint, &id[..8]] {
        let revoke = ["keys", "revoke", name, "--org", "other", "--signing"];
        scratch.fails(2, "NoSuchKey", &revoke);
    }
    assert_nothing_is_revoked(&scratch);
    for name in ["acme/release", &format!("acme/{id}")] {
        let revoke = ["keys", "revoke", name, "--org", "other", "--signing"];
        scratch.fails(2, "KeyOfAnotherOrganization", &revoke);
    }
    assert_nothing_is_revoked(&scratch);
    scratch.json(&["keys", "revoke", &row, "--org", "acme"]);
    scratch.json(&["keys", "revoke", &id, "--org", "acme"]);
}

/// An organization that gives a name to several keys does not choose among the rows of another.
#[test]
fn a_name_that_another_organization_gives_to_two_keys_changes_nothing() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (_, own) = scratch.stored_key("own", "acme");
    scratch.stored_key("release", "vendor");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "acme/own"]);
    scratch.json(&["keys", "trust", "--org", "vendor", "--key-id", "vendor/release"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let named_alike =
        ["keys", "trust", "--org", "vendor", "--key-id", "acme/own", "--name", "release"];
    scratch.json(&named_alike);
    for command in ["revoke", "reinstate"] {
        let mut arguments = vec!["keys", command, "vendor/release", "--org", "acme"];
        arguments.extend(["--note", "a mistake"]);
        scratch.fails(2, "AmbiguousKey", &arguments);
    }
    scratch.fails(2, "AmbiguousKey", &["keys", "deny", "vendor/release", "--org", "acme"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", "acme/own"]);
    let verified = scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    assert_eq!(
        (&verified[0]["signer"], &verified[0]["via"]["path"]),
        (&json!(own), &json!("direct"))
    );
}

/// As `keys deny acme/release --org other` denies it.
#[test]
fn what_an_organization_says_about_anothers_key_is_found_by_that_keys_name() {
    let (scratch, [row, _, fingerprint]) = owner_and_truster();
    let nothing = ["keys", "revoke", "acme/release", "--org", "other"];
    let run = scratch.fails(2, "KeyOfAnotherOrganization", &nothing);
    assert!(run.stderr.contains("cloacina keys deny acme/release --org other"), "{}", run.stderr);
    scratch.json(&["keys", "deny", "acme/release", "--org", "other"]);
    let reinstate = ["keys", "reinstate", "acme/release", "--org", "other", "--note", "a mistake"];
    let reinstated = scratch.json(&reinstate);
    assert_eq!(
        (&reinstated["fingerprint"], &reinstated["changed"]),
        (&json!(fingerprint), &json!(true))
    );
    assert_ne!(reinstated["id"], row.as_str());
    assert_nothing_is_revoked(&scratch);
}

fn assert_nothing_is_revoked(scratch: &Scratch) {
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"][0]["revoked_at"], Value::Null);
    assert_eq!(listed["refused"], serde_json::json!([]));
    assert_eq!(listed["accepted"].as_array().unwrap().len(), 1);
}

#[test]
fn the_first_characters_of_two_keys_revoke_neither() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let ids: [&str; 2] =
        ["12345678-0000-4000-8000-000000000001", "12345678-0000-4000-8000-000000000002"];
    scratch.inspect(async |keys| {
        let org: OrgId = keys.store().organizations().await.unwrap()[0].id;
        let kek = KeyEncryptionKey::parse(KEK).unwrap();
        let url = DatabaseUrl::parse(&scratch.database_url(), RequiredTls::DangerNone).unwrap();
        let store = Store::open(&url).await.unwrap();
        for (number, text) in ids.iter().enumerate() {
            let key = SigningKey::generate().unwrap();
            let public_key = key.verifying_key();
            let id: TrustedKeyId = text.parse().unwrap();
            let row = NewTrustedKey { id, org_id: org, public_key, name: None, expires_at: None };
            let trusted = store.trust_key(row, AuditEntry::new("test")).await.unwrap();
            assert!(matches!(trusted, Change::Made(_)));
            let id: KeyId = text.parse().unwrap();
            let context = WrapContext { org, id, predecessor: None };
            let wrapped_key = kek.wrap_key(&key, &context).unwrap();
            let name = format!("k{number}").parse().unwrap();
            let row =
                NewSigningKey { id, org_id: org, name, public_key, wrapped_key, predecessor: None };
            store.insert_signing_key(row, AuditEntry::new("test")).await.unwrap();
        }
    });
    for kind in ["--signing", "--trusted"] {
        let revoke =
            |name: &str| ["keys", "revoke", name, "--org", "acme", kind].map(str::to_owned);
        for name in [&ids[0][..8], &ids[0][..35]] {
            let before = scratch.json(&["keys", "list", "--org", "acme"]);
            let arguments = revoke(name);
            scratch.fails(2, "AmbiguousKey", &arguments.each_ref().map(String::as_str));
            assert_eq!(scratch.json(&["keys", "list", "--org", "acme"]), before);
        }
        let arguments = revoke(ids[0]);
        let revoked = scratch.json(&arguments.each_ref().map(String::as_str));
        assert_eq!((&revoked["id"], &revoked["changed"]), (&ids[0].into(), &true.into()));
    }
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    let revoked = |id: &str| {
        let keys = listed["signing_keys"].as_array().unwrap();
        keys.iter().find(|key| key["id"] == id).unwrap()["revoked_at"] != Value::Null
    };
    assert_eq!(ids.map(revoked), [true, false]);
    assert_eq!(listed["accepted"].as_array().unwrap().len(), 1);
    assert_eq!(listed["accepted"][0]["id"], ids[1]);
}
