use serde_json::json;

use crate::support::Scratch;

const SET: [&str; 7] = ["package", "floor", "set", "--org", "acme", "--name", "etl.so"];
const UNSET: [&str; 7] = ["package", "floor", "unset", "--org", "acme", "--name", "etl.so"];
const LIST: [&str; 5] = ["package", "floor", "list", "--org", "acme"];

#[test]
fn a_floor_is_set_listed_moved_and_taken_away() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let set = |version| scratch.json(&[&SET[..], &[version]].concat());
    assert_eq!(scratch.json(&LIST), json!([]));
    let made = set("1.4.0");
    assert_eq!((&made["floor"], &made["before"]), (&json!("1.4.0"), &json!(null)));
    assert_eq!((&made["changed"], &set("1.4.0")["changed"]), (&json!(true), &json!(false)));
    assert_eq!(set("2.0.0-rc.1")["before"], "1.4.0");

    let listed = scratch.json(&LIST);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["package_name"], &listed[0]["floor"]),
        (&json!("etl.so"), &json!("2.0.0-rc.1"))
    );
    assert!(scratch.run(&LIST).stdout.contains("\netl.so   2.0.0-rc.1      2"));
    assert_eq!(scratch.json(&["package", "floor", "list", "--org", "other"]), json!([]));

    let down = scratch.run(&[&SET[..], &["1.0.0"]].concat()).stdout;
    assert_eq!(
        down,
        "acme now accepts etl.so from version 1.0.0; before: from version 2.0.0-rc.1\n"
    );
    let unset = scratch.json(&UNSET);
    assert_eq!((&unset["floor"], &unset["before"]), (&json!(null), &json!("1.0.0")));
    assert_eq!(scratch.json(&UNSET)["changed"], false);
    assert_eq!(scratch.json(&LIST), json!([]));
    assert_eq!(set("1.4.0")["before"], json!(null));
}

#[test]
fn a_mistyped_name_has_no_floor_to_take_away_and_is_told_of_those_that_are_there() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let notes = || scratch.run(&UNSET).stderr;
    assert_eq!(notes(), "");
    scratch.json(&["package", "floor", "set", "--org", "acme", "--name", "elt.so", "1.0.0"]);
    assert!(notes().contains("cloacina package floor list --org acme"), "{}", notes());
}

#[test]
fn floors_of_what_is_no_version_or_no_name_are_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    for version in ["", "1", "1.0", "v1.0.0", "latest", "1.0.0 "] {
        let run = scratch.fails(2, "Usage", &[&SET[..], &[version]].concat());
        assert!(run.stderr.contains("Semantic Versioning"), "{}", run.stderr);
    }
    for name in ["", "a/b.so", "..", "a\u{202e}b"] {
        let set = ["package", "floor", "set", "--org", "acme", "--name", name, "1.0.0"];
        scratch.fails(2, "Usage", &set);
    }
    let set = ["package", "floor", "set", "--org", "acne", "--name", "a.so", "1.0.0"];
    scratch.fails(2, "NoSuchOrganization", &set);
    scratch.fails(2, "Usage", &SET);
    assert_eq!(scratch.json(&LIST), json!([]));
}
