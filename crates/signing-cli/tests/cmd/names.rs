//! What a name, an abbreviation and a default of the command line stand for.

use serde_json::{Value, json};

use crate::support::{Scratch, Table, finish, text};

#[test]
fn a_name_does_wherever_a_key_of_the_store_is_asked_for() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (_, fingerprint) = scratch.stored_key("release", "acme");
    let (_, of_vendor) = scratch.stored_key("release", "vendor");
    scratch.write("a.so", "a");
    let trusted = |key: &str| {
        text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", key])["fingerprint"])
    };
    let exported =
        |key: &str| text(&scratch.json(&["keys", "export", key, "--org", "acme"])["fingerprint"]);
    for key in ["release", "acme/release", &fingerprint[..4], &fingerprint.to_uppercase()] {
        assert_eq!([trusted(key), exported(key)], [&*fingerprint, &*fingerprint], "{key}");
        let sign = ["package", "sign", "a.so", "--force", "--key-id", key, "--store"];
        scratch.json(&[&sign[..], &["--org", "acme"]].concat());
    }
    assert_eq!(exported("vendor/release"), of_vendor);
    scratch.json(&["audit", "checkpoint", "--org", "acme", "--key-id", "release"]);
    let list = ["audit", "list", "--org", "acme", "--event", "key.trusted.added", "--key"];
    assert_eq!(scratch.json(&[&list[..], &["acme/release"]].concat()).as_array().unwrap().len(), 1);
    let trust = ["keys", "trust", "--org", "acme", "--key-id", "vendor/release"];
    let trusted = scratch.json(&[&trust[..], &["--name", "vendor"]].concat());
    assert_eq!(trusted["fingerprint"], of_vendor.as_str());
    let rotated = scratch.json(&["keys", "rotate", "release", "--org", "acme"]);
    assert_eq!(rotated["old"]["fingerprint"], fingerprint.as_str());
}

#[test]
fn a_name_that_was_used_before_signs_with_the_key_that_has_it_now() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (old, before) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "revoke", &old]);
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", "release"];
    scratch.fails(1, "SigningKeyRevoked", &sign);
    let (_, fingerprint) = scratch.stored_key("release", "acme");
    scratch.json(&sign);
    let signed = scratch.json(&["package", "inspect", "a.so"]);
    assert_eq!(signed["signatures"][0]["keyid"], fingerprint.as_str());
    // A change to a key is not guessed.
    let run = scratch.fails(2, "AmbiguousKey", &["keys", "revoke", "release", "--signing"]);
    let revoked = format!("revoked signing key release ({})", &before[..8]);
    for candidate in [revoked, fingerprint[..8].to_owned()] {
        assert!(run.stderr.contains(&candidate), "{}", run.stderr);
    }
    // What is shown does instead.
    let (_, shown) = run.stderr.split_once("the signing key release (").unwrap();
    let (shown, _) = shown.split_once(')').unwrap();
    let revoked = scratch.json(&["keys", "revoke", shown, "--signing"]);
    assert_eq!(revoked["fingerprint"], fingerprint.as_str());
}

#[test]
fn a_key_is_denied_by_the_name_of_who_is_named_and_shown_in_full() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let ci = scratch.key_files("ci");
    let trust = ["keys", "trust", "--org", "vendor", "--name", "ci", "--import", "ci.pub.pem"];
    scratch.json(&trust);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let deny = |key: &str| scratch.run(&["keys", "deny", "--org", "acme", key]);
    // Only its own names count for acme, and fingerprints that it accepts.
    scratch.fails(2, "NoSuchKey", &["keys", "deny", "--org", "acme", "ci"]);
    scratch.fails(2, "NoSuchKey", &["keys", "deny", "--org", "acme", "beef"]);
    for key in ["vendor/ci", &ci[..8], &ci, &ci.to_uppercase()] {
        let run = deny(key);
        assert_eq!(run.code, 0, "{key}: {}", run.stderr);
        assert!(run.stdout.contains(&ci), "{key}: {}", run.stdout);
    }
    assert!(deny("vendor/ci").stdout.contains("known as     ci"));
    let (id, fingerprint) = scratch.stored_key("own", "vendor");
    assert!(deny(&id).stdout.contains(&fingerprint));
    let unknown = "ab".repeat(32);
    assert_eq!(deny(&unknown).code, 0);
}

#[test]
fn what_a_revocation_acted_on_is_shown_in_full() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (_, fingerprint) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "release"]);
    for kind in ["signing", "trusted"] {
        let run = scratch.run(&["keys", "revoke", &fingerprint[..4], &format!("--{kind}")]);
        let shown = format!("revoked the {kind} key acme/release: ");
        assert!(run.stdout.starts_with(&shown), "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(&format!("\nfingerprint  {fingerprint}\n")), "{}", run.stdout);
    }
}

#[test]
fn the_first_digits_of_an_organizations_id_stand_for_it() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let id = text(&scratch.json(&["orgs", "show", "acme"])["id"]);
    for given in [&id[..8], &id[..8].to_uppercase(), &id.to_uppercase()] {
        assert_eq!(scratch.json(&["orgs", "show", given])["name"], "acme", "{given}");
    }
    scratch.fails(2, "NoSuchOrganization", &["orgs", "show", &id[..3]]);
    scratch.json(&["orgs", "delete", &id[..8], "--yes"]);
    scratch.fails(2, "NoSuchOrganization", &["orgs", "show", &id[..8]]);
}

#[test]
fn the_first_digits_of_a_signatures_id_remove_it() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    scratch.stored_key("release", "acme");
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", "acme/release", "--store"];
    let id = text(&scratch.json(&sign)[0]["signature_id"]);
    let unstore =
        |id: &str, org: &str| ["package", "unstore", id, "--org", org].map(str::to_owned).to_vec();
    let fails = |line: Vec<String>| {
        let words: Vec<_> = line.iter().map(String::as_str).collect();
        let run = scratch.fails(2, "NoSuchSignature", &words);
        let next = "next: list the signatures: cloacina package list --org <org>";
        assert!(run.stderr.contains(next), "{}", run.stderr);
    };
    let listed = scratch.run(&["package", "list", "--org", "acme"]).stdout;
    assert!(listed.contains(&id[..8]), "{listed}");
    fails(unstore(&id[..8], "vendor"));
    fails(unstore(&id, "vendor"));
    scratch.fails(2, "Usage", &["package", "unstore", &id[..3], "--org", "acme"]);
    let run = scratch.run(&["package", "unstore", &id[..8].to_uppercase(), "--org", "acme"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for shown in ["removed the signature of \"a.so\" from acme", &id] {
        assert!(run.stdout.contains(shown), "{}", run.stdout);
    }
    fails(unstore(&id, "acme"));
}

#[test]
fn a_key_without_its_organization_needs_one_if_the_store_has_several() {
    let scratch = Scratch::new();
    scratch.fails(2, "NoDatabase", &["keys", "export", "release"]);
    scratch.json(&["orgs", "create", "acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    let export = ["keys", "export", "release"];
    assert_eq!(scratch.json(&export)["id"], id.as_str());
    scratch.json(&["orgs", "create", "vendor"]);
    let run = scratch.fails(2, "OrganizationNeeded", &export);
    assert!(run.stderr.contains("several organizations: acme, vendor"), "{}", run.stderr);
    assert!(run.stderr.contains("name the organization: <org>/release, --org"), "{}", run.stderr);
    // Where the key is not the organization's, its name says nothing of that.
    for command in [
        &["keys", "generate", "--name", "ci"][..],
        &["keys", "trust", "--key-id", "acme/release"],
        &["keys", "list"],
    ] {
        let run = scratch.fails(2, "OrganizationNeeded", command);
        let (_, next) = run.stderr.split_once("next: ").unwrap();
        assert!(next.starts_with("name the organization: --org <org>, or CLOACINA_ORG"), "{next}");
    }
    assert_eq!(scratch.json(&["keys", "export", &id])["id"], id.as_str());
    assert_eq!(scratch.json(&["keys", "export", "acme/release"])["id"], id.as_str());
    // A deleted organization does not count.
    scratch.json(&["orgs", "delete", "vendor", "--yes"]);
    assert_eq!(scratch.json(&export)["id"], id.as_str());
    scratch.json(&["orgs", "delete", "acme", "--yes"]);
    scratch.fails(2, "NoOrganization", &export);
}

#[test]
fn the_environment_names_the_organization_unless_the_command_line_does() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (id, _) = scratch.stored_key("release", "acme");
    let (other, _) = scratch.stored_key("release", "vendor");
    let export = |org: &str, words: &[&str]| -> Value {
        let words = [&["keys", "export", "--json"], words].concat();
        let mut command = scratch.command(&words);
        finish(command.env("CLOACINA_ORG", org), b"").document()
    };
    assert_eq!(export("acme", &["release"])["result"]["id"], id.as_str());
    assert_eq!(export("vendor", &["release"])["result"]["id"], other.as_str());
    assert_eq!(export("acme", &["release", "--org", "vendor"])["result"]["id"], other.as_str());
    assert_eq!(export("acme", &["vendor/release"])["result"]["id"], other.as_str());
    assert_eq!(export("acne", &["release"])["error"]["code"], json!("NoSuchOrganization"));
    assert_eq!(export("", &["release"])["error"]["code"], json!("InvalidOrganization"));
}

#[test]
fn every_command_that_takes_an_organization_knows_the_default() {
    let table = Table::new();
    let mut defaults = 0;
    for mut words in table.command_lines() {
        let org = words.iter().position(|word| word == "--org").map(|at| {
            defaults += 1;
            words.drain(at..at + 2).nth(1).unwrap()
        });
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = table.scratch.command(&words);
        let run = finish(command.envs(org.map(|org| ("CLOACINA_ORG", org))), b"");
        assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
    }
    assert!(defaults > 10, "{defaults}");
}

#[test]
fn the_only_organization_signs_and_verifies_without_being_named() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.json(&["keys", "generate", "--name", "release"]);
    scratch.json(&["keys", "trust", "--key-id", "release"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", "release"]);
    let verify = ["package", "verify", "a.so"];
    assert_eq!(scratch.json(&verify)[0]["verdict"], "verified");
    scratch.json(&["orgs", "create", "vendor"]);
    scratch.fails(2, "OrganizationNeeded", &verify);
}
