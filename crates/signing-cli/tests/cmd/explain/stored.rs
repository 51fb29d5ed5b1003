//! What `--explain` says of signatures in the store.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use super::{is_shown, steady, verify};
use crate::support::{Scratch, finish, text};

/// An organization that keeps signatures by its own key, and one that accepts what the
/// key has signed that is called `etl-*`, until 2999. Gives the id of the grant.
fn with_stored_signatures() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (key, _) = scratch.stored_key("release", "vendor");
    let trust = ["keys", "trust", "--org", "vendor", "--key-id", &key, "--name", "release"];
    scratch.json(&trust);
    let grant = ["orgs", "grant-trust", "--from", "acme", "--to", "vendor"];
    let limits = ["--packages", "etl-*", "--expires", "2999-01-01"];
    scratch.json(&[&grant[..], &limits].concat());
    for name in ["etl-a.so", "web.so"] {
        scratch.write(name, name);
        scratch.json(&["package", "sign", name, "--key-id", &key, "--store"]);
    }
    let grant = scratch.json(&["orgs", "show", "acme"])["grants"][0]["id"].clone();
    (scratch, text(&grant))
}

#[test]
fn page_shows_a_signature_from_the_store_as_what_it_is() {
    let (scratch, _) = with_stored_signatures();
    let code = "UntrustedSigner";
    is_shown(&scratch, "A signature in the store", code, &verify("web.so"));
}

#[test]
fn a_program_is_told_where_a_signature_was_and_by_which_path_and_how_far_its_key_counts() {
    let (scratch, grant) = with_stored_signatures();
    let explained = |package: &str| {
        let run = finish(scratch.command(&verify(package)).arg("--json"), b"");
        run.document()["result"][0].clone()
    };
    let result = explained("etl-a.so");
    let orgs = scratch.json(&["orgs", "list"]);
    let vendor = &orgs[1]["id"];
    let kept: BTreeMap<String, String> = scratch.inspect(async |keys| {
        let vendor = keys.store().organizations().await.unwrap()[1].id;
        let kept = keys.store().stored_signatures(vendor, None, 9).await.unwrap();
        kept.iter().map(|kept| (kept.package_digest.to_string(), kept.id.to_string())).collect()
    });
    let found = &result["explanation"][0];
    let id = &kept[&text(&result["sha256"])];
    let source = json!({ "kind": "store", "signature_id": id, "org_id": vendor, "org": "vendor" });
    assert_eq!(found["source"], source);
    let signature = &found["signatures"][0];
    assert_eq!(signature["name"], "release");
    assert_eq!(
        signature["via"],
        json!({ "path": "granted", "grant_id": grant, "org_id": vendor, "org": "vendor" })
    );
    let limits = (&signature["packages"], &signature["expires_at"]);
    assert_eq!(limits, (&json!(["etl-*"]), &json!("2999-01-01T00:00:00Z")));
    assert_eq!(result["via"], signature["via"]);

    // What people are told is the same.
    let shown = steady(&scratch.run(&verify("etl-a.so")).stdout);
    let counts =
        "counts: trusted as release, granted to vendor for packages \"etl-*\" until <time>";
    assert!(shown.contains("├─ stored signature <id> of vendor: sufficient\n"), "{shown}");
    assert!(shown.contains(counts), "{shown}");

    let signature = &explained("web.so")["explanation"][0]["signatures"][0];
    assert_eq!(signature["reason"], "other_packages");
    assert_eq!((&signature["via"], &signature["name"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_stored_signature_that_cannot_be_read_says_why() {
    let (scratch, _) = with_stored_signatures();
    let forged = "UPDATE package_signatures SET envelope = '-----BEGIN PGP SIGNATURE-----'";
    let path = scratch.path("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(forged).unwrap();
    let arguments = verify("etl-a.so");
    let run = scratch.run(&arguments);
    let read = "├─ stored signature <id> of vendor: cannot be read: it is an OpenPGP signature, \
                expected a DSSE envelope\n";
    assert!(steady(&run.stdout).contains(read), "{}", run.stdout);
    let document = scratch.fails(1, "MalformedSignature", &arguments).document();
    let found = &document["result"][0]["explanation"][0];
    assert_eq!((&found["readable"], &found["accepted"]), (&json!(false), &json!(false)));
    assert_eq!(found["message"], "it is an OpenPGP signature, expected a DSSE envelope");
    assert_eq!(found["source"]["org"], "vendor");
}
