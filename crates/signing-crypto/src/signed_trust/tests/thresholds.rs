//! How many keys have signed a document.

use super::*;

/// What a root of [`root`] says of a statement, which keys 4 and 5 must sign.
fn verify(signed: &SignedDocument<TrustStatement>) -> Result<TrustStatement, ThresholdNotMet> {
    let root = VerifiedRoot::pinned(&signed_by(&root(), &[1, 2])).unwrap();
    root.verify(signed).map(VerifiedDocument::into_document)
}

/// How many of the two keys count as signers of a statement.
fn counted(signatures: &[Value]) -> usize {
    match verify(&with_signatures(&statement(), signatures).unwrap()) {
        Ok(document) => {
            assert_eq!(document, statement());
            2
        }
        Err(refused) => {
            let version = DocumentVersion::new(7).unwrap();
            let (kind, role) = (TrustDocumentKind::Statement, Role::Trust);
            assert_eq!(
                refused,
                ThresholdNotMet { kind, version, role, required: 2, found: refused.found }
            );
            refused.found
        }
    }
}

fn sig(fill: u8) -> Value {
    signature(TrustStatement::PAYLOAD_TYPE, &statement().to_json(), &key(fill))
}

/// The same signature under another keyid, or under none.
fn named(keyid: impl Into<Value>, fill: u8) -> Value {
    let mut signature = sig(fill);
    signature["keyid"] = keyid.into();
    signature
}

#[test]
fn each_document_counts_when_as_many_keys_of_its_role_have_signed_it_as_must() {
    let verified = VerifiedRoot::pinned(&signed_by(&root(), &[3, 1])).unwrap();
    assert_eq!(verified.document(), &root());
    assert_eq!(verified.verify(&signed_by(&root(), &[2, 3])).unwrap().document(), &root());
    assert_eq!(verify(&signed_by(&statement(), &[5, 4])).unwrap(), statement());
    for fill in [6, 7] {
        let verified = verified.verify(&signed_by(&revocations(), &[fill])).unwrap();
        assert_eq!(verified.document(), &revocations());
    }
}

#[test]
fn one_signature_too_few_is_refused() {
    let refused = VerifiedRoot::pinned(&signed_by(&root(), &[1])).unwrap_err();
    assert_eq!((refused.role, refused.required, refused.found), (Role::Root, 2, 1));
    assert_eq!(counted(&[sig(4)]), 1);
    assert_eq!(counted(&[sig(5)]), 1);
    assert_eq!(counted(&[sig(4), sig(5)]), 2);
}

#[test]
fn key_counts_once_however_it_is_named() {
    let upper = fingerprint(4).to_string().to_uppercase();
    for again in [
        named(Value::Null, 4),
        named("", 4),
        named("release", 4),
        named(upper.clone(), 4),
        named(format!(" {}", fingerprint(4)), 4),
        named(fingerprint(5).to_string(), 4),
        named(fingerprint(20).to_string(), 4),
    ] {
        assert_eq!(counted(&[sig(4), again.clone()]), 1, "{again}");
        assert_eq!(counted(&[again.clone(), sig(4)]), 1, "{again}");
        assert_eq!(counted(&[again]), 0);
    }
}

#[test]
fn signature_that_does_not_name_its_key_does_not_count() {
    let mut unnamed = sig(5);
    unnamed.as_object_mut().unwrap().remove("keyid").unwrap();
    assert_eq!(counted(&[sig(4), unnamed]), 1);
    assert_eq!(counted(&[sig(4), sig(5)]), 2);
}

#[test]
fn keyid_that_is_there_twice_is_malformed() {
    for (first, second) in [(4, 4), (4, 5)] {
        let twice =
            [named(fingerprint(4).to_string(), first), named(fingerprint(4).to_string(), second)];
        let refused = with_signatures(&statement(), &twice).unwrap_err();
        assert!(
            matches!(refused.fault, DocumentFault::Envelope(MalformedEnvelope::DuplicateKeyid { fingerprint: named })
                if named == fingerprint(4)),
            "{refused:?}"
        );
    }
}

#[test]
fn signatures_of_two_keys_under_each_others_keyids_do_not_count() {
    let swapped = [named(fingerprint(5).to_string(), 4), named(fingerprint(4).to_string(), 5)];
    assert_eq!(counted(&swapped), 0);
}

#[test]
fn keys_of_another_role_and_unknown_keys_do_not_count() {
    for other in [1, 2, 3, 6, 7, 20] {
        assert_eq!(counted(&[sig(4), sig(other)]), 1, "{other}");
    }
    let root = VerifiedRoot::pinned(&signed_by(&root(), &[1, 2])).unwrap();
    let refused = root.verify(&signed_by(&revocations(), &[1, 2, 3, 4, 5, 20])).unwrap_err();
    let (kind, role) = (TrustDocumentKind::Revocations, Role::Revocation);
    let version = DocumentVersion::new(3).unwrap();
    assert_eq!(refused, ThresholdNotMet { kind, version, role, required: 1, found: 0 });
}

#[test]
fn other_signatures_do_no_harm() {
    let bad = json!({ "keyid": fingerprint(21).to_string(), "sig": "AAAA" });
    assert_eq!(counted(&[bad, sig(20), named("x", 7), sig(5), sig(1), sig(4)]), 2);
}

#[test]
fn signature_over_another_document_does_not_count() {
    let other = TrustStatement { header: header(8), ..statement() };
    let other = signature(TrustStatement::PAYLOAD_TYPE, &other.to_json(), &key(5));
    assert_eq!(counted(&[sig(4), other]), 1);
    // Not even one that says the same in other words.
    let pretty = serde_json::to_string_pretty(&value(&statement())).unwrap();
    let same = signature(TrustStatement::PAYLOAD_TYPE, &pretty, &key(5));
    assert_eq!(counted(&[sig(4), same]), 1);
}

#[test]
fn root_of_another_organization_verifies_nothing_of_this_one() {
    // The keys are what counts; the organization is compared by those who ask.
    let other = root_of(header(1), [role(&[1], 1), role(&[21, 22], 2), role(&[23], 1)]);
    let other = VerifiedRoot::pinned(&signed_by(&other, &[1])).unwrap();
    let refused = other.verify(&signed_by(&statement(), &[4, 5])).unwrap_err();
    assert_eq!((refused.required, refused.found), (2, 0));
}

#[test]
fn key_may_have_several_roles_and_counts_in_each() {
    let small = root_of(header(1), [role(&[1], 1), role(&[1], 1), role(&[1], 1)]);
    let small = VerifiedRoot::pinned(&signed_by(&small, &[1])).unwrap();
    small.verify(&signed_by(&statement(), &[1])).unwrap();
    small.verify(&signed_by(&revocations(), &[1])).unwrap();
    assert_eq!(small.verify(&signed_by(&statement(), &[2])).unwrap_err().found, 0);
}

#[test]
fn sixteen_signatures_can_be_required_and_seventeen_are_malformed() {
    let keys: Vec<u8> = (1..=17).collect();
    let large = root_of(header(1), [role(&keys, 16), role(&[1], 1), role(&[1], 1)]);
    VerifiedRoot::pinned(&signed_by(&large, &keys[..16])).unwrap();
    VerifiedRoot::pinned(&signed_by(&large, &keys[1..])).unwrap();
    let refused = VerifiedRoot::pinned(&signed_by(&large, &keys[..15])).unwrap_err();
    assert_eq!((refused.required, refused.found), (16, 15));

    let sign = |fill: &u8| signature(RootDocument::PAYLOAD_TYPE, &large.to_json(), &key(*fill));
    let signatures: Vec<_> = keys.iter().map(sign).collect();
    let refused = with_signatures(&large, &signatures).unwrap_err();
    assert!(
        matches!(
            refused.fault,
            DocumentFault::Envelope(MalformedEnvelope::SignatureCount { found: 17, limit: 16 })
        ),
        "{refused:?}"
    );
    let refused = with_signatures(&large, &[]).unwrap_err();
    assert!(
        matches!(
            refused.fault,
            DocumentFault::Envelope(MalformedEnvelope::SignatureCount { found: 0, .. })
        ),
        "{refused:?}"
    );
}

#[test]
fn key_signs_once() {
    let mut signed = SignedDocument::sign(&statement(), &key(4)).unwrap();
    assert_eq!(verify(&signed).unwrap_err().found, 1);
    let refused = signed.add_signature(&key(4)).unwrap_err();
    assert!(matches!(refused, crate::AddSignatureError::AlreadySignedBy { .. }), "{refused:?}");
    signed.add_signature(&key(5)).unwrap();
    assert_eq!(verify(&signed).unwrap(), statement());
}

#[test]
fn signers_are_those_whose_signatures_are_valid() {
    let signatures = [sig(4), named(fingerprint(5).to_string(), 4), named("x", 6)];
    let signed = with_signatures(&statement(), &signatures).unwrap();
    let claimed: Vec<_> = signed.claimed_signers().collect();
    assert_eq!(claimed, [fingerprint(4), fingerprint(5)]);
    let keys = [4, 5, 6].map(public);
    assert_eq!(signed.signers_among(&keys), [fingerprint(4)].into());
}

#[test]
fn flipped_bit_never_makes_another_statement_count() {
    let good = signed_by(&statement(), &[4, 5]).to_json();
    let root = VerifiedRoot::pinned(&signed_by(&root(), &[1, 2])).unwrap();
    let region = |name: &str| {
        let start = good.find(name).unwrap() + name.len();
        start..start + good[start..].find('"').unwrap()
    };
    let signed = [region("\"payloadType\":\""), region("\"payload\":\"")];
    let mut read = 0;
    // One bit of each byte, another of the next.
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] ^= 1 << (position % 8);
        let Ok(flipped) = SignedDocument::<TrustStatement>::parse(&bytes) else { continue };
        read += 1;
        // Two signatures must count and two are there, so each byte of either matters.
        let refused = root.verify(&flipped).expect_err("a flipped bit counts");
        if signed.iter().any(|region| region.contains(&position)) {
            assert_eq!(refused.found, 0, "byte {position}");
        }
    }
    assert!(read > 100, "only {read} of {} could be read", good.len());
}

#[test]
fn truncated_or_extended_envelope_is_malformed() {
    let good = signed_by(&statement(), &[4, 5]).to_json();
    let parse = |text: &str| SignedDocument::<TrustStatement>::parse(text.as_bytes());
    parse(&format!("{good}\n")).unwrap();
    for length in (0..good.len()).step_by(7) {
        let refused = parse(&good[..length]).unwrap_err();
        assert!(matches!(refused.fault, DocumentFault::Envelope(_)), "{length}: {refused:?}");
    }
    for more in ["{}", ",", "\0", "x"] {
        let refused = parse(&format!("{good}{more}")).unwrap_err();
        assert!(matches!(refused.fault, DocumentFault::Envelope(_)), "{more:?}: {refused:?}");
    }
}
