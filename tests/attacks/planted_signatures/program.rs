//! Signatures that a signer's role puts into the store again, for an administrator to renew.

use serde_json::Value;

use crate::support::{Scratch, text};

/// An organization with a key, and stored signatures by it: a current one, one that has an old
/// version, and one that expires at once.
fn planted() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    let sign = |name: &str, options: &[&str]| {
        scratch.write(name, name);
        let sign = ["package", "sign", name, "--key-id", "release", "--store"];
        scratch.json(&[&sign[..], options].concat());
    };
    sign("current.so", &["--package-version", "2.0.0"]);
    sign("old.so", &["--package-version", "1.0.0"]);
    sign("unversioned.so", &[]);
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(5)).to_rfc3339();
    sign("expired.so", &["--expires", &soon]);
    for name in ["current.so", "old.so", "unversioned.so"] {
        scratch.json(&["package", "floor", "set", "--name", name, "2.0.0"]);
    }
    std::thread::sleep(std::time::Duration::from_secs(6));
    scratch
}

fn results(document: &Value) -> Vec<(String, String)> {
    let packages = document["signatures"]["packages"].as_array().unwrap().iter();
    let mut results: Vec<_> =
        packages.map(|package| (text(&package["name"]), text(&package["result"]))).collect();
    results.sort();
    results
}

const ROTATE: [&str; 4] = ["keys", "rotate", "release", "--resign"];

#[test]
fn an_administrator_sees_each_package_before_its_signature_is_renewed() {
    let scratch = planted();
    let expected = [
        ("current.so", "added"),
        ("expired.so", "expired"),
        ("old.so", "below_floor"),
        ("unversioned.so", "below_floor"),
    ]
    .map(|(name, result)| (name.to_owned(), result.to_owned()));

    let foreseen = scratch.json(&[&ROTATE[..], &["--dry-run"]].concat());
    assert_eq!(results(&foreseen), expected);
    let refused = scratch.run(&ROTATE);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    for shown in ["current.so", "2.0.0", "below floor 2.0.0", "expired", "--yes"] {
        assert!(refused.stderr.contains(shown), "{shown}: {}", refused.stderr);
    }
    let keys = scratch.json(&["keys", "list"]);
    assert_eq!(keys["signing_keys"].as_array().unwrap().len(), 1, "nothing was done");

    let done = scratch.json(&[&ROTATE[..], &["--yes"]].concat());
    assert_eq!(results(&done), expected);
    assert_eq!(
        (&done["signatures"]["added"], &done["signatures"]["outdated"]),
        (&1.into(), &3.into())
    );
    scratch.json(&["keys", "revoke", "release", "--trusted"]);
    scratch.json(&["package", "verify", "current.so"]);
    for name in ["old.so", "unversioned.so", "expired.so"] {
        scratch.fails(1, "UntrustedSigner", &["package", "verify", name]);
    }
}
