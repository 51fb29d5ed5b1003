use serde_json::Value;

use super::{acme, forge};
use crate::support::{Scratch, finish, text};

/// The sequences of the entries that are listed.
fn sequences(scratch: &Scratch, options: &[&str]) -> Vec<i64> {
    let arguments = [&["audit", "list", "--org", "acme"], options].concat();
    let listed = scratch.json(&arguments);
    listed.as_array().unwrap().iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect()
}

#[test]
fn log_is_listed_for_people() {
    let (scratch, _) = acme();
    let run = scratch.run(&["audit", "list", "--org", "acme", "--wide"]);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", run.stdout);
    for (line, event) in lines[1..].iter().zip([
        "organization.created",
        "key.signing.created",
        "key.trusted.added",
        "key.denied",
    ]) {
        assert_eq!(line.split_whitespace().nth(2), Some(event), "{line}");
    }
    assert!(lines[1].split_whitespace().any(|word| word == "name=acme"), "{}", lines[1]);
    assert!(lines[4].contains("note=\"a reason\""), "{}", lines[4]);
    assert!(lines[4].contains(&"07".repeat(32)), "{}", lines[4]);

    // Without room for it, an entry takes several lines.
    let fitted = scratch.run(&["audit", "list", "--org", "acme"]).stdout;
    assert!(fitted.lines().all(|line| line.chars().count() <= 80), "{fitted}");
    for part in ["  key.denied\n          ", "key_fingerprint=07070707 ", "note=\"a reason\""] {
        assert!(fitted.contains(part), "{fitted}");
    }
}

#[test]
fn json_is_one_document_and_jsonl_an_object_a_line() {
    let (scratch, org) = acme();
    let document = scratch.json(&["audit", "list", "--org", "acme"]);
    let entries = document.as_array().unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[3]["details"]["note"], "a reason");
    assert_eq!(entries[3]["event_type"], "key.denied");
    assert_eq!(entries[3]["org_id"], org);
    assert_eq!(entries[3]["previous_hash"], entries[2]["entry_hash"]);
    assert_eq!(text(&entries[3]["entry_hash"]).len(), 64);

    let run = scratch.run(&["audit", "list", "--org", "acme", "--jsonl"]);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines, entries);

    let both = scratch.run(&["audit", "list", "--org", "acme", "--jsonl", "--json"]);
    assert_eq!(both.code, 2, "{}", both.stdout);
}

#[test]
fn a_limit_that_is_not_a_number_of_1_or_more_is_refused_as_that() {
    let (scratch, _) = acme();
    let expected = "expected a number of 1 or more";
    for (limit, says) in [
        ("0", expected),
        ("x", expected),
        ("-1", expected),
        ("4294967296", "the number is too large"),
    ] {
        let limit = format!("--limit={limit}");
        let run = scratch.fails(2, "Usage", &["audit", "list", "--org", "acme", &limit]);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}

#[test]
fn filters_choose_entries() {
    let (scratch, _) = acme();
    assert_eq!(sequences(&scratch, &[]), [1, 2, 3, 4]);
    assert_eq!(sequences(&scratch, &["--limit", "2"]), [3, 4]);
    assert_eq!(sequences(&scratch, &["--limit", "9"]), [1, 2, 3, 4]);
    assert_eq!(sequences(&scratch, &["--event", "key.*"]), [2, 3, 4]);
    assert_eq!(sequences(&scratch, &["--event", "key.*", "--limit", "1"]), [4]);
    let both = ["--event", "organization.created", "--event", "key.denied"];
    assert_eq!(sequences(&scratch, &both), [1, 4]);
    assert_eq!(sequences(&scratch, &["--key", &"07".repeat(32)]), [4]);
    assert_eq!(sequences(&scratch, &["--key", &"08".repeat(32)]), [0; 0]);
    assert_eq!(sequences(&scratch, &["--since", "2020-01-01"]), [1, 2, 3, 4]);
    assert_eq!(sequences(&scratch, &["--since", "2999-01-01T00:00:00Z"]), [0; 0]);
    assert_eq!(sequences(&scratch, &["--until", "2020-01-01"]), [0; 0]);

    forge(&scratch, "UPDATE audit_log SET occurred_at = 1769601600000000 WHERE sequence = 2");
    for (options, found) in [
        (["--until", "2026-01-28"], &[2][..]),
        (["--until", "2026-01-27"], &[]),
        (["--until", "2026-01-28T12:00:00Z"], &[]),
        (["--until", "2026-01-28T13:00:00.5+01:00"], &[2]),
    ] {
        assert_eq!(sequences(&scratch, &options), found, "{options:?}");
    }
    assert_eq!(sequences(&scratch, &["--since", "2026-01-28", "--until", "2026-01-28"]), [2]);
    assert_eq!(sequences(&scratch, &["--since", "1h"]), [1, 3, 4]);
    assert_eq!(sequences(&scratch, &["--until", "1h"]), [2]);
}

#[test]
fn filters_that_would_choose_nothing_by_mistake_are_refused() {
    let (scratch, _) = acme();
    let fails = |code, options: &[&str]| {
        scratch.fails(2, code, &[&["audit", "list", "--org", "acme"], options].concat())
    };
    let run = fails("Usage", &["--event", "key.denid"]);
    assert!(run.stderr.contains("did you mean key.denied?"), "{}", run.stderr);
    let run = fails("Usage", &["--event", "x"]);
    assert!(!run.stderr.contains("did you mean"), "{}", run.stderr);
    assert!(run.stderr.contains("; the types are on the page of audit events"), "{}", run.stderr);
    fails("Usage", &["--event", "KEY.*"]);
    fails("Usage", &["--event", "%"]);
    for time in ["yesterday", "2026-02-30", "2026-01-28T12:00:00", "2026-01-28 12:00Z"] {
        fails("Usage", &["--since", time]);
        fails("Usage", &["--until", time]);
    }
    fails("Usage", &["--key", "a:b"]);
    fails("NoSuchKey", &["--key", "0708"]);
    fails("Usage", &["--limit", "0"]);
    scratch.fails(2, "NoSuchOrganization", &["audit", "list", "--org", "acne"]);
}

#[test]
fn log_of_a_deleted_organization_is_found_by_the_id_that_audit_verify_prints() {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    let id = text(&scratch.json(&["orgs", "delete", "vendor", "--yes"])["id"]);
    let run = scratch.fails(2, "NoSuchOrganization", &["audit", "list", "--org", "vendor"]);
    assert!(run.stderr.contains("give its id"), "{}", run.stderr);
    assert!(run.stderr.contains("cloacina audit verify"), "{}", run.stderr);
    assert!(scratch.run(&["audit", "verify"]).stdout.contains(&format!("vendor ({id})")));
    assert_eq!(scratch.json(&["audit", "list", "--org", &id]).as_array().unwrap().len(), 2);
    // Other commands are about organizations that exist.
    let run = scratch.fails(2, "NoSuchOrganization", &["keys", "list", "--org", "vendor"]);
    assert!(!run.stderr.contains("audit verify"), "{}", run.stderr);
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let (scratch, _) = acme();
    let reason = "x\" name=other\n   5  2026-01-28  key.trusted.added \u{1b}[31m\u{202e}";
    let details = serde_json::json!({ "note": reason });
    let (id, org) = ("09".repeat(32), "acme");
    scratch.json(&["keys", "deny", &id, "--org", org]);
    forge(&scratch, &format!("UPDATE audit_log SET details = '{details}' WHERE sequence = 5"));
    let run = scratch.run(&["audit", "list", "--org", "acme", "--limit", "1", "--wide"]);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    let hostile = run.stdout.chars().find(|&c| signing_crypto::is_deceptive(c) && c != '\n');
    assert_eq!(hostile, None, "{}", run.stdout);
    let entry = &scratch.json(&["audit", "list", "--org", "acme", "--limit", "1"])[0];
    assert_eq!(entry["details"]["note"], reason);

    forge(&scratch, "UPDATE audit_log SET details = '{\u{1b}[31m', event_type = 'a b' || char(10)");
    let run = scratch.run(&["audit", "list", "--org", "acme", "--wide"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 6), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
    let entry = &scratch.json(&["audit", "list", "--org", "acme"])[0];
    assert_eq!(entry["details"], Value::Null);
    assert_eq!(entry["unreadable_details"], "{\u{1b}[31m");
}

#[test]
fn log_of_a_deleted_organization_is_listed_by_its_id() {
    let (scratch, org) = acme();
    scratch.json(&["orgs", "delete", "acme", "--yes"]);
    let listed = scratch.json(&["audit", "list", "--org", &org]);
    assert_eq!(listed.as_array().unwrap().len(), 5);
}

#[test]
fn list_that_breaks_off_is_still_one_document_and_says_so() {
    let (scratch, org) = acme();
    let id = org.replace('-', "");
    // More than one page, and a time that no clock shows on the second.
    forge(
        &scratch,
        &format!(
            "INSERT INTO audit_log
             WITH RECURSIVE n(i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             SELECT X'{id}', i, 1, 'key.denied', '{{}}', zeroblob(32), zeroblob(32) FROM n;
             UPDATE audit_log SET occurred_at = 9223372036854775807 WHERE sequence = 290;"
        ),
    );
    let run = scratch.fails(2, "CorruptRow", &["audit", "list", "--org", "acme"]);
    assert_eq!(run.document()["result"].as_array().unwrap().len(), 256);
    let run = scratch.run(&["audit", "list", "--org", "acme", "--jsonl"]);
    assert_eq!((run.code, run.stdout.lines().count()), (2, 256));
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
}

#[test]
fn closed_standard_output_ends_the_list() {
    let (scratch, _) = acme();
    let mut shell = scratch.tool("sh");
    let script = "\"$0\" audit list --org acme --jsonl >&-; echo $?";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
    let run = finish(&mut shell, b"");
    assert_eq!((&*run.stdout, &*run.stderr), ("0\n", ""));
}
