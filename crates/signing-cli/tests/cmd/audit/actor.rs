use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use super::{acme, forge};
use crate::support::{Scratch, finish};

/// The details of the last entry in the log of `acme`.
fn last_details(scratch: &Scratch) -> Value {
    scratch.json(&["audit", "list", "--org", "acme", "--limit", "1"])[0]["details"].clone()
}

/// Denies the key of 32 such bytes, with these options and this variable.
fn deny(scratch: &Scratch, byte: &str, options: &[&str], variable: Option<&OsStr>) -> (i32, Value) {
    let fingerprint = byte.repeat(32);
    let mut command = scratch.command(&["keys", "deny", &fingerprint, "--org", "acme", "--json"]);
    command.args(options);
    if let Some(variable) = variable {
        command.env("CLOACINA_ACTOR", variable);
    }
    let run = finish(&mut command, b"");
    (run.code, run.document())
}

#[test]
fn actor_is_the_user_and_the_host_unless_somebody_is_named() {
    let (scratch, _) = acme();
    let details = last_details(&scratch);
    assert!(details["operating_system_user"].is_string(), "{details}");
    assert!(details["host"].is_string(), "{details}");
    assert_eq!(details["actor"], Value::Null);

    for (byte, options, variable, actor) in [
        ("11", &["--actor", "a pipeline"][..], None, "a pipeline"),
        ("12", &[], Some("by environment"), "by environment"),
        ("13", &["--actor", "a pipeline"], Some("by environment"), "a pipeline"),
    ] {
        assert_eq!(deny(&scratch, byte, options, variable.map(OsStr::new)).0, 0);
        let details = last_details(&scratch);
        assert_eq!(details["actor"], actor);
        assert_eq!(
            (&details["operating_system_user"], &details["host"]),
            (&json!(null), &json!(null))
        );
    }
    let run = scratch.run(&["audit", "list", "--org", "acme", "--limit", "1", "--wide"]);
    assert!(run.stdout.contains(" actor=\"a pipeline\" "), "{}", run.stdout);
    scratch.json(&["audit", "verify", "--org", "acme"]);
    forge(&scratch, "UPDATE audit_log SET details = replace(details, 'a pipeline', 'somebody')");
    scratch.fails(1, "AuditLogBroken", &["audit", "verify", "--org", "acme"]);
}

#[test]
fn actor_that_cannot_be_shown_changes_nothing() {
    let (scratch, _) = acme();
    let before = scratch.json(&["audit", "list", "--org", "acme"]);
    let long = "a".repeat(256);
    for name in ["", "a\nb", "a\u{202e}b", &long] {
        let (code, document) = deny(&scratch, "11", &["--actor", name], None);
        assert_eq!((code, &document["error"]["code"]), (2, &"Usage".into()), "{name:?}");
        let (code, document) = deny(&scratch, "11", &[], Some(name.as_ref()));
        assert_eq!((code, &document["error"]["code"]), (2, &"InvalidActor".into()), "{name:?}");
    }
    let (code, document) = deny(&scratch, "11", &[], Some(OsStr::from_bytes(b"\xff")));
    assert_eq!((code, &document["error"]["code"]), (2, &"NotUnicode".into()));
    assert_eq!(scratch.json(&["audit", "list", "--org", "acme"]), before);
}
