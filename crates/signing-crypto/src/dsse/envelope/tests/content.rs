use super::*;
use crate::dsse::{PREDICATE_TYPE, STATEMENT_TYPE};
use crate::names::{NameFault, ParseError};

/// What is wrong with the statement once `from` in it reads `to`.
fn fault_with(from: &str, to: &str) -> MalformedEnvelope {
    let payload = statement().to_json();
    assert_eq!(payload.matches(from).count(), 1, "{from}");
    fault_of_signed(PAYLOAD_TYPE, payload.replacen(from, to, 1).as_bytes())
}

#[test]
fn another_payload_type_is_malformed_once_the_signature_holds() {
    for payload_type in ["", "text/plain", "application/vnd.in-toto+JSON", "application/json"] {
        let fault = fault_of_signed(payload_type, statement().to_json().as_bytes());
        assert!(
            matches!(fault, MalformedEnvelope::PayloadType { found, .. } if found == payload_type)
        );
    }
}

#[test]
fn the_signature_covers_the_payload_type() {
    let payload = statement().to_json();
    let signature = unnamed(&key(1), "text/plain", payload.as_bytes());
    let envelope = parse(&wire(PAYLOAD_TYPE, payload.as_bytes(), &[signature]));
    let error = envelope.verify(&key(1).verifying_key()).unwrap_err();
    assert!(matches!(error, EnvelopeError::InvalidSignature { .. }), "{error}");
}

#[test]
fn another_statement_type_is_malformed() {
    for other in ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1/", ""] {
        let fault = fault_with(STATEMENT_TYPE, other);
        assert!(
            matches!(fault, MalformedEnvelope::Statement(MalformedStatement::StatementType { found })
                if found == other)
        );
    }
}

#[test]
fn another_predicate_type_is_malformed() {
    for other in ["https://slsa.dev/provenance/v1", "urn:cloacina:package-signature:v2", ""] {
        let fault = fault_with(PREDICATE_TYPE, other);
        assert!(matches!(fault, MalformedEnvelope::Statement(MalformedStatement::PredicateType {
                expected: PREDICATE_TYPE,
                found,
            }) if found == other));
    }
}

#[test]
fn no_subject_and_two_subjects_are_malformed() {
    for count in [0, 2, 3] {
        let mut payload: Value = serde_json::from_str(&statement().to_json()).unwrap();
        let subject = payload["subject"][0].clone();
        payload["subject"] = Value::Array(vec![subject; count]);
        let fault = fault_of_signed(PAYLOAD_TYPE, payload.to_string().as_bytes());
        assert!(
            matches!(fault, MalformedEnvelope::Statement(MalformedStatement::SubjectCount { found })
                if found == count)
        );
    }
}

#[test]
fn names_that_mislead_are_malformed() {
    let long = "a".repeat(256);
    for (name, expected) in [
        ("", NameFault::Empty),
        ("..", NameFault::PathPart),
        ("lib/workflow.so", NameFault::Character { found: '/' }),
        ("a\\u0000b", NameFault::Character { found: '\0' }),
        ("a\\nb", NameFault::Character { found: '\n' }),
        ("a\\u001b[31m", NameFault::Character { found: '\u{1b}' }),
        ("a\\u202eos.bil", NameFault::Character { found: '\u{202e}' }),
        ("a\u{202e}os.bil", NameFault::Character { found: '\u{202e}' }),
        ("a\u{2066}b", NameFault::Character { found: '\u{2066}' }),
        (&long, NameFault::TooLong { found: 256, limit: 255 }),
    ] {
        let fault = fault_with("libworkflow.so", name);
        assert!(
            matches!(&fault, MalformedEnvelope::SubjectName(error) if error.fault == expected),
            "{name:?}: {fault:?}"
        );
    }
    let lone_surrogate = fault_with("libworkflow.so", "a\\ud800b");
    assert!(is_statement_json(&lone_surrogate));
}

#[test]
fn digests_that_are_none_are_malformed() {
    let good = "07".repeat(32);
    for digest in
        [String::new(), good[1..].into(), "AB".repeat(32), format!("{good}07"), "zz".repeat(32)]
    {
        let fault = fault_with(&good, &digest);
        assert!(matches!(fault, MalformedEnvelope::SubjectDigest(ParseError::Digest)), "{digest}");
    }
}

#[test]
fn times_that_are_none_are_malformed() {
    for time in [
        "",
        "yesterday",
        "1769601600",
        "2026-01-28",
        "2026-01-28T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-01-28T25:00:00Z",
        "2026-01-28T12:00:00+99:00",
        "2026-01-28T12:00:00Z ",
        "12026-01-28T12:00:00Z",
        "9999-12-31T23:59:59-00:01",
    ] {
        let fault = fault_with("2026-01-28T12:00:00Z", time);
        assert!(matches!(fault, MalformedEnvelope::SignedAt { found } if found == time), "{time}");
    }
}

/// A statement with both optional fields.
fn full() -> PackageStatement {
    let (version, expiry) = ("1.4.0-rc.1+build".parse(), "2027-01-28T12:00:00Z".parse());
    statement().with_version(version.unwrap()).with_expiry(expiry.unwrap())
}

#[test]
fn version_and_expiry_stand_behind_what_was_always_there() {
    let (old, new) = (statement().to_json(), full().to_json());
    let more = r#","version":"1.4.0-rc.1+build","expiresAt":"2027-01-28T12:00:00Z"}}"#;
    assert_eq!(new, format!("{}{more}", old.strip_suffix("}}").unwrap()));
}

#[test]
fn version_and_expiry_survive_being_signed_and_read() {
    let version_only = statement().with_version("2.0.0".parse().unwrap());
    let expiry_only = statement().with_expiry("2027-01-28T12:00:00.5Z".parse().unwrap());
    for statement in [full(), version_only, expiry_only] {
        let envelope = parse(&SignatureEnvelope::sign(&statement, &key(1)).to_json());
        let verified = envelope.verify(&key(1).verifying_key()).unwrap();
        assert_eq!(verified.statement().to_json(), statement.to_json());
    }
    let plain = parse(&SignatureEnvelope::sign(&statement(), &key(1)).to_json());
    let read = plain.unverified_statement().unwrap();
    assert_eq!((read.version(), read.expires_at()), (None, None));
    assert_eq!(plain.unverified_payload_type(), PAYLOAD_TYPE);
}

#[test]
fn versions_that_are_none_are_malformed() {
    let long = format!("1.0.0-{}", "a".repeat(250));
    for version in ["", "1", "1.4", "v1.4.0", "01.4.0", "1.4.0 ", "latest", &long] {
        let payload = full().to_json().replacen("1.4.0-rc.1+build", version, 1);
        let fault = fault_of_signed(PAYLOAD_TYPE, payload.as_bytes());
        assert!(matches!(fault, MalformedEnvelope::Version { found } if found == version));
    }
}

#[test]
fn expiries_that_are_no_times_in_utc_are_malformed() {
    for time in [
        "",
        "never",
        "2027-01-28",
        "2027-01-28T12:00:00",
        "2027-01-28T12:00:00+00:00",
        "2027-01-28T12:00:00+02:00",
        "2027-01-28T12:00:00z",
        "2027-01-28t12:00:00Z",
        "2027-01-28 12:00:00Z",
        "2027-02-30T12:00:00Z",
        "12027-01-28T12:00:00Z",
    ] {
        let payload = full().to_json().replacen("2027-01-28T12:00:00Z", time, 1);
        let fault = fault_of_signed(PAYLOAD_TYPE, payload.as_bytes());
        assert!(matches!(fault, MalformedEnvelope::ExpiresAt { found } if found == time));
    }
}

#[test]
fn optional_fields_are_text_and_stand_there_once() {
    for (from, to) in [
        (r#""1.4.0-rc.1+build""#, "null"),
        (r#""1.4.0-rc.1+build""#, "1.4"),
        (r#""1.4.0-rc.1+build""#, r#"["1.4.0"]"#),
        (r#""2027-01-28T12:00:00Z""#, "null"),
        (r#""2027-01-28T12:00:00Z""#, "1801137600"),
        (r#""version""#, r#""version":"9.9.9","version""#),
        (r#""expiresAt""#, r#""expiresAt":"2099-01-28T12:00:00Z","expiresAt""#),
        (r#""expiresAt""#, r#""expires_at""#),
        (r#""version""#, r#""Version""#),
    ] {
        let payload = full().to_json();
        assert_eq!(payload.matches(from).count(), 1, "{from}");
        let fault = fault_of_signed(PAYLOAD_TYPE, payload.replacen(from, to, 1).as_bytes());
        assert!(is_statement_json(&fault), "{to}: {fault}");
    }
}

#[test]
fn sizes_that_are_none_are_malformed() {
    for size in [
        "-1",
        "-0",
        "1.0",
        "1e3",
        "\"123456\"",
        "18446744073709551616",
        "1e400",
        "NaN",
        "0x10",
        "01",
    ] {
        let fault = fault_with("123456", size);
        assert!(is_statement_json(&fault), "{size}: {fault}");
    }
}

#[test]
fn sizes_up_to_the_largest_u64_are_accepted() {
    for size in [0, u64::from(u32::MAX) + 1, (1 << 53) + 1, u64::MAX] {
        let (name, digest) = (statement().name().clone(), *statement().digest());
        let statement = PackageStatement::new(name, digest, size, statement().signed_at());
        let envelope = parse(&SignatureEnvelope::sign(&statement, &key(1)).to_json());
        let verified = envelope.verify(&key(1).verifying_key()).unwrap();
        assert_eq!(verified.statement().size(), size);
    }
}

/// A statement whose base64 holds both letters that the alphabets write
/// differently.
fn with_both_letters() -> SignatureEnvelope {
    let name = "lib???>>>.so".parse().unwrap();
    let digest = *statement().digest();
    let statement = PackageStatement::new(name, digest, 1, statement().signed_at());
    SignatureEnvelope::sign(&statement, &key(1))
}

#[test]
fn url_safe_base64_is_accepted() {
    let envelope = with_both_letters();
    let mut json: Value = serde_json::from_str(&envelope.to_json()).unwrap();
    for pointer in ["/payload", "/signatures/0/sig"] {
        let value = json.pointer_mut(pointer).unwrap();
        *value = json!(value.as_str().unwrap().replace('+', "-").replace('/', "_"));
    }
    assert!(json["payload"].as_str().unwrap().contains(['-', '_']));
    assert_eq!(parse(&json.to_string()), envelope);
    assert!(parse(&json.to_string()).verify(&key(1).verifying_key()).is_ok());
}

#[test]
fn other_spellings_of_base64_are_malformed() {
    let mut json: Value = serde_json::from_str(&with_both_letters().to_json()).unwrap();
    // Bytes of our own, so that each field has padding and both letters.
    let bytes = [0xfb, 0xff, 0xbf, 0xff, 0xfb, 0xef, 0x00];
    let standard = STANDARD.encode(bytes);
    assert!(standard.contains('+') && standard.contains('/') && standard.ends_with("A=="));
    for (pointer, expected) in [("/payload", "payload"), ("/signatures/0/sig", "sig")] {
        let before = json.pointer(pointer).unwrap().clone();
        *json.pointer_mut(pointer).unwrap() = json!(standard);
        assert!(SignatureEnvelope::parse(json.to_string().as_bytes()).is_ok());
        for bad in [
            standard.replacen('+', "-", 1),
            standard.replacen('/', "_", 1),
            standard.trim_end_matches('=').to_owned(),
            standard.replacen("==", "=", 1),
            format!("{standard}="),
            format!("{standard}\n"),
            format!(" {standard}"),
            format!("{} {}", &standard[..4], &standard[4..]),
            standard.replacen("A==", "B==", 1),
            format!("{standard}AAAA"),
            "Ä".to_owned(),
            "*".to_owned(),
        ] {
            *json.pointer_mut(pointer).unwrap() = json!(bad);
            let fault = malformed(json.to_string().as_bytes());
            assert!(
                matches!(fault, MalformedEnvelope::Base64 { field } if field == expected),
                "{pointer} {bad:?}: {fault}"
            );
        }
        *json.pointer_mut(pointer).unwrap() = before;
    }
}
