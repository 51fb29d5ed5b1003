//! Names that look like others.

use crate::support::Scratch;

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
    assert!(listed.contains(&format!("{fingerprint}  second  ")), "{listed}");
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["accepted"][0]["name"], "second");

    // By its id, a key is called what its owner calls it, unless it has a name.
    let (id, _) = scratch.stored_key("release", "acme");
    let trust = ["keys", "trust", "--org", "other", "--key-id", &id];
    assert_eq!(scratch.json(&trust)["name"], "release");
    scratch.json(&[&trust[..], &["--name", "vendor"]].concat());
    assert_eq!(scratch.json(&trust)["name"], "vendor");
}
