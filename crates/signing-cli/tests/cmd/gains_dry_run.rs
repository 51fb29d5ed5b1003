//! What a change that gives trust would bring about. Nothing is changed.

use serde_json::{Value, json};

use crate::support::{Scratch, text};

const GRANT: [&str; 6] = ["orgs", "grant-trust", "--from", "acme", "--to", "vendor"];

/// `vendor` trusts its key `release` and keeps a signature by it; `acme` accepts nothing.
fn world() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (_, fingerprint) = scratch.stored_key("release", "vendor");
    scratch.json(&["keys", "trust", "--org", "vendor", "--key-id", "vendor/release"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", "vendor/release", "--store"]);
    (scratch, fingerprint)
}

fn with_dry_run<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["--dry-run"]].concat()
}

/// What is shown, after which nothing is different.
fn foreseen(scratch: &Scratch, command: &[&str]) -> Value {
    let state = || scratch.inspect(async |keys| keys.store().state().await.unwrap());
    let before = state();
    let shown = scratch.json(&with_dry_run(command));
    assert_eq!(state(), before, "{command:?}");
    assert_eq!(shown["dry_run"], true);
    shown
}

/// The organizations of a list, with the keys or packages that it has of them.
fn names(shown: &Value, list: &str, of: &str) -> Vec<(String, Vec<String>)> {
    let each = shown[list].as_array().unwrap().iter().map(|one| {
        let names = one[of].as_array().unwrap().iter().map(|item| text(&item["name"]));
        (text(&one["org"]), names.collect())
    });
    each.collect()
}

fn one(org: &str, name: &str) -> Vec<(String, Vec<String>)> {
    vec![(org.into(), vec![name.into()])]
}

fn verifies(scratch: &Scratch, org: &str) -> bool {
    scratch.run(&["package", "verify", "a.so", "--org", org]).code == 0
}

fn assert_nothing(shown: &Value) {
    for list in ["accepted", "accepted_otherwise", "refused", "gains", "losses"] {
        assert_eq!(shown[list], json!([]), "{shown}");
    }
}

#[test]
fn a_grant_is_shown_first_and_then_does_that() {
    let (scratch, fingerprint) = world();
    let limited = [&GRANT[..], &["--packages", "a*", "--expires", "2999-01-01"]].concat();
    let shown = foreseen(&scratch, &limited);
    assert_eq!(names(&shown, "accepted", "keys"), one("acme", "release"));
    let key = &shown["accepted"][0]["keys"][0];
    assert_eq!((&key["fingerprint"], &key["via"]["org"]), (&json!(fingerprint), &json!("vendor")));
    assert_eq!(key["packages"], json!(["a*"]));
    assert_eq!(key["expires_at"], "2999-01-01T00:00:00Z");
    assert_eq!(names(&shown, "gains", "signatures"), one("acme", "a.so"));
    assert_eq!(names(&shown, "gains", "packages"), one("acme", "a.so"));
    let said = scratch.run(&with_dry_run(&limited)).stdout;
    let first = "nothing was changed; a grant of acme to vendor would have this effect:\n  acme \
                 would accept these keys, which it does not accept now:\n";
    assert!(said.starts_with(first), "{said}");
    assert!(said.lines().skip(1).all(|line| line.chars().count() <= 80), "{said}");
    assert!(!verifies(&scratch, "acme"));

    // A grant for other packages accepts the key, and not this package.
    let other = foreseen(&scratch, &[&GRANT[..], &["--packages", "b*"]].concat());
    assert_eq!(names(&other, "accepted", "keys"), one("acme", "release"));
    assert_eq!(other["gains"], json!([]));

    scratch.json(&limited);
    assert!(verifies(&scratch, "acme"));
    assert_nothing(&foreseen(&scratch, &limited));
    let said = scratch.run(&with_dry_run(&limited)).stdout;
    assert!(said.contains("no organization would accept other keys than now"), "{said}");
}

#[test]
fn a_narrower_grant_is_shown_with_what_it_ends() {
    let (scratch, _) = world();
    scratch.json(&GRANT);
    let narrower = [&GRANT[..], &["--packages", "b*"]].concat();
    let shown = foreseen(&scratch, &narrower);
    assert_eq!(names(&shown, "accepted_otherwise", "keys"), one("acme", "release"));
    assert_eq!(names(&shown, "losses", "packages"), one("acme", "a.so"));
    assert!(verifies(&scratch, "acme"));
    scratch.json(&narrower);
    assert!(!verifies(&scratch, "acme"));
    let wider = foreseen(&scratch, &GRANT);
    assert_eq!(names(&wider, "gains", "packages"), one("acme", "a.so"));
}

#[test]
fn trust_in_a_key_is_shown_for_the_organization_and_those_that_granted_it_trust() {
    let (scratch, fingerprint) = world();
    scratch.json(&["orgs", "create", "parent"]);
    scratch.json(&["orgs", "grant-trust", "--from", "parent", "--to", "acme"]);
    scratch.json(&["package", "sign", "a.so", "--key-id", "vendor/release"]);
    let export = ["keys", "export", "vendor/release", "--output", "vendor.pub.pem"];
    scratch.json(&export);
    let by_id = ["keys", "trust", "--org", "acme", "--key-id", "vendor/release"];
    let by_file = ["keys", "trust", "--org", "acme", "--import", "vendor.pub.pem"];
    let shown = foreseen(&scratch, &[&by_id[..], &["--expires", "2999-01-01"]].concat());
    let both: Vec<_> = ["acme", "parent"].iter().flat_map(|org| one(org, "release")).collect();
    assert_eq!(names(&shown, "accepted", "keys"), both);
    let paths = |place: usize| shown["accepted"][place]["keys"][0]["via"]["path"].clone();
    assert_eq!((paths(0), paths(1)), (json!("direct"), json!("granted")));
    assert_eq!(shown["accepted"][1]["keys"][0]["expires_at"], "2999-01-01T00:00:00Z");
    // The store finds the signature for vendor alone, which keeps it.
    assert_eq!(shown["gains"], json!([]));
    let said = scratch.run(&with_dry_run(&by_file)).stdout;
    let first = format!("nothing was changed; trusting {fingerprint} for acme would have this");
    assert!(said.starts_with(&first), "{said}");

    assert!(!verifies(&scratch, "acme") && !verifies(&scratch, "parent"));
    scratch.json(&by_file);
    assert!(verifies(&scratch, "acme") && verifies(&scratch, "parent"));
    assert_nothing(&foreseen(&scratch, &by_file));
    // Until another time than now, it would be accepted otherwise.
    let shown = foreseen(&scratch, &[&by_id[..], &["--expires", "2999-01-01"]].concat());
    assert_eq!(shown["accepted"], json!([]));
    assert_eq!(shown["accepted_otherwise"].as_array().unwrap().len(), 2);
}

#[test]
fn a_reinstatement_is_shown_first_and_then_does_that() {
    let (scratch, fingerprint) = world();
    scratch.json(&GRANT);
    let reinstate = ["keys", "reinstate", "--trusted", "vendor/release"];
    assert_nothing(&foreseen(&scratch, &reinstate));
    scratch.json(&["keys", "revoke", "--trusted", "vendor/release"]);
    let shown = foreseen(&scratch, &reinstate);
    let both: Vec<_> = ["acme", "vendor"].iter().flat_map(|org| one(org, "release")).collect();
    assert_eq!(names(&shown, "accepted", "keys"), both);
    let both: Vec<_> = ["acme", "vendor"].iter().flat_map(|org| one(org, "a.so")).collect();
    assert_eq!(names(&shown, "gains", "packages"), both);
    assert!(!verifies(&scratch, "acme") && !verifies(&scratch, "vendor"));

    // Without --dry-run it needs a reason.
    assert_eq!(scratch.run(&reinstate).code, 2);
    scratch.json(&[&reinstate[..], &["--note", "by mistake"]].concat());
    assert!(verifies(&scratch, "acme") && verifies(&scratch, "vendor"));

    // A denial of what is inherited, by an organization that has never trusted the key.
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme"]);
    let shown = foreseen(&scratch, &["keys", "reinstate", "--org", "acme", &fingerprint]);
    assert_eq!(names(&shown, "accepted", "keys"), one("acme", "release"));
    assert_eq!(names(&shown, "gains", "packages"), one("acme", "a.so"));

    scratch.json(&["keys", "revoke", "--signing", "vendor/release"]);
    let signing = ["keys", "reinstate", "--signing", "vendor/release"];
    assert_eq!(foreseen(&scratch, &signing)["could_sign_again"], true);
    let said = scratch.run(&with_dry_run(&signing)).stdout;
    assert!(said.contains("it could sign again"), "{said}");
    scratch.json(&[&signing[..], &["--note", "by mistake"]].concat());
    assert_eq!(foreseen(&scratch, &signing)["could_sign_again"], false);
}

#[test]
fn a_floor_is_shown_first_and_then_does_that() {
    let (scratch, _) = world();
    let set = |version| ["package", "floor", "set", version, "--org", "vendor", "--name", "a.so"];
    let unset = ["package", "floor", "unset", "--org", "vendor", "--name", "a.so"];
    let shown = foreseen(&scratch, &set("1.4.0"));
    assert_eq!(names(&shown, "losses", "packages"), one("vendor", "a.so"));
    assert_eq!((&shown["refused"], &shown["gains"]), (&json!([]), &json!([])));
    assert_nothing(&foreseen(&scratch, &unset));
    assert!(verifies(&scratch, "vendor"));

    scratch.json(&set("1.4.0"));
    assert!(!verifies(&scratch, "vendor"));
    let shown = foreseen(&scratch, &unset);
    assert_eq!(names(&shown, "gains", "packages"), one("vendor", "a.so"));
    let said = scratch.run(&with_dry_run(&unset)).stdout;
    let first = "nothing was changed; accepting every version of a.so for vendor would have this";
    assert!(said.starts_with(first), "{said}");
    assert!(!said.contains("other keys"), "{said}");
    scratch.json(&unset);
    assert!(verifies(&scratch, "vendor"));
}

/// The signatures that are signed again, were before, or are not.
fn counts(shown: &Value) -> [u64; 3] {
    ["added", "already", "left"].map(|which| shown["signatures"][which].as_u64().unwrap())
}

#[test]
fn a_rotation_is_shown_first_and_then_does_that() {
    let (scratch, fingerprint) = world();
    scratch.json(&GRANT);
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme"]);
    let rotate = ["keys", "rotate", "vendor/release"];
    let shown = foreseen(&scratch, &rotate);
    assert_eq!(shown["successor"], json!({ "id": null, "name": "release.2", "fingerprint": null }));
    assert_eq!(counts(&shown), [0, 0, 1]);
    let orgs = |shown: &Value| -> Vec<_> {
        shown["accepted"].as_array().unwrap().iter().map(|one| text(&one["org"])).collect()
    };
    assert_eq!(orgs(&shown), ["acme", "vendor"]);
    assert_eq!(shown["gains"], json!([]));
    // acme refuses the old key, and would accept what the successor signs again.
    let resign = [&rotate[..], &["--resign"]].concat();
    let shown = foreseen(&scratch, &resign);
    assert_eq!(counts(&shown), [1, 0, 0]);
    assert_eq!(names(&shown, "gains", "packages"), one("acme", "a.so"));
    let said = scratch.run(&with_dry_run(&resign)).stdout;
    assert!(said.contains("a new key release.2 would replace it"), "{said}");

    assert!(!verifies(&scratch, "acme"));
    scratch.json(&rotate);
    assert!(!verifies(&scratch, "acme"));
    let shown = foreseen(&scratch, &resign);
    assert_eq!((&shown["successor"]["name"], orgs(&shown).len()), (&json!("release.2"), 0));
    assert_eq!(names(&shown, "gains", "packages"), one("acme", "a.so"));
    scratch.json(&[&resign[..], &["--yes"]].concat());
    assert!(verifies(&scratch, "acme"));
    let shown = foreseen(&scratch, &resign);
    assert_eq!(counts(&shown), [0, 1, 0]);
    assert_eq!(shown["gains"], json!([]));
}

/// The same error, with and without `--dry-run`.
#[test]
fn what_a_command_refuses_its_dry_run_refuses() {
    let (scratch, fingerprint) = world();
    let refused = |exit, code: &str, command: &[&str]| {
        let dry = scratch.fails(exit, code, &with_dry_run(command));
        let real = scratch.fails(exit, code, command);
        assert_eq!((dry.stdout, dry.stderr), (real.stdout, real.stderr), "{command:?}");
    };
    let trust = ["keys", "trust", "--org", "acme", "--key-id", "vendor/release"];
    let reinstate =
        ["keys", "reinstate", "--org", "acme", "--trusted", &*fingerprint, "--note", "x"];
    refused(1, "SelfGrant", &["orgs", "grant-trust", "--from", "acme", "--to", "acme"]);
    refused(2, "NoSuchOrganization", &["orgs", "grant-trust", "--from", "acme", "--to", "gone"]);
    refused(2, "NoSuchKey", &["keys", "trust", "--org", "acme", "--key-id", "vendor/other"]);
    let without_kek = [&["--kek-file", "none"][..], &trust].concat();
    let missing = scratch.run(&with_dry_run(&without_kek));
    assert_eq!((missing.code, missing.stderr), {
        let run = scratch.run(&without_kek);
        (run.code, run.stderr)
    });
    assert_ne!(missing.code, 0);

    refused(2, "NameTaken", &["keys", "rotate", "vendor/release", "--name", "release"]);
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme"]);
    refused(1, "PreviouslyRevoked", &trust);
    scratch.json(&["keys", "deny", &fingerprint, "--org", "acme", "--danger-everywhere"]);
    for command in [&trust[..], &reinstate] {
        refused(1, "KeyCompromised", command);
    }
    refused(1, "KeyCompromised", &["keys", "rotate", "vendor/release"]);
    let id = text(&scratch.json(&["orgs", "delete", "vendor", "--yes"])["id"]);
    refused(2, "OrganizationDeleted", &["orgs", "grant-trust", "--from", "acme", "--to", &id]);
    refused(2, "OrganizationDeleted", &["package", "floor", "unset", "--org", &id, "--name", "a"]);
}
