//! That a document has one form: every object has its fields, each once, each of its type.

use super::document::sealed::Payload;
use super::*;

/// A document of each kind, as JSON, and how it is read.
struct Sample {
    payload: Value,
    read: fn(&str) -> Result<(), DocumentFault>,
}

impl Sample {
    fn refuses(&self, payload: &str) {
        let read = (self.read)(payload);
        assert!(is_json(&read), "{payload}: {read:?}");
    }

    /// Checks that the document is accepted as it is, and refused with each change.
    fn refuses_each(&self, changed: Vec<String>) {
        (self.read)(&self.payload.to_string()).unwrap();
        assert!(changed.len() >= 3, "only {} changes", changed.len());
        for payload in changed {
            self.refuses(&payload);
        }
    }
}

const OPTIONAL: [&str; 4] =
    ["/keys/0/name", "/keys/0/expiresAt", "/grants/0/packages", "/grants/0/expiresAt"];

fn samples() -> [Sample; 3] {
    fn sample<D: TrustDocument>(document: &D) -> Sample {
        Sample { payload: value(document), read: |payload| read::<D>(payload).map(|_| ()) }
    }
    let mut statement = statement();
    // So that the first key is the one with a name and an expiry.
    statement.keys.retain(|_, key| key.name.is_some());
    [sample(&root()), sample(&statement), sample(&revocations())]
}

/// The places of all values below, for [`Value::pointer`].
fn places(value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(values) => {
            values.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in below {
        let place = format!("{place}/{name}");
        found.extend(places(value, &place));
        found.push(place);
    }
    found
}

/// The places of all objects: a document, and those in it.
fn objects(value: &Value) -> Vec<String> {
    let is_object = |place: &String| value.pointer(place).unwrap().is_object();
    let below = places(value, "").into_iter().filter(is_object);
    std::iter::once(String::new()).chain(below).collect()
}

/// The places of all fields of objects, with those of the objects and the fields' names.
fn fields(value: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for object in objects(value) {
        for name in value.pointer(&object).unwrap().as_object().unwrap().keys() {
            found.push((format!("{object}/{name}"), object.clone(), name.clone()));
        }
    }
    found
}

fn changed(value: &Value, place: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = value.clone();
    change(value.pointer_mut(place).unwrap());
    value.to_string()
}

#[test]
fn field_that_is_missing_is_malformed_unless_it_is_optional() {
    for sample in samples() {
        let mut refused = Vec::new();
        for (place, object, name) in fields(&sample.payload) {
            let without = changed(&sample.payload, &object, |object| {
                object.as_object_mut().unwrap().remove(&name).unwrap();
            });
            match OPTIONAL.contains(&&*place) {
                true => (sample.read)(&without).unwrap(),
                false => refused.push(without),
            }
        }
        sample.refuses_each(refused);
    }
}

#[test]
fn field_that_is_unknown_is_malformed() {
    for sample in samples() {
        let more = |object: &String| {
            changed(&sample.payload, object, |object| object["comment"] = "x".into())
        };
        sample.refuses_each(objects(&sample.payload).iter().map(more).collect());
        // Names are compared byte by byte.
        let text = sample.payload.to_string();
        for other in ["Version", "version ", "ver\u{0}sion", ""] {
            let other = serde_json::to_string(other).unwrap();
            sample.refuses(&text.replace("\"version\"", &other));
        }
    }
}

#[test]
fn value_of_another_type_is_malformed() {
    let others =
        || [json!(null), json!(true), json!(1.5), json!(-1), json!("x"), json!([]), json!({})];
    let kind = |value: &Value| match value {
        Value::Number(number) if number.is_u64() => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Array(_) => 3,
        _ => 4,
    };
    for sample in samples() {
        let mut refused = Vec::new();
        for place in places(&sample.payload, "") {
            let here = sample.payload.pointer(&place).unwrap();
            for other in others() {
                if kind(here) == 4 || kind(here) != kind(&other) {
                    refused.push(changed(&sample.payload, &place, |value| *value = other));
                }
            }
        }
        sample.refuses_each(refused);
    }
}

#[test]
fn null_is_no_way_to_leave_an_optional_field_out() {
    let sample = &samples()[1];
    let null = |place: &&str| changed(&sample.payload, place, |value| *value = Value::Null);
    sample.refuses_each(OPTIONAL.iter().map(null).collect());
}

#[test]
fn field_that_is_there_twice_is_malformed() {
    for sample in samples() {
        let mut refused = Vec::new();
        for (_, object, name) in fields(&sample.payload) {
            // A second field of another name, which is then given the first one's, written
            // plainly or with an escape.
            let twice = changed(&sample.payload, &object, |object| {
                object["\u{1}"] = object[&name].clone();
            });
            let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
            for name in [&name, &escaped] {
                assert_eq!(twice.matches("\\u0001").count(), 1);
                refused.push(twice.replace("\\u0001", name));
            }
        }
        sample.refuses_each(refused);
    }
}

#[test]
fn escaped_name_of_a_field_is_that_field() {
    for sample in samples() {
        let text = sample.payload.to_string();
        (sample.read)(&text.replacen("\"version\"", "\"\\u0076ersion\"", 1)).unwrap();
    }
}

#[test]
fn array_in_place_of_an_object_is_malformed() {
    // In the order in which derived code would take the fields.
    let organization = json!([ACME, "acme"]);
    for sample in samples() {
        let array = |value: &mut Value| {
            let values = value.as_object().unwrap().values().cloned().collect();
            *value = Value::Array(values);
        };
        let mut refused: Vec<_> = objects(&sample.payload)
            .iter()
            .map(|object| changed(&sample.payload, object, array))
            .collect();
        refused
            .push(changed(&sample.payload, "/organization", |value| *value = organization.clone()));
        sample.refuses_each(refused);
    }
}

#[test]
fn bytes_around_the_json_are_malformed_unless_they_are_white_space() {
    for sample in samples() {
        let text = sample.payload.to_string();
        (sample.read)(&format!(" \r\n\t{text}\n")).unwrap();
        let mut refused: Vec<_> = ["{}", ",", "\0", "x", "\u{a0}", "//", "null"]
            .iter()
            .map(|more| format!("{text}{more}"))
            .collect();
        refused.extend(["\u{feff}", "\0", "[", "{}"].iter().map(|more| format!("{more}{text}")));
        sample.refuses_each(refused);
    }
}

#[test]
fn document_that_is_cut_short_is_malformed() {
    for sample in samples() {
        let text = sample.payload.to_string();
        sample.refuses_each((0..text.len()).map(|length| text[..length].into()).collect());
    }
}

#[test]
fn text_that_is_not_utf_8_is_malformed() {
    for sample in samples() {
        let text = sample.payload.to_string();
        (sample.read)(&text.replace("acme", "\\u0061cme")).unwrap();
        sample.refuses(&text.replace("acme", "\\ud800"));
        sample.refuses(&text.replace("acme", "ac\nme"));
    }
    let bytes = statement().to_json().replace("acme", "ac\u{e9}me").into_bytes();
    let latin: Vec<u8> = bytes.into_iter().filter(|&byte| byte != 0xc3).collect();
    let read = TrustStatement::from_payload(&latin);
    assert!(is_json(&read), "{read:?}");
}

#[test]
fn nesting_of_any_depth_is_refused_without_a_crash() {
    for sample in samples() {
        for depth in [10, 200, 1_000, 30_000] {
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            sample.refuses(&nested);
            sample.refuses(&"[".repeat(depth));
            sample.refuses(&"{\"organization\":".repeat(depth.min(3_000)));
            let inside = changed(&sample.payload, "", |object| object["more"] = "@".into());
            sample.refuses(&inside.replace("\"@\"", &nested));
        }
    }
}
