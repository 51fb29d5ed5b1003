use serde_json::json;

use crate::support::{Scratch, text};

/// `acme` owns a key, trusts it and keeps a signature; `parent` accepts what `acme`
/// trusts. Gives the ids of the key and of the row.
fn world() -> (Scratch, [String; 2]) {
    let scratch = Scratch::with_orgs(&["acme", "parent", "stranger"]);
    let (id, _) = scratch.stored_key("release", "acme");
    let row = text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id])["id"]);
    scratch.json(&["orgs", "grant-trust", "--from", "parent", "--to", "acme"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id, "--store"]);
    (scratch, [id, row])
}

const DIGEST: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

#[test]
fn a_dry_run_says_what_would_be_lost_and_revokes_nothing() {
    let (scratch, [id, row]) = world();
    let told = |reason: &str, kind: &str| {
        format!(
            "nothing was changed; to revoke the {kind} key as {reason} would mean:\n  \
             acme refuses whatever the key has signed\n  \
             parent refuses whatever the key has signed\n  \
             acme accepts 1 kept signatures no more\n    \
             without any other: {DIGEST}  a.so\n  \
             parent accepts 1 kept signatures no more\n    \
             without any other: {DIGEST}  a.so\n  \
             of .sig files beside packages the store knows nothing\n"
        )
    };
    let epoch = || scratch.inspect(async |keys| keys.store().heartbeat().await.unwrap().state);
    let before = epoch();

    let run = scratch.run(&["keys", "revoke", &row, "--dry-run"]);
    assert_eq!((run.code, run.stdout), (0, told("retired", "trusted")));
    let run = scratch.run(&["keys", "revoke", &id, "--reason", "compromised", "--dry-run"]);
    assert_eq!((run.code, run.stdout), (0, told("compromised", "signing")));
    let run = scratch.run(&["keys", "revoke", &id, "--dry-run"]);
    assert_eq!(
        run.stdout,
        "nothing was changed; to revoke the signing key as retired would mean:\n  \
         it signs no more; what it has signed stays as good as it is\n"
    );

    assert_eq!(epoch(), before);
    for org in ["acme", "parent"] {
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
    scratch.json(&["keys", "revoke", &row]);
    for org in ["acme", "parent"] {
        scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", org]);
    }
}

#[test]
fn what_another_key_has_signed_as_well_is_not_lost() {
    let (scratch, [id, row]) = world();
    let dry = ["keys", "revoke", &row, "--dry-run"];
    let loss = scratch.json(&dry)["losses"][0].clone();
    assert_eq!(loss["packages"], json!([{ "sha256": DIGEST, "name": "a.so" }]));
    assert_eq!(loss["signatures"].as_array().unwrap().len(), 1);

    scratch.json(&["keys", "rotate", &id, "--resign"]);

    let foreseen = scratch.json(&dry);
    assert_eq!(foreseen["refusing"], json!(["acme", "parent"]));
    assert_eq!(foreseen["losses"], json!([]));
    scratch.json(&["keys", "revoke", &row]);
    for org in ["acme", "parent"] {
        scratch.fails(1, "SignatureNotFound", &["package", "verify", "a.so", "--org", "stranger"]);
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
}
