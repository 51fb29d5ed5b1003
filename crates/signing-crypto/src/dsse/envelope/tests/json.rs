use super::*;

/// A place in a JSON text, for [`Value::pointer`], with the fields of the
/// object there in the order in which an array would give them.
type ObjectAt = (&'static str, &'static [&'static str]);

const ENVELOPE: [ObjectAt; 2] =
    [("", &["payloadType", "payload", "signatures"]), ("/signatures/0", &["keyid", "sig"])];

const STATEMENT: [ObjectAt; 4] = [
    ("", &["_type", "subject", "predicateType", "predicate"]),
    ("/subject/0", &["name", "digest"]),
    ("/subject/0/digest", &["sha256"]),
    ("/predicate", &["signedAt", "size"]),
];

fn envelope() -> Value {
    serde_json::from_str(&SignatureEnvelope::sign(&statement(), &key(1)).to_json()).unwrap()
}

fn payload() -> Value {
    serde_json::from_str(&statement().to_json()).unwrap()
}

fn replaced(json: &Value, pointer: &str, value: Value) -> String {
    let mut json = json.clone();
    *json.pointer_mut(pointer).unwrap() = value;
    json.to_string()
}

fn refuses_as_envelope(text: &str) {
    let fault = malformed(text.as_bytes());
    assert!(is_envelope_json(&fault), "{text}: {fault}");
}

fn refuses_as_statement(text: &str) {
    let fault = fault_of_signed(PAYLOAD_TYPE, text.as_bytes());
    assert!(is_statement_json(&fault), "{text}: {fault}");
}

/// Each object as an array of its fields' values.
fn as_arrays(json: &Value, objects: &[ObjectAt]) -> Vec<String> {
    let array = |(pointer, fields): &ObjectAt| {
        let object = json.pointer(pointer).unwrap();
        let values = fields.iter().map(|field| object[field].clone()).collect();
        replaced(json, pointer, Value::Array(values))
    };
    objects.iter().map(array).collect()
}

/// Each field twice with the same value, the first time plain or escaped.
fn with_duplicates(text: &str, json: &Value, objects: &[ObjectAt]) -> Vec<String> {
    let mut texts = Vec::new();
    for (pointer, fields) in objects {
        for field in *fields {
            let value = &json.pointer(pointer).unwrap()[field];
            let escaped = format!("\\u{:04x}{}", field.as_bytes()[0], &field[1..]);
            for first in [(*field).to_owned(), escaped] {
                let twice = format!("\"{first}\":{value},\"{field}\":");
                assert_eq!(text.matches(&format!("\"{field}\":")).count(), 1);
                texts.push(text.replacen(&format!("\"{field}\":"), &twice, 1));
            }
        }
    }
    texts
}

/// Each field left out.
fn with_gaps(json: &Value, objects: &[ObjectAt]) -> Vec<String> {
    let mut texts = Vec::new();
    for (pointer, fields) in objects {
        for field in *fields {
            let mut object = json.pointer(pointer).unwrap().clone();
            object.as_object_mut().unwrap().remove(*field).unwrap();
            texts.push(replaced(json, pointer, object));
        }
    }
    texts
}

/// Each object and field with a value of each type that it may not have.
fn with_wrong_types(json: &Value, objects: &[ObjectAt]) -> Vec<String> {
    let mut texts = Vec::new();
    for (pointer, fields) in objects {
        let inside = fields.iter().map(|field| format!("{pointer}/{field}"));
        for pointer in inside.chain([(*pointer).to_owned()]) {
            let right = json.pointer(&pointer).unwrap();
            for wrong in [json!(null), json!(true), json!(1), json!("x"), json!([]), json!({})] {
                let same = std::mem::discriminant(right) == std::mem::discriminant(&wrong);
                // An empty object lacks fields, so it is wrong even for an object.
                if (same && !wrong.is_object()) || (wrong.is_null() && pointer.ends_with("keyid")) {
                    continue;
                }
                texts.push(replaced(json, &pointer, wrong));
            }
        }
    }
    texts
}

#[test]
fn json_is_accepted_before_it_is_spoilt() {
    let read = parse(&envelope().to_string());
    assert_eq!(read.verify(&key(1).verifying_key()).unwrap().statement(), &statement());
    let payload = payload().to_string();
    assert_ne!(payload, statement().to_json(), "the fields stand in another order");
    let signature = unnamed(&key(1), PAYLOAD_TYPE, payload.as_bytes());
    let envelope = parse(&wire(PAYLOAD_TYPE, payload.as_bytes(), &[signature]));
    assert_eq!(envelope.verify(&key(1).verifying_key()).unwrap().statement(), &statement());
}

#[test]
fn arrays_for_objects_are_malformed() {
    as_arrays(&envelope(), &ENVELOPE).iter().for_each(|text| refuses_as_envelope(text));
    as_arrays(&payload(), &STATEMENT).iter().for_each(|text| refuses_as_statement(text));
}

#[test]
fn duplicate_fields_are_malformed() {
    let texts = with_duplicates(&envelope().to_string(), &envelope(), &ENVELOPE);
    assert_eq!(texts.len(), 10);
    texts.iter().for_each(|text| refuses_as_envelope(text));
    let texts = with_duplicates(&payload().to_string(), &payload(), &STATEMENT);
    assert_eq!(texts.len(), 18);
    texts.iter().for_each(|text| refuses_as_statement(text));
}

#[test]
fn missing_fields_are_malformed_but_for_the_keyid() {
    let mut accepted = 0;
    for text in with_gaps(&envelope(), &ENVELOPE) {
        if text.contains("\"keyid\"") || !text.contains("\"signatures\"") {
            refuses_as_envelope(&text);
        } else {
            assert!(parse(&text).verify(&key(1).verifying_key()).is_ok(), "{text}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, 1);
    with_gaps(&payload(), &STATEMENT).iter().for_each(|text| refuses_as_statement(text));
}

#[test]
fn values_of_another_type_are_malformed() {
    let texts = with_wrong_types(&envelope(), &ENVELOPE);
    assert_eq!(texts.len(), 36, "two objects and five fields, less null for the keyid");
    texts.iter().for_each(|text| refuses_as_envelope(text));
    let texts = with_wrong_types(&payload(), &STATEMENT);
    assert_eq!(texts.len(), 71, "four objects, two of them by two ways, and seven fields");
    texts.iter().for_each(|text| refuses_as_statement(text));
}

#[test]
fn unknown_fields_are_ignored_in_the_envelope() {
    for (pointer, _) in ENVELOPE {
        for value in [json!(null), json!({ "a": [1, 2] }), json!("x")] {
            let mut object = envelope().pointer(pointer).unwrap().clone();
            object["unknown"] = value;
            let text = replaced(&envelope(), pointer, object);
            assert!(parse(&text).verify(&key(1).verifying_key()).is_ok(), "{text}");
            assert_eq!(parse(&text).to_json(), parse(&envelope().to_string()).to_json());
        }
    }
}

#[test]
fn what_is_ignored_must_be_utf_8_as_well() {
    let mut json = envelope();
    json["note"] = "é".into();
    let good = json.to_string().into_bytes();
    SignatureEnvelope::parse(&good).unwrap();

    let at = good.windows(2).position(|pair| pair == "é".as_bytes()).unwrap();
    let mut bad = good;
    bad.remove(at);
    let refused = SignatureEnvelope::parse(&bad);
    assert!(matches!(&refused, Err(MalformedEnvelope::Json(_))), "{refused:?}");
}

#[test]
fn unknown_fields_are_malformed_in_the_statement() {
    for (pointer, _) in STATEMENT {
        for field in ["unknown", "expiresAt", "Name", "sha512", "size "] {
            let mut object = payload().pointer(pointer).unwrap().clone();
            object[field] = json!(null);
            refuses_as_statement(&replaced(&payload(), pointer, object));
        }
    }
}
