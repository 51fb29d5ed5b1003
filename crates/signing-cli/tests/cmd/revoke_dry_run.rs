use serde_json::json;

use crate::support::{Scratch, text};

/// `acme` owns a key, trusts it and keeps a signature; `parent` accepts what `acme`
/// trusts. Gives the ids of the key, of the row and of the signature, and the key's
/// fingerprint.
fn world() -> (Scratch, [String; 4]) {
    let scratch = Scratch::with_orgs(&["acme", "parent", "stranger"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let row = text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id])["id"]);
    scratch.json(&["orgs", "grant-trust", "--from", "parent", "--to", "acme"]);
    scratch.write("a.so", "a");
    let signed = scratch.json(&["package", "sign", "a.so", "--key-id", &id, "--store"]);
    let kept = text(&signed[0]["signature_id"]);
    (scratch, [id, row, kept, fingerprint])
}

/// That `acme` and `parent` lose the key and the signature that is kept.
fn all_is_lost(what: &str, kept: &str, fingerprint: &str) -> String {
    let lost = lost_signature(kept);
    let acmes = lost_key("acme", fingerprint, "direct");
    let parents = lost_key("parent", fingerprint, "granted to acme");
    format!(
        "nothing was changed; {what}\n\
         {acmes}\
         {parents}  \
         acme would no longer accept these stored signatures:\n\
         {lost}  \
         acme would have no other signature for:\n\
         {LOST_PACKAGE}  \
         parent would no longer accept these stored signatures:\n\
         {lost}  \
         parent would have no other signature for:\n\
         {LOST_PACKAGE}  \
         the store does not know the .sig files beside packages\n"
    )
}

fn lost_key(org: &str, fingerprint: &str, trust: &str) -> String {
    let key = &fingerprint[..8];
    format!(
        "  {org} would no longer accept these keys:\n    NAME     KEY       TRUST\n    release  {key}  \
         {trust}\n"
    )
}

fn lost_signature(kept: &str) -> String {
    format!("    PACKAGE  SHA256    SIGNATURE\n    a.so     ca978112  {}\n", &kept[..8])
}

const DIGEST: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

const LOST_PACKAGE: &str = "    PACKAGE  SHA256\n    a.so     ca978112\n";

#[test]
fn a_dry_run_says_what_would_be_lost_and_revokes_nothing() {
    let (scratch, [id, row, kept, fingerprint]) = world();
    let revoking = |reason: &str, kind: &str| {
        format!(
            "revoking the {kind} key acme/release as {reason} would have this effect:\n  \
             fingerprint  {fingerprint}"
        )
    };
    let told = |reason: &str, kind: &str| all_is_lost(&revoking(reason, kind), &kept, &fingerprint);
    let epoch = || scratch.inspect(async |keys| keys.store().heartbeat().await.unwrap().state);
    let before = epoch();

    let run = scratch.run(&["keys", "revoke", &row, "--dry-run"]);
    assert_eq!((run.code, run.stdout), (0, told("retired", "trusted")));
    let run = scratch.run(&["keys", "revoke", &id, "--reason", "compromised", "--dry-run"]);
    assert_eq!((run.code, run.stdout), (0, told("compromised", "signing")));
    let run = scratch.run(&["keys", "revoke", &id, "--dry-run"]);
    assert_eq!(
        run.stdout,
        format!(
            "nothing was changed; {}\n  it could no longer sign; its existing signatures would \
             stay accepted\n",
            revoking("retired", "signing")
        )
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
    let (scratch, [id, row, kept, _]) = world();
    let dry = ["keys", "revoke", &row, "--dry-run"];
    let loss = scratch.json(&dry)["losses"][0].clone();
    assert_eq!(loss["packages"], json!([{ "sha256": DIGEST, "name": "a.so" }]));
    let signature = json!({ "id": kept, "sha256": DIGEST, "name": "a.so" });
    assert_eq!(loss["signatures"], json!([signature]));

    scratch.json(&["keys", "rotate", &id, "--resign", "--yes"]);

    let foreseen = scratch.json(&dry);
    let refused = foreseen["refused"].as_array().unwrap();
    assert_eq!(refused.iter().map(|it| text(&it["org"])).collect::<Vec<_>>(), ["acme", "parent"]);
    assert_eq!(foreseen["losses"], json!([]));
    scratch.json(&["keys", "revoke", &row]);
    for org in ["acme", "parent"] {
        scratch.fails(1, "SignatureNotFound", &["package", "verify", "a.so", "--org", "stranger"]);
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
}

#[test]
fn a_denial_is_foreseen_as_it_happens_and_denies_nothing() {
    let (scratch, [.., kept, fingerprint]) = world();
    let deny = |org: &str, more: &[&str]| {
        let deny = ["keys", "deny", &*fingerprint, "--org", org];
        let arguments: Vec<_> = deny.iter().chain(more).map(ToString::to_string).collect();
        arguments
    };
    let run = |arguments: &[String]| {
        scratch.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let dry = ["--dry-run"];
    let everywhere = ["--dry-run", "--danger-everywhere"];

    let lost = lost_signature(&kept);
    // A parent denies what it inherits, for itself only.
    assert_eq!(
        run(&deny("parent", &dry)).stdout,
        format!(
            "nothing was changed; denying {fingerprint} for parent would have this effect:\n\
             {}  \
             parent would no longer accept these stored signatures:\n\
             {lost}  \
             parent would have no other signature for:\n\
             {LOST_PACKAGE}  \
             the store does not know the .sig files beside packages\n",
            lost_key("parent", &fingerprint, "granted to acme"),
        )
    );
    // Who has said nothing about the key, and accepts nothing of it, loses nothing.
    let stranger = run(&deny("stranger", &dry)).stdout;
    assert!(stranger.contains("no organization would accept other keys than now"), "{stranger}");
    let what = format!("denying {fingerprint} for acme would have this effect:");
    let told = all_is_lost(&what, &kept, &fingerprint);
    assert_eq!(run(&deny("acme", &dry)).stdout, told);
    let what = format!(
        "declaring {fingerprint} compromised for every organization would have this effect:"
    );
    assert_eq!(run(&deny("stranger", &everywhere)).stdout, all_is_lost(&what, &kept, &fingerprint));
    for org in ["acme", "parent"] {
        scratch.json(&["package", "verify", "a.so", "--org", org]);
    }
    assert_eq!(scratch.json(&["keys", "list", "--compromised"])["compromised"], json!([]));

    assert_eq!(run(&deny("parent", &[])).code, 0);
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", "parent"]);
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    let again = run(&deny("parent", &dry)).stdout;
    assert!(again.contains("no organization would accept other keys than now"), "{again}");
    assert_eq!(run(&deny("stranger", &["--danger-everywhere"])).code, 0);
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", "acme"]);
}

#[test]
fn what_a_deleted_organization_cannot_do_is_not_foreseen() {
    let (scratch, [id, row, _, fingerprint]) = world();
    let org = text(&scratch.json(&["orgs", "delete", "acme", "--yes"])["id"]);
    for arguments in [
        &["keys", "revoke", &id][..],
        &["keys", "revoke", &row],
        &["keys", "revoke", &id, "--reason", "compromised"],
        &["keys", "deny", &fingerprint, "--org", &org],
        &["keys", "deny", &fingerprint, "--org", &org, "--danger-everywhere"],
    ] {
        for dry in [&["--dry-run"][..], &[]] {
            scratch.fails(2, "OrganizationDeleted", &[arguments, dry].concat());
        }
    }
}
