//! One organization, with its keys, its grants in both directions and its signed trust.

use serde_json::json;

use crate::support::{Scratch, text};

#[test]
fn an_organization_is_shown_with_its_own_keys_and_their_states() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    scratch.stored_key("old", "acme");
    let (_, other) = scratch.stored_key("ci", "vendor");
    let until = "2999-01-01T00:00:00Z";
    let trust = ["keys", "trust", "--org", "acme", "--key-id", &id, "--expires", until];
    scratch.json(&trust);
    scratch.json(&["keys", "revoke", "--signing", "acme/old"]);
    scratch.json(&["keys", "deny", &other, "--org", "acme", "--note", "left"]);

    let shown = scratch.json(&["orgs", "show", "acme"]);
    let signing = shown["signing_keys"].as_array().unwrap();
    assert_eq!((signing.len(), &signing[0]["fingerprint"]), (2, &json!(fingerprint)));
    assert_eq!(
        (&signing[0]["revoked_at"], &signing[1]["reason"]),
        (&json!(null), &json!("retired"))
    );
    let stated = shown["trusted_keys"].as_array().unwrap();
    let of = |key: &str| stated.iter().find(|stated| stated["fingerprint"] == key).unwrap();
    assert_eq!((stated.len(), &of(&other)["standing"]), (2, &json!("denied")));
    let release = of(&fingerprint);
    assert_eq!((&release["standing"], &release["expires_at"]), (&json!("trusted"), &json!(until)));
    let said = scratch.run(&["orgs", "show", "acme"]).stdout;
    for line in ["can sign", "trusted until 2999-01-01T00:00:00Z", "revoked at ", "denied at "] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");

    // Another organization's keys are not its own.
    let shown = scratch.json(&["orgs", "show", "vendor"]);
    assert_eq!(shown["signing_keys"].as_array().unwrap().len(), 1);
    assert_eq!(shown["trusted_keys"], json!([]));
}

#[test]
fn signed_trust_is_shown_and_said_to_be_unverified() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    scratch.json(&init);
    let signed = scratch.json(&["orgs", "show", "acme"])["signed_trust"].clone();
    assert_eq!(signed["verified"], false);
    let documents = signed["documents"].as_array().unwrap();
    let kinds: Vec<_> = documents.iter().map(|document| text(&document["kind"])).collect();
    assert_eq!(kinds, ["root", "statement", "revocations"]);
    assert!(documents.iter().all(|document| document["version"] == 1), "{documents:?}");
    let said = scratch.run(&["orgs", "show", "acme"]).stdout;
    assert!(said.contains("nothing is verified"), "{said}");
    assert!(said.contains("cloacina trust status --org acme --trust-root <file>"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");

    assert_eq!(scratch.json(&["orgs", "show", "vendor"])["signed_trust"], json!(null));
    let said = scratch.run(&["orgs", "show", "vendor"]).stdout;
    assert!(said.contains("signed trust: none was published"), "{said}");
}
