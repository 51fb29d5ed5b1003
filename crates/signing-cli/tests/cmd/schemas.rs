//! What commands print for programs is as the JSON Schemas say. [`Scratch::json`] and its like
//! validate what every other test reads.

use serde_json::{Value, json};

use super::support::{Scratch, Table, finish, schema_of, validate};

#[test]
fn every_command_prints_what_its_schema_says() {
    let table = Table::new();
    for line in table.command_lines() {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        if line[0] == "help" {
            continue;
        }
        let run = finish(table.scratch.command(&line).arg("--json"), b"");
        let schema = schema_of(&line).unwrap_or_else(|| panic!("{line:?} has no schema"));
        assert_eq!(run.code, 0, "{line:?}: {}", run.stderr);
        assert_eq!(validate(&schema, &run.stdout), Ok(()), "{line:?}: {}", run.stdout);
    }
}

#[test]
fn a_document_with_another_form_is_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let document = finish(scratch.command(&["orgs", "show", "acme"]).arg("--json"), b"").document();
    let is_valid = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        validate("orgs-show.json", &document.to_string()).is_ok()
    };
    assert!(is_valid(&|_| ()));
    assert!(!is_valid(&|document| document["result"]["more"] = json!(1)));
    assert!(!is_valid(&|document| document["result"]["id"] = json!("acme")));
    assert!(!is_valid(&|document| document["result"]["grants"] = json!(null)));
    assert!(!is_valid(&|document| document["ok"] = json!(false)));
    assert!(!is_valid(&|document| document["schema_version"] = json!(2)));
    assert!(!is_valid(&|document| {
        document["result"].as_object_mut().unwrap().remove("created_at");
    }));
    let error = json!({ "code": "Invented", "message": "m" });
    let failure = json!({ "schema_version": 1, "ok": false, "error": error });
    assert!(validate("failure.json", &failure.to_string()).is_err());
    assert!(validate("orgs-show.json", &failure.to_string()).is_err());
}

#[test]
fn a_wrong_command_line_prints_a_failure() {
    let scratch = Scratch::new();
    let run = scratch.fails(2, "Usage", &["orgs", "shw"]);
    assert_eq!(validate("failure.json", &run.stdout), Ok(()));
    let document = finish(scratch.command(&["man", "keys"]).arg("--json"), b"").stdout;
    assert!(validate("failure.json", &document).is_err());
}
