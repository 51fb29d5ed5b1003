//! The file that holds the documents of several organizations.

use std::collections::BTreeMap;

use super::*;

fn texts() -> DocumentTexts {
    DocumentTexts {
        roots: vec![signed_by(&root(), &[1, 2]).to_json()],
        statement: Some(signed_by(&statement(), &[4, 5]).to_json()),
        revocations: Some(signed_by(&revocations(), &[6]).to_json()),
    }
}

fn org(text: &str) -> OrgId {
    text.parse().unwrap()
}

fn bundle() -> TrustBundle {
    let documents = [(org(ACME), texts()), (org(VENDOR), DocumentTexts::default())];
    TrustBundle::new(org(ACME), documents.into()).unwrap()
}

fn value_of_bundle() -> Value {
    serde_json::from_str(&bundle().to_json().unwrap()).unwrap()
}

fn parse(text: &str) -> Result<TrustBundle, MalformedBundle> {
    let parsed = TrustBundle::parse(text.as_bytes());
    if let Err(error) = &parsed {
        assert_eq!(error.code(), "MalformedTrustBundle");
    }
    parsed
}

/// What comes of a bundle with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<TrustBundle, MalformedBundle> {
    let mut value = value_of_bundle();
    change(&mut value);
    parse(&value.to_string())
}

fn is_json(parsed: &Result<TrustBundle, MalformedBundle>) -> bool {
    matches!(parsed, Err(MalformedBundle::Json(_)))
}

#[test]
fn bundle_is_read_as_it_was_written() {
    let text = bundle().to_json().unwrap();
    let read = parse(&text).unwrap();
    assert_eq!(read, bundle());
    assert_eq!(read.to_json().unwrap(), text);
    assert_eq!(read.org(), org(ACME));
    assert_eq!(read.documents()[&org(ACME)], texts());
    changed(|_| {}).unwrap();
}

/// An object with as much white space as makes an envelope of it.
fn long_enough(object: &str) -> String {
    object.replacen('{', &format!("{{{}", " ".repeat(200)), 1)
}

#[test]
fn envelopes_are_kept_byte_for_byte() {
    // White space, order, escapes, unknown fields and duplicates that only the reader of the
    // envelope judges.
    for envelope in [
        "{}",
        "{ \"b\" : 1.50e+0 , \"a\" : \"\\u0061\\/\" }",
        "{\"a\":1,\"a\":2}",
        "{\n\t\"payload\": \"ä\"\r\n}",
    ] {
        let envelope = &long_enough(envelope);
        let texts = DocumentTexts {
            roots: vec![envelope.clone(), envelope.clone()],
            statement: Some(envelope.clone()),
            revocations: Some(envelope.clone()),
        };
        let bundle = TrustBundle::new(org(ACME), [(org(ACME), texts.clone())].into()).unwrap();
        let text = bundle.to_json().unwrap();
        assert_eq!(text.matches(envelope).count(), 4);
        assert_eq!(parse(&text).unwrap().documents()[&org(ACME)], texts);
    }
}

#[test]
fn documents_in_a_bundle_verify_as_they_do_outside() {
    let read = parse(&bundle().to_json().unwrap()).unwrap();
    let texts = &read.documents()[&org(ACME)];
    let root = VerifiedRoot::pinned(&SignedDocument::parse(texts.roots[0].as_bytes()).unwrap());
    let signed =
        SignedDocument::<TrustStatement>::parse(texts.statement.as_deref().unwrap().as_bytes())
            .unwrap();
    assert_eq!(root.unwrap().verify(&signed).unwrap().document(), &statement());
}

#[test]
fn bundle_without_the_documents_of_its_organization_is_refused() {
    let parsed =
        changed(|value| value["organization"] = "11111111-2222-4333-8444-555555555555".into());
    assert!(matches!(parsed, Err(MalformedBundle::Incomplete { .. })), "{parsed:?}");
    let parsed = changed(|value| value["organizations"] = json!([]));
    assert!(
        matches!(parsed, Err(MalformedBundle::Incomplete { org: lacking }) if lacking == org(ACME)),
        "{parsed:?}"
    );
    let empty = TrustBundle::new(org(ACME), BTreeMap::new());
    assert!(matches!(empty, Err(MalformedBundle::Incomplete { .. })), "{empty:?}");
}

#[test]
fn organization_that_is_there_twice_is_refused() {
    for place in [0, 1] {
        let parsed = changed(|value| {
            let list = value["organizations"].as_array_mut().unwrap();
            list.push(list[place].clone());
        });
        assert!(matches!(parsed, Err(MalformedBundle::Duplicate { .. })), "{parsed:?}");
    }
}

#[test]
fn bundle_of_another_type_is_refused() {
    for other in ["", "urn:cloacina:trust-bundle:v2", "urn:cloacina:trust-bundle:V1"] {
        let parsed = changed(|value| value["type"] = other.into());
        assert!(
            matches!(&parsed, Err(MalformedBundle::Type { found }) if found == other),
            "{parsed:?}"
        );
    }
}

#[test]
fn id_that_is_malformed_is_refused() {
    for bad in ["", "acme", &ACME.to_uppercase()] {
        for (place, field) in
            [("/organization", "organization"), ("/organizations/1/id", "organizations.id")]
        {
            let parsed = changed(|value| *value.pointer_mut(place).unwrap() = bad.into());
            assert!(
                matches!(&parsed, Err(MalformedBundle::Field { field: found }) if *found == field),
                "{place}: {parsed:?}"
            );
        }
    }
}

#[test]
fn field_that_is_missing_unknown_or_twice_is_refused() {
    for (object, name) in [
        ("", "type"),
        ("", "organization"),
        ("", "organizations"),
        ("/organizations/1", "id"),
        ("/organizations/1", "roots"),
    ] {
        let parsed = changed(|value| {
            value.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        });
        assert!(is_json(&parsed), "{name}: {parsed:?}");
    }
    for object in ["", "/organizations/1"] {
        let parsed = changed(|value| value.pointer_mut(object).unwrap()["more"] = json!({}));
        assert!(is_json(&parsed), "{object}: {parsed:?}");
    }
    let text = value_of_bundle().to_string();
    for name in ["type", "organization", "organizations", "id", "roots", "statement"] {
        let twice = format!("\"{name}\":null,\"{name}\":");
        let parsed = parse(&text.replacen(&format!("\"{name}\":"), &twice, 1));
        assert!(is_json(&parsed), "{name}: {parsed:?}");
    }
    let same = format!("\"organization\":\"{ACME}\",");
    let parsed = parse(&text.replacen(&same, &format!("{same}{same}"), 1));
    assert!(is_json(&parsed), "{parsed:?}");
}

#[test]
fn value_of_another_type_is_refused() {
    for (place, others) in [
        ("/type", [json!(null), json!(1), json!({})]),
        ("/organization", [json!(null), json!(1), json!({})]),
        ("/organizations", [json!(null), json!({}), json!("x")]),
        ("/organizations/1", [json!(null), json!([]), json!([ACME, [], {}, {}])]),
        ("/organizations/1/roots", [json!(null), json!({}), json!("x")]),
        ("/organizations/1/roots/0", [json!(null), json!([]), json!("{}")]),
        ("/organizations/1/statement", [json!(null), json!([]), json!("{}")]),
        ("/organizations/1/revocations", [json!(null), json!(1), json!("{}")]),
    ] {
        for other in others {
            let parsed = changed(|value| *value.pointer_mut(place).unwrap() = other.clone());
            assert!(is_json(&parsed), "{place} {other}: {parsed:?}");
        }
    }
}

#[test]
fn statement_and_revocations_may_be_absent() {
    for name in ["statement", "revocations"] {
        let parsed = changed(|value| {
            value["organizations"][1].as_object_mut().unwrap().remove(name).unwrap();
        });
        let bundle = parsed.unwrap();
        let texts = &bundle.documents()[&org(ACME)];
        let absent = [("statement", &texts.statement), ("revocations", &texts.revocations)];
        for (other, text) in absent {
            assert_eq!(text.is_none(), other == name, "{other}");
        }
    }
}

#[test]
fn bundle_that_is_cut_short_or_extended_is_refused() {
    let text = bundle().to_json().unwrap();
    parse(&format!(" {text}\n")).unwrap();
    for length in (0..text.len()).step_by(11) {
        let parsed = parse(&text[..length]);
        assert!(is_json(&parsed), "{length}: {parsed:?}");
    }
    for more in ["{}", ",", "\0", "x"] {
        let parsed = parse(&format!("{text}{more}"));
        assert!(is_json(&parsed), "{more:?}: {parsed:?}");
    }
}

#[test]
fn bundle_of_more_than_64_mib_is_refused() {
    let text = bundle().to_json().unwrap();
    let padded = |bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    parse(&padded(MAX_BUNDLE_SIZE)).unwrap();
    let parsed = parse(&padded(MAX_BUNDLE_SIZE + 1));
    assert!(
        matches!(parsed, Err(MalformedBundle::TooLarge { limit: MAX_BUNDLE_SIZE })),
        "{parsed:?}"
    );
}

/// An object of so many bytes.
fn shortest_envelope(bytes: usize) -> Value {
    json!({ "payload": "x".repeat(bytes - r#"{"payload":""}"#.len()) })
}

#[test]
fn what_is_too_short_for_an_envelope_is_refused() {
    let roots = |bytes| {
        changed(|value| value["organizations"][0]["roots"] = vec![shortest_envelope(bytes)].into())
    };
    assert_eq!(roots(200).unwrap().documents()[&org(VENDOR)].roots.len(), 1);
    let parsed = roots(199);
    assert!(is_json(&parsed), "{parsed:?}");
}

#[test]
fn more_than_30_000_organizations_are_refused() {
    let organizations = |count: usize| {
        changed(|value| {
            let own = value["organizations"][1].clone();
            let others = (1..count).map(|number| {
                json!({ "id": format!("00000000-0000-4000-8000-{number:012}"), "roots": [] })
            });
            value["organizations"] = others.chain([own]).collect();
        })
    };
    assert_eq!(organizations(30_000).unwrap().documents().len(), 30_000);
    let parsed = organizations(30_001);
    assert!(is_json(&parsed), "{parsed:?}");
}

#[test]
fn more_than_a_thousand_root_documents_of_one_organization_are_refused() {
    let roots = |count: usize| {
        changed(|value| {
            value["organizations"][0]["roots"] = vec![shortest_envelope(200); count].into();
        })
    };
    assert_eq!(roots(1_000).unwrap().documents()[&org(VENDOR)].roots.len(), 1_000);
    let parsed = roots(1_001);
    assert!(is_json(&parsed), "{parsed:?}");
}

#[test]
fn nesting_of_any_depth_is_refused_without_a_crash() {
    for depth in [200, 100_000] {
        let nested = format!("{{\"payload\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let text = value_of_bundle().to_string();
        let marked =
            changed(|value| value["organizations"][0]["statement"] = shortest_envelope(200));
        let text_of_marked = marked.unwrap().to_json().unwrap();
        let marker = shortest_envelope(200).to_string();
        let parsed = parse(&text_of_marked.replace(&marker, &nested)).unwrap();
        let kept = parsed.documents()[&org(VENDOR)].statement.clone().unwrap();
        let refused = SignedDocument::<TrustStatement>::parse(kept.as_bytes()).unwrap_err();
        assert!(matches!(refused.fault, DocumentFault::Envelope(_)), "{refused:?}");
        assert!(is_json(&parse(&text.replacen('[', &"[".repeat(depth), 1))));
    }
}

#[test]
fn bundle_that_could_not_be_read_again_is_not_written() {
    let with = |root: &str| {
        let texts = DocumentTexts { roots: vec![root.into()], ..DocumentTexts::default() };
        TrustBundle::new(org(ACME), [(org(ACME), texts)].into()).unwrap().to_json()
    };
    with(&long_enough("{}")).unwrap();
    for bad in ["", "x", "[]", "null", "{}", "{}{}", "{"] {
        let refused = with(&format!("{bad}{}", " ".repeat(200)));
        assert!(matches!(refused, Err(MalformedBundle::Json(_))), "{bad:?}: {refused:?}");
    }
}
