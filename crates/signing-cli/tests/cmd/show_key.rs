//! What one key is, where it counts, who changed that, and what it has signed.

use crate::support::{Scratch, finish, text};

/// `vendor` owns and trusts the key `release`, which `acme` accepts through a grant; each has a
/// signature by it in the store, and `acme` one by its own key.
fn world() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let (id, fingerprint) = scratch.stored_key("release", "vendor");
    let trust = ["keys", "trust", "--org", "vendor", "--key-id", &id];
    finish(scratch.command(&trust).args(["--actor", "the pipeline"]), b"");
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    scratch.stored_key("own", "acme");
    for (package, key) in [("a.so", "vendor/release"), ("b.so", "acme/own")] {
        scratch.write(package, package);
        scratch.json(&["package", "sign", package, "--key-id", key, "--store"]);
    }
    (scratch, fingerprint)
}

#[test]
fn a_key_is_shown_with_trust_history_and_signatures() {
    let (scratch, fingerprint) = world();
    let shown = scratch.json(&["keys", "show", "vendor/release"]);
    assert_eq!(text(&shown["fingerprint"]), fingerprint);
    assert_eq!(shown["signing_keys"][0]["name"], "release");
    let accepted = shown["accepted_by"].as_array().unwrap();
    let paths: Vec<_> =
        accepted.iter().map(|one| (text(&one["org"]), text(&one["via"]["path"]))).collect();
    let expected = [("acme", "granted"), ("vendor", "direct")];
    assert_eq!(paths, expected.map(|(org, path)| (org.to_owned(), path.to_owned())));
    let history = shown["history"].as_array().unwrap();
    let trusted = history.iter().find(|change| change["event"] == "key.trusted.added").unwrap();
    assert_eq!(trusted["actor"], "the pipeline");
    assert_eq!(shown["signed"].as_array().unwrap().len(), 1);
    assert_eq!(shown["signed"][0]["name"], "a.so");

    scratch.json(&["keys", "deny", "vendor/release", "--org", "acme"]);
    let shown = scratch.json(&["keys", "show", &fingerprint, "--org", "acme"]);
    assert_eq!(shown["row"]["standing"], "denied");
    let accepted = shown["accepted_by"].as_array().unwrap();
    assert!(accepted.iter().all(|one| one["org"] != "acme"), "{shown}");
    let said = scratch.run(&["keys", "show", &fingerprint, "--org", "acme"]).stdout;
    assert!(said.contains("denied at") && said.contains("1 signature in the store"), "{said}");
}

#[test]
fn stored_signatures_are_listed_by_the_key_that_made_them() {
    let (scratch, fingerprint) = world();
    let list = |more: &[&str]| {
        let listed = scratch.json(&[&["package", "list"], more].concat());
        let names = listed["signatures"].as_array().unwrap().iter().map(|one| text(&one["name"]));
        names.collect::<Vec<_>>()
    };
    assert_eq!(list(&["--org", "acme"]), ["b.so"]);
    assert_eq!(list(&["--org", "acme", "--signed-by", "own"]), ["b.so"]);
    assert_eq!(list(&["--org", "acme", "--signed-by", &fingerprint]), [""; 0]);
    assert_eq!(list(&["--org", "vendor", "--signed-by", "release"]), ["a.so"]);
    scratch.fails(2, "NoSuchKey", &["package", "list", "--org", "acme", "--signed-by", "release"]);
    let said = scratch.run(&["package", "list", "--org", "vendor"]).stdout;
    assert!(said.contains("a.so") && said.contains(&fingerprint[..8]), "{said}");
    let by = ["package", "list", "--org", "acme", "--signed-by", &fingerprint];
    assert_eq!(scratch.run(&by).stdout, "acme keeps no signature by this key in the store\n");
    scratch.json(&["orgs", "create", "empty"]);
    let all = scratch.run(&["package", "list", "--org", "empty"]).stdout;
    assert_eq!(all, "empty keeps no signature in the store\n");
}
