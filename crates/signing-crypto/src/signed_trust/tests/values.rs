//! Fields of a good type whose value is not allowed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::key::KeyError;

/// What comes of a document with one value replaced.
fn with<D: TrustDocument>(document: &D, place: &str, new: Value) -> Result<D, DocumentFault> {
    edited(document, |value| *value.pointer_mut(place).unwrap() = new)
}

/// The base64 of a document's key.
fn base64_of(fill: u8) -> String {
    STANDARD.encode(public(fill).as_bytes())
}

#[test]
fn version_is_a_whole_number_from_1_to_the_largest_of_32_bits() {
    fn check<D: TrustDocument + Debug>(document: &D, place: &str, field: &'static str) {
        for good in [1_u32, 2, u32::MAX] {
            with(document, place, good.into()).unwrap();
        }
        assert!(is_field(&with(document, place, 0.into()), field), "{place}");
        for bad in [json!(u64::from(u32::MAX) + 1), json!(u64::MAX), json!(-1), json!(1.0)] {
            let read = with(document, place, bad);
            assert!(is_json(&read), "{place}: {read:?}");
        }
        let name = place.trim_start_matches('/');
        for bad in ["01", "+1", "1e0", "0x1", "1_0", "1.", "-0", "99999999999999999999999999"] {
            let mut value = value(document);
            value[name] = "@".into();
            let read = read::<D>(&value.to_string().replace("\"@\"", bad));
            assert!(is_json(&read), "{place} {bad}: {read:?}");
        }
    }
    check(&root(), "/version", "version");
    check(&statement(), "/version", "version");
    check(&statement(), "/rootVersion", "rootVersion");
    check(&statement(), "/revocationsVersion", "revocationsVersion");
    check(&revocations(), "/version", "version");
}

#[test]
fn time_that_is_not_utc_or_not_rfc_3339_is_malformed() {
    fn check<D: TrustDocument + Debug>(document: &D, place: &str, field: &'static str) {
        for good in ["2026-02-01T00:00:00Z", "2026-02-01T00:00:00.5Z"] {
            with(document, place, good.into()).unwrap();
        }
        for bad in [
            "",
            "Z",
            "2026-02-01",
            "2026-02-01T00:00:00",
            "2026-02-01T00:00:00+00:00",
            "2026-02-01T00:00:00-00:00",
            "2026-02-01T01:00:00+01:00",
            "2026-02-01 00:00:00Z",
            "2026-02-01t00:00:00Z",
            "2026-02-01T00:00:00z",
            "2026-02-01T00:00:00ZZ",
            " 2026-02-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-02-01T24:00:00Z",
            "+2026-02-01T00:00:00Z",
            "12026-02-01T00:00:00Z",
            "１026-02-01T00:00:00Z",
        ] {
            let read = with(document, place, bad.into());
            assert!(is_field(&read, field), "{place} {bad:?}: {read:?}");
        }
    }
    check(&root(), "/issuedAt", "issuedAt");
    check(&root(), "/expiresAt", "expiresAt");
    check(&statement(), "/expiresAt", "expiresAt");
    check(&statement(), "/keys/0/expiresAt", "keys.expiresAt");
    check(&statement(), "/denied/0/at", "denied.at");
    check(&statement(), "/grants/0/expiresAt", "grants.expiresAt");
    check(&revocations(), "/denied/1/at", "denied.at");
}

#[test]
fn document_that_expires_before_it_was_issued_is_malformed() {
    let issued_at = header(1).issued_at.to_string();
    for (expires_at, is_good) in [
        ("2026-01-28T12:00:00.000001Z", true),
        (&*issued_at, false),
        ("2026-01-28T11:59:59Z", false),
    ] {
        let outcomes = [
            with(&root(), "/expiresAt", expires_at.into()).map(|_| ()),
            with(&statement(), "/expiresAt", expires_at.into()).map(|_| ()),
            with(&revocations(), "/expiresAt", expires_at.into()).map(|_| ()),
        ];
        for read in outcomes {
            let refused = matches!(read, Err(DocumentFault::ExpiresBeforeIssued));
            assert_eq!((read.is_ok(), refused), (is_good, !is_good), "{expires_at}: {read:?}");
        }
    }
}

#[test]
fn text_that_is_not_of_its_form_is_malformed() {
    let (upper, good) = (ACME.to_uppercase(), fingerprint(12).to_string());
    let bad_ids = ["", "acme", &upper, &ACME.replace('-', ""), &format!("{{{ACME}}}")];
    let bad_hex = ["", &good[1..], &format!("{good}0"), &good.to_uppercase(), "sha256:00"];
    let bad_names = ["", "a b", "-x", "ä", ACME, "a\u{202e}b"];
    let refuses = |place: &str, bad: &[&str], field: &'static str| {
        for text in bad {
            let read = with(&statement(), place, (*text).into());
            assert!(is_field(&read, field), "{place} {text:?}: {read:?}");
        }
    };
    refuses("/organization/id", &bad_ids, "organization");
    refuses("/organization/name", &bad_names, "organization");
    refuses("/keys/0/name", &bad_names, "keys.name");
    refuses("/denied/0/fingerprint", &bad_hex, "denied.fingerprint");
    refuses("/grants/0/organization/id", &bad_ids, "grants.organization");
    refuses("/grants/0/organization/name", &bad_names, "grants.organization");
    refuses("/grants/0/root", &bad_hex, "grants.root");
    refuses("/floors/0/package", &["", "a/b", "..", "a\u{202e}b", "a\nb"], "floors.package");
    refuses("/floors/0/version", &["", "1", "1.4", "v1.4.0", "01.4.0", "1.4.0 "], "floors.version");
}

#[test]
fn public_key_has_one_spelling() {
    let good = base64_of(10);
    // The last letter of 32 bytes in base64 holds two bits that must be zero.
    let trailing = format!("{}d=", &base64_of(10)[..42]);
    for bad in [
        String::new(),
        good.trim_end_matches('=').into(),
        format!("{good}\n"),
        trailing,
        STANDARD.encode([1; 31]),
        STANDARD.encode([1; 33]),
        hex::encode(public(10).as_bytes()),
        base64::engine::general_purpose::URL_SAFE.encode([0xff; 32]),
    ] {
        let read = with(&statement(), "/keys/0/publicKey", bad.clone().into());
        assert!(is_field(&read, "keys.publicKey"), "{bad:?}: {read:?}");
        let read = with(&root(), "/keys/0", bad.clone().into());
        assert!(is_field(&read, "keys"), "{bad:?}: {read:?}");
    }
}

#[test]
fn key_that_is_not_fit_is_refused_in_a_root_and_when_it_is_used_in_a_statement() {
    let mut not_canonical = [0xff; 32];
    // The field's prime plus one: another spelling of y = 1.
    not_canonical[0] = 0xee;
    not_canonical[31] = 0x7f;
    let identity = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let mut order_8 = [0; 32];
    hex::decode_to_slice(
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        &mut order_8,
    )
    .unwrap();
    for bytes in [not_canonical, identity, [0; 32], order_8] {
        let expected = VerifyingKey::from_bytes(&bytes).unwrap_err();
        let text = STANDARD.encode(bytes);
        let read = with(&root(), "/keys/0", text.clone().into());
        let Err(DocumentFault::Key { fingerprint, source }) = &read else { panic!("{read:?}") };
        assert_eq!(*fingerprint, Fingerprint::of_bytes(&bytes));
        assert_eq!(format!("{source:?}"), format!("{expected:?}"));

        // A statement may hold many keys, each of which is checked when it is asked about.
        let read = with(&statement(), "/keys/0/publicKey", text.into()).unwrap();
        let key = &read.keys[&Fingerprint::of_bytes(&bytes)].public_key;
        assert_eq!(format!("{:?}", key.check().unwrap_err()), format!("{expected:?}"));
    }
    assert!(matches!(VerifyingKey::from_bytes(&identity), Err(KeyError::SmallOrder)));
}

#[test]
fn what_is_named_twice_is_malformed() {
    let twice = |list: &str| {
        edited(&statement(), |value| {
            let list = value[list].as_array_mut().unwrap();
            list.push(list[0].clone());
        })
    };
    for list in ["keys", "denied", "grants", "floors"] {
        let read = twice(list);
        assert!(
            matches!(&read, Err(DocumentFault::Duplicate { field, .. }) if *field == list),
            "{list}: {read:?}"
        );
    }
    // Also if the two say different things.
    for (list, field) in [("keys", "expiresAt"), ("denied", "at"), ("grants", "expiresAt")] {
        let read = edited(&statement(), |value| {
            let list = value[list].as_array_mut().unwrap();
            let mut second = list[0].clone();
            second[field] = "2026-02-02T00:00:00Z".into();
            list.push(second);
        });
        assert!(matches!(read, Err(DocumentFault::Duplicate { .. })), "{list}: {read:?}");
    }
    let read = edited(&revocations(), |value| {
        value["denied"][1] = value["denied"][0].clone();
    });
    assert!(matches!(read, Err(DocumentFault::Duplicate { field: "denied", .. })), "{read:?}");
}

#[test]
fn key_that_is_trusted_and_denied_is_malformed() {
    let deny = |fill| {
        let name = fingerprint(fill).to_string();
        (with(&statement(), "/denied/0/fingerprint", name.clone().into()), name)
    };
    deny(20).0.unwrap();
    let (read, both) = deny(10);
    assert!(
        matches!(&read, Err(DocumentFault::Duplicate { field: "denied", name }) if *name == both),
        "{read:?}"
    );
}

#[test]
fn grant_to_the_organization_itself_is_malformed() {
    let other = "11111111-2222-4333-8444-555555555555";
    with(&statement(), "/grants/0/organization/id", other.into()).unwrap();
    let read = with(&statement(), "/grants/0/organization/id", ACME.into());
    assert!(matches!(read, Err(DocumentFault::SelfGrant)), "{read:?}");
}

#[test]
fn patterns_that_no_grant_may_have_are_malformed() {
    let many: Vec<_> = (0..65).map(|n| format!("a{n}")).collect();
    with(&statement(), "/grants/0/packages", json!(many[..64])).unwrap();
    for bad in [json!([]), json!([""]), json!(many), json!(["a/b"]), json!(["a\u{202e}b"])] {
        let read = with(&statement(), "/grants/0/packages", bad.clone());
        let vendor: OrgId = VENDOR.parse().unwrap();
        assert!(
            matches!(&read, Err(DocumentFault::Patterns { child, .. }) if *child == vendor),
            "{bad}: {read:?}"
        );
    }
}

#[test]
fn role_that_its_keys_cannot_exercise_is_malformed() {
    for threshold in [1, 2, 3] {
        with(&root(), "/roles/root/threshold", threshold.into()).unwrap();
    }
    for (name, role) in
        [("root", Role::Root), ("trust", Role::Trust), ("revocation", Role::Revocation)]
    {
        for threshold in [0, 4, 16, 17, 255, 256] {
            let read = with(&root(), &format!("/roles/{name}/threshold"), threshold.into());
            assert!(
                matches!(&read, Err(DocumentFault::Role { role: found }) if *found == role),
                "{name} {threshold}: {read:?}"
            );
        }
        let read = with(&root(), &format!("/roles/{name}/threshold"), (-1).into());
        assert!(is_json(&read), "{name}: {read:?}");
        let read = with(&root(), &format!("/roles/{name}/keyids"), json!([]));
        assert!(matches!(read, Err(DocumentFault::Role { .. })), "{name}: {read:?}");
    }
}

#[test]
fn threshold_of_16_keys_is_allowed_and_of_17_is_not() {
    let keys: Vec<u8> = (1..=17).collect();
    let largest = root_of(header(1), [role(&keys, 16), role(&[1], 1), role(&[1], 1)]);
    assert_eq!(read::<RootDocument>(&largest.to_json()).unwrap(), largest);
    let read = with(&largest, "/roles/root/threshold", 17.into());
    assert!(matches!(read, Err(DocumentFault::Role { role: Role::Root })), "{read:?}");
}

#[test]
fn role_and_keys_of_a_root_name_each_other() {
    let absent = fingerprint(20);
    let read = with(&root(), "/roles/trust/keyids/0", absent.to_string().into());
    assert!(
        matches!(&read, Err(DocumentFault::UnknownKey { role: Role::Trust, fingerprint })
            if *fingerprint == absent),
        "{read:?}"
    );
    let add = |value: &mut Value| value["keys"].as_array_mut().unwrap().push(base64_of(20).into());
    let read = edited(&root(), add);
    assert!(is_field(&read, "keys"), "{read:?}");
    edited(&root(), |value| {
        add(value);
        value["roles"]["trust"]["keyids"].as_array_mut().unwrap().push(absent.to_string().into());
    })
    .unwrap();
}

#[test]
fn key_of_a_root_that_is_named_twice_is_malformed() {
    let again = |place: &str| {
        edited(&root(), |value| {
            let list = value.pointer_mut(place).unwrap().as_array_mut().unwrap();
            list.push(list[0].clone());
        })
    };
    for (place, field) in [
        ("/keys", "keys"),
        ("/roles/root/keyids", "keyids"),
        ("/roles/revocation/keyids", "keyids"),
    ] {
        let read = again(place);
        assert!(
            matches!(&read, Err(DocumentFault::Duplicate { field: found, .. }) if *found == field),
            "{place}: {read:?}"
        );
    }
}

#[test]
fn keyid_of_a_role_that_is_not_a_fingerprint_is_malformed() {
    let upper = fingerprint(1).to_string().to_uppercase();
    for bad in ["", "release", &upper] {
        let read = with(&root(), "/roles/root/keyids/0", bad.into());
        assert!(is_field(&read, "keyids"), "{bad:?}: {read:?}");
    }
}
