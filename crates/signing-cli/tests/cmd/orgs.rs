use crate::passphrase_prompt::talk;
use crate::support::{Scratch, forge, text};

#[test]
fn a_created_organization_is_listed() {
    let scratch = Scratch::new();
    let made = scratch.json(&["orgs", "create", "acme"]);
    assert_eq!(made["name"], "acme");
    let listed = scratch.json(&["orgs", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], made["id"]);
    let shown = scratch.run(&["orgs", "list", "--wide"]);
    assert!(shown.stdout.contains("acme") && shown.stdout.contains(&text(&made["id"])));
}

#[test]
fn a_name_in_use_is_refused_and_nothing_is_made() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.fails(2, "NameTaken", &["orgs", "create", "acme"]);
    assert_eq!(scratch.json(&["orgs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn names_that_mislead_are_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for name in ["", "a b", "../acme", "x'; DROP TABLE organizations; --", "größe", "a\u{202e}b"]
    {
        let run = scratch.fails(2, "Usage", &["orgs", "create", name]);
        assert!(!run.stderr.contains('\u{202e}'), "{}", run.stderr);
    }
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    scratch.fails(2, "Usage", &["orgs", "create", id]);
    assert_eq!(scratch.json(&["orgs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_deleted_organization_trusts_nothing_and_keeps_its_name() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);

    let (key, _) = scratch.stored_key("build", "acme");
    let sign = ["package", "sign", "a.so", "--key-id", &key, "--force"];
    scratch.json(&sign);

    let id = text(&scratch.json(&["orgs", "delete", "acme", "--yes"])["id"]);
    assert_eq!(scratch.json(&["orgs", "list"]), serde_json::json!([]));
    // Nobody could revoke what its keys sign from now on.
    scratch.fails(2, "OrganizationDeleted", &sign);
    scratch.signed_package("a.so", "dev.pem");
    scratch.fails(2, "NoSuchOrganization", &["package", "verify", "a.so", "--org", "acme"]);
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", &id]);
    scratch.fails(2, "OrganizationDeleted", &["orgs", "delete", &id]);
    let trust = ["keys", "trust", "--org", &id, "--import", "dev.pub.pem"];
    scratch.fails(2, "OrganizationDeleted", &trust);

    let run = scratch.fails(2, "OrganizationNameRetired", &["orgs", "create", "acme"]);
    assert!(run.stderr.contains(&id), "{}", run.stderr);
    scratch.json(&["orgs", "create", "acme-2"]);
}

#[test]
fn an_organization_is_deleted_only_if_somebody_agrees_to_what_is_shown() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "release"]);
    let delete = ["orgs", "delete", "acme"];
    let is_there = || scratch.json(&["orgs", "list"]).as_array().unwrap().len() == 2;
    // Nobody is there to ask.
    let refused = scratch.fails(2, "ConfirmationNeeded", &delete);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let asked = "delete acme for good? [yes/no] ";
    let declined = talk(&mut scratch.command(&delete), &[(asked, "no\n")]);
    assert_eq!(declined.code, Some(2), "{}", declined.shown);
    let (shown, _) = declined.shown.split_once(asked).unwrap();
    assert!(shown.contains("deleting acme cannot be undone"), "{shown}");
    assert!(shown.contains("would no longer accept these keys:"), "{shown}");
    assert!(shown.contains("these keys could no longer sign: release"), "{shown}");
    let foreseen = scratch.json(&["orgs", "delete", "acme", "--dry-run"]);
    assert_eq!(foreseen["signing_keys"], serde_json::json!(["release"]));
    let foreseen = scratch.json(&["orgs", "delete", "other", "--dry-run"]);
    assert_eq!(foreseen["signing_keys"], serde_json::json!([]));
    assert!(is_there());

    let agreed = talk(&mut scratch.command(&delete), &[(asked, "yes\n")]);
    assert_eq!(agreed.code, Some(0), "{}", agreed.shown);
    assert!(agreed.stdout.contains("these keys can no longer sign: release"), "{}", agreed.stdout);
    assert!(!is_there());
}

#[test]
fn granted_trust_verifies_until_it_is_revoked() {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "dev.pub.pem"]);
    let verify = ["package", "verify", "a.so", "--org", "operator"];
    scratch.fails(1, "UntrustedSigner", &verify);

    let grant = ["orgs", "grant-trust", "--from", "operator", "--to", "vendor"];
    assert_eq!(scratch.json(&grant)["changed"], true);
    assert_eq!(scratch.json(&grant)["changed"], false);
    assert_eq!(scratch.json(&verify)[0]["via"]["org"], "vendor");
    let listed = scratch.json(&["orgs", "list"]);
    assert_eq!(listed[0]["accepts"], serde_json::json!(["vendor"]));
    assert_eq!(listed[1]["accepts"], serde_json::json!([]));

    let revoke = ["orgs", "revoke-trust", "--from", "operator", "--to", "vendor"];
    assert_eq!(scratch.json(&revoke)["changed"], true);
    assert_eq!(scratch.json(&revoke)["changed"], false);
    assert_eq!(scratch.run(&revoke).stderr, "");
    scratch.fails(1, "UntrustedSigner", &verify);
    assert_eq!(scratch.json(&grant)["changed"], true);
    scratch.json(&verify);

    let swapped = ["orgs", "revoke-trust", "--from", "vendor", "--to", "operator"];
    let told = scratch.run(&swapped).stderr;
    assert!(told.contains("revoke-trust --from operator --to vendor"), "{told}");
    forge(&scratch, "UPDATE trust_grants SET expires_at = 1000000");
    assert_eq!(scratch.run(&swapped).stderr, "");
}

#[test]
fn a_grant_does_not_work_backwards_nor_to_oneself() {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["keys", "trust", "--org", "operator", "--import", "dev.pub.pem"]);
    scratch.json(&["orgs", "grant-trust", "--from", "operator", "--to", "vendor"]);
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "a.so", "--org", "vendor"]);
    let grant = ["orgs", "grant-trust", "--from", "operator", "--to", "operator"];
    let run = scratch.fails(1, "SelfGrant", &grant);
    assert!(run.stderr.contains("the organization operator cannot grant"), "{}", run.stderr);
}

#[test]
fn a_misspelt_name_suggests_the_right_one() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let run = scratch.fails(2, "NoSuchOrganization", &["keys", "list", "--org", "acmee"]);
    assert!(run.stderr.contains("\"acmee\""), "{}", run.stderr);
    assert!(run.stderr.contains("next: did you mean acme?"), "{}", run.stderr);
    assert_eq!(run.document()["error"]["next"], "did you mean acme?");

    let run = scratch.fails(2, "NoSuchOrganization", &["keys", "list", "--org", "qqqq"]);
    assert!(run.stderr.contains("next: list the organizations: cloacina orgs list"));
}
