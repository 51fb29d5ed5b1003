use super::*;
use crate::dsse::AddSignatureError;

fn fingerprint(key: &SigningKey) -> String {
    key.fingerprint().to_string()
}

fn verify(envelope: &SignatureEnvelope, key: &SigningKey) -> Result<(), EnvelopeError> {
    envelope.verify(&key.verifying_key()).map(|_| ())
}

fn is_not_signed_by(envelope: &SignatureEnvelope, key: &SigningKey) -> bool {
    matches!(verify(envelope, key),
        Err(EnvelopeError::NotSignedBy { fingerprint }) if fingerprint == key.fingerprint())
}

fn is_invalid_for(envelope: &SignatureEnvelope, key: &SigningKey) -> bool {
    matches!(verify(envelope, key),
        Err(EnvelopeError::InvalidSignature { fingerprint }) if fingerprint == key.fingerprint())
}

#[test]
fn a_signature_with_no_usable_keyid_is_tried() {
    let (good, other) = (key(1), key(2));
    let upper = fingerprint(&good).to_uppercase();
    let short = fingerprint(&good)[1..].to_owned();
    let spaced = format!(" {}", fingerprint(&other));
    let mut variants = vec![sig(&good), named(Value::Null, sig(&good))];
    for keyid in ["", "release", "SHA256:abc", &upper, &short, &spaced] {
        variants.push(named(keyid, sig(&good)));
    }
    for signature in variants {
        let envelope = with_signatures(std::slice::from_ref(&signature));
        assert_eq!(envelope.signatures()[0].claimed_signer(), None, "{signature}");
        assert!(verify(&envelope, &good).is_ok(), "{signature}");
        assert!(is_invalid_for(&envelope, &other), "{signature}");
    }
}

#[test]
fn a_signature_that_names_the_key_is_tried() {
    let envelope = with_signatures(&[named(fingerprint(&key(1)), sig(&key(1)))]);
    assert_eq!(envelope.signatures()[0].claimed_signer(), Some(key(1).fingerprint()));
    assert!(verify(&envelope, &key(1)).is_ok());
}

#[test]
fn a_signature_that_names_another_key_is_not_tried() {
    let envelope = with_signatures(&[named(fingerprint(&key(2)), sig(&key(1)))]);
    assert!(is_not_signed_by(&envelope, &key(1)));
}

#[test]
fn a_good_keyid_over_the_signature_of_another_key_is_invalid() {
    let envelope = with_signatures(&[named(fingerprint(&key(1)), sig(&key(2)))]);
    assert!(is_invalid_for(&envelope, &key(1)));
    assert!(is_not_signed_by(&envelope, &key(2)));
}

#[test]
fn each_signature_is_told_from_the_others_whatever_it_names() {
    let lying = named(fingerprint(&key(2)), sig(&key(1)));
    let envelope = with_signatures(&[sig(&key(1)), lying, named("x", sig(&key(2)))]);
    for (n, expected) in [(1, [true, true, false]), (2, [false, false, true]), (3, [false; 3])] {
        let key = key(n).verifying_key();
        let made: Vec<_> =
            envelope.signatures().iter().map(|one| envelope.is_signature_by(one, &key)).collect();
        assert_eq!(made, expected, "{n}");
    }
}

#[test]
fn one_fingerprint_twice_is_malformed() {
    let payload = statement().to_json();
    let twice =
        [named(fingerprint(&key(1)), sig(&key(1))), named(fingerprint(&key(1)), sig(&key(2)))];
    let fault = malformed(wire(PAYLOAD_TYPE, payload.as_bytes(), &twice).as_bytes());
    assert!(matches!(fault, MalformedEnvelope::DuplicateKeyid { fingerprint }
        if fingerprint == key(1).fingerprint()));

    let unnamed_twice = with_signatures(&[named("x", sig(&key(2))), named("x", sig(&key(1)))]);
    assert!(verify(&unnamed_twice, &key(1)).is_ok());
}

#[test]
fn a_broken_signature_beside_a_good_one_does_no_harm() {
    let good = named(fingerprint(&key(1)), sig(&key(1)));
    for broken in [
        json!({ "sig": "" }),
        json!({ "sig": "AAAA" }),
        json!({ "sig": STANDARD.encode([0; 64]) }),
        json!({ "sig": STANDARD.encode([0xff; 64]) }),
        json!({ "sig": STANDARD.encode([7; 65]) }),
        json!({ "sig": STANDARD.encode([7; 4096]) }),
        sig(&key(2)),
        named(fingerprint(&key(2)), sig(&key(3))),
    ] {
        for both in [[broken.clone(), good.clone()], [good.clone(), broken.clone()]] {
            assert!(verify(&with_signatures(&both), &key(1)).is_ok(), "{broken}");
        }
        let alone = with_signatures(std::slice::from_ref(&broken));
        let error = verify(&alone, &key(1)).unwrap_err();
        // One that names another key is not tried.
        let is_named = broken.get("keyid").is_some();
        match is_named {
            true => assert!(is_not_signed_by(&alone, &key(1)), "{broken}: {error:?}"),
            false => assert!(is_invalid_for(&alone, &key(1)), "{broken}: {error:?}"),
        }
    }
}

#[test]
fn an_unnamed_good_signature_beside_a_broken_named_one_is_found() {
    let broken = named(fingerprint(&key(1)), sig(&key(2)));
    assert!(verify(&with_signatures(&[broken.clone(), sig(&key(1))]), &key(1)).is_ok());
    assert!(is_invalid_for(&with_signatures(&[broken, sig(&key(2))]), &key(1)));
}

#[test]
fn a_signature_of_another_length_is_invalid() {
    for length in [0, 1, 32, 63, 65, 128] {
        let short = json!({ "sig": STANDARD.encode(vec![7; length]) });
        assert!(is_invalid_for(&with_signatures(&[short]), &key(1)), "{length} bytes");
    }
}

#[test]
fn none_and_17_signatures_are_malformed_and_16_are_not() {
    let payload = statement().to_json();
    let many = |count: u8| -> String {
        let signatures: Vec<_> =
            (1..=count).map(|n| named(fingerprint(&key(n)), sig(&key(n)))).collect();
        wire(PAYLOAD_TYPE, payload.as_bytes(), &signatures)
    };
    for n in [1, 16] {
        assert!(verify(&parse(&many(16)), &key(n)).is_ok());
    }
    for count in [0, 17] {
        let fault = malformed(many(count).as_bytes());
        assert!(matches!(fault, MalformedEnvelope::SignatureCount { found, limit: 16 }
            if found == usize::from(count)));
    }
}

#[test]
fn a_second_signer_verifies_beside_the_first() {
    let mut envelope = SignatureEnvelope::sign(&statement(), &key(1));
    assert!(is_not_signed_by(&envelope, &key(2)));
    envelope.add_signature(&key(2)).unwrap();
    let read = parse(&envelope.to_json());
    assert_eq!(read, envelope);
    assert!(verify(&read, &key(1)).is_ok() && verify(&read, &key(2)).is_ok());
    assert!(is_not_signed_by(&read, &key(3)));
}

/// Adds `key`'s signature, which must be refused and leave no trace.
fn refused(envelope: &SignatureEnvelope, key: &SigningKey) -> AddSignatureError {
    let mut changed = envelope.clone();
    let error = changed.add_signature(key).unwrap_err();
    assert_eq!(&changed, envelope);
    error
}

#[test]
fn the_same_signer_twice_is_refused() {
    let mut envelope = SignatureEnvelope::sign(&statement(), &key(1));
    envelope.add_signature(&key(2)).unwrap();
    for n in [1, 2] {
        assert!(matches!(refused(&envelope, &key(n)),
            AddSignatureError::AlreadySignedBy { fingerprint } if fingerprint == key(n).fingerprint()));
    }
}

#[test]
fn a_17th_signer_is_refused() {
    let mut envelope = SignatureEnvelope::sign(&statement(), &key(1));
    for n in 2..=16 {
        envelope.add_signature(&key(n)).unwrap();
    }
    assert!(matches!(refused(&envelope, &key(17)), AddSignatureError::Full { limit: 16 }));
    assert!(verify(&parse(&envelope.to_json()), &key(16)).is_ok());
}

#[test]
fn nothing_is_added_to_what_is_not_about_a_package() {
    for (payload_type, payload) in
        [("text/plain", statement().to_json()), (PAYLOAD_TYPE, "hello".to_owned())]
    {
        let signature = unnamed(&key(1), payload_type, payload.as_bytes());
        let envelope = parse(&wire(payload_type, payload.as_bytes(), &[signature]));
        assert!(matches!(refused(&envelope, &key(2)), AddSignatureError::Malformed(_)));
    }
}

#[test]
fn nothing_is_added_that_would_make_the_envelope_unreadable() {
    // White space is allowed in a payload, so that one can fill a file.
    let padded = |spaces: usize| {
        let payload = format!("{}{}", statement().to_json(), " ".repeat(spaces));
        let signature = unnamed(&key(1), PAYLOAD_TYPE, payload.as_bytes());
        parse(&wire(PAYLOAD_TYPE, payload.as_bytes(), &[signature]))
    };
    let nearly = 48_000;
    let mut fits = padded(nearly);
    let room = MAX_ENVELOPE_SIZE - fits.to_json().len();
    fits.add_signature(&key(2)).unwrap();
    assert!(verify(&parse(&fits.to_json()), &key(2)).is_ok());

    let full = padded(nearly + room / 4 * 3);
    assert!(verify(&full, &key(1)).is_ok());
    assert!(matches!(
        refused(&full, &key(2)),
        AddSignatureError::Malformed(MalformedEnvelope::TooLarge { limit: MAX_ENVELOPE_SIZE })
    ));
}
