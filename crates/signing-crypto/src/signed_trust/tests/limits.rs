//! How much a document may hold.

use std::time::{Duration, Instant};

use super::*;

/// A document with white space after it, so that it has this many bytes.
fn padded<D: TrustDocument>(document: &D, bytes: usize) -> String {
    let text = document.to_json();
    format!("{text}{}", " ".repeat(bytes - text.len()))
}

#[test]
fn payload_may_have_as_many_bytes_as_its_kind_allows_and_not_one_more() {
    fn check<D: TrustDocument + Debug>(document: &D) {
        read::<D>(&padded(document, D::MAX_PAYLOAD)).unwrap();
        let read = read::<D>(&padded(document, D::MAX_PAYLOAD + 1));
        assert!(
            matches!(read, Err(DocumentFault::TooLarge { found, limit })
                if found == D::MAX_PAYLOAD + 1 && limit == D::MAX_PAYLOAD),
            "{read:?}"
        );
    }
    assert_eq!(RootDocument::MAX_PAYLOAD, 64 * 1024);
    assert_eq!(TrustStatement::MAX_PAYLOAD, 4 * 1024 * 1024);
    assert_eq!(Revocations::MAX_PAYLOAD, 4 * 1024 * 1024);
    check(&root());
    check(&statement());
    check(&revocations());
}

#[test]
fn envelope_that_is_too_large_for_any_document_is_not_read() {
    fn check<D: TrustDocument + Debug>(document: &D) {
        let read = read::<D>(&padded(document, D::MAX_PAYLOAD + 8 * 1024));
        assert!(
            matches!(read, Err(DocumentFault::Envelope(MalformedEnvelope::TooLarge { .. }))),
            "{read:?}"
        );
    }
    check(&root());
    check(&statement());
    check(&revocations());
}

#[test]
fn largest_statement_can_have_sixteen_signatures() {
    let text = padded(&statement(), MAX_TRUST_STATEMENT_SIZE);
    let envelope = SignatureEnvelope::sign_in_memory(TrustStatement::PAYLOAD_TYPE, text, &key(1));
    let mut signed =
        SignedDocument::<TrustStatement>::parse(envelope.to_json().as_bytes()).unwrap();
    for fill in 2..=16 {
        signed.add_signature(&key(fill)).unwrap();
    }
    let again = SignedDocument::<TrustStatement>::parse(signed.to_json().as_bytes()).unwrap();
    assert_eq!(again.claimed_signers().count(), 16);
    let refused = signed.add_signature(&key(17)).unwrap_err();
    assert!(matches!(refused, crate::AddSignatureError::Full { limit: 16 }), "{refused:?}");
}

/// Keys that nobody has checked: that is done when one is asked about.
fn nameless(count: u32) -> TrustStatement {
    let key = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let public_key = UncheckedKey::from_bytes(bytes);
        (public_key.fingerprint(), StatedKey { public_key, name: None, expires_at: None })
    };
    TrustStatement { keys: (0..count).map(key).collect(), ..statement() }
}

fn without_trust(count: u32) -> Revocations {
    let key = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        (Fingerprint::from_bytes(bytes), denied())
    };
    Revocations { denied: (0..count).map(key).collect(), ..revocations() }
}

#[test]
fn fifty_thousand_nameless_keys_fit_into_a_statement_and_are_read_soon() {
    let largest = nameless(50_000);
    let text = largest.to_json();
    println!("a statement with 50,000 nameless keys has {} bytes", text.len());
    assert!(text.len() <= MAX_TRUST_STATEMENT_SIZE, "{}", text.len());
    let signed = SignedDocument::sign(&largest, &key(4)).unwrap().to_json();
    let start = Instant::now();
    let read = SignedDocument::<TrustStatement>::parse(signed.as_bytes()).unwrap();
    let took = start.elapsed();
    println!("its envelope has {} bytes and is read in {took:?}", signed.len());
    assert_eq!(read.unverified(), &largest);
    // Checking 50,000 keys while they are read would take minutes in this build.
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn one_key_more_than_fifty_thousand_is_refused() {
    let read = read::<TrustStatement>(&nameless(50_001).to_json());
    assert!(
        matches!(read, Err(DocumentFault::TooManyKeys { field: "keys", found: 50_001 })),
        "{read:?}"
    );
}

#[test]
fn as_many_keys_are_denied_as_the_payload_holds() {
    // Each takes 111 bytes, so that the size is what limits them.
    let most = without_trust(37_700);
    println!("revocations of 37,700 keys have {} bytes", most.to_json().len());
    read::<Revocations>(&most.to_json()).unwrap();
    let refused = read::<Revocations>(&without_trust(37_790).to_json());
    assert!(matches!(refused, Err(DocumentFault::TooLarge { .. })), "{refused:?}");
}

#[test]
fn more_than_fifty_thousand_denied_keys_are_refused_before_one_is_read() {
    let many = |count: usize| vec![json!({ "fingerprint": "", "at": "" }); count];
    let read = edited(&revocations(), |value| value["denied"] = many(50_001).into());
    assert!(
        matches!(read, Err(DocumentFault::TooManyKeys { field: "denied", found: 50_001 })),
        "{read:?}"
    );
    let read = edited(&revocations(), |value| value["denied"] = many(50_000).into());
    assert!(is_field(&read, "denied.fingerprint"), "{read:?}");
}
