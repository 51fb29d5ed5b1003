//! That what was signed as one thing is not read as another.

use super::*;
use crate::digest::PackageDigest;
use crate::dsse::{AuditCheckpoint, EntryHash, PAYLOAD_TYPE, PackageStatement, SignedCheckpoint};

fn package() -> SignatureEnvelope {
    let signed_at = "2026-01-28T12:00:00Z".parse().unwrap();
    let digest = PackageDigest::from_bytes([7; 32]);
    let statement = PackageStatement::new("a.so".parse().unwrap(), digest, 1, signed_at);
    SignatureEnvelope::sign(&statement, &key(1))
}

fn checkpoint() -> SignedCheckpoint {
    let checkpoint = AuditCheckpoint {
        store: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
        org: ACME.parse().unwrap(),
        org_name: "acme".parse().unwrap(),
        sequence: 42,
        entry_hash: EntryHash::from_bytes([7; 32]),
        created_at: "2026-01-28T12:00:00Z".parse().unwrap(),
    };
    SignedCheckpoint::sign(&checkpoint, &key(1)).unwrap()
}

/// Everything that a key signs, with its payload type.
fn everything() -> [(&'static str, String); 5] {
    [
        (RootDocument::PAYLOAD_TYPE, signed_by(&root(), &[1]).to_json()),
        (TrustStatement::PAYLOAD_TYPE, signed_by(&statement(), &[1]).to_json()),
        (Revocations::PAYLOAD_TYPE, signed_by(&revocations(), &[1]).to_json()),
        (PAYLOAD_TYPE, package().to_json()),
        (PAYLOAD_TYPE, checkpoint().to_json()),
    ]
}

fn parse<D: TrustDocument>(envelope: &str) -> Result<(), DocumentFault> {
    SignedDocument::<D>::parse(envelope.as_bytes()).map(|_| ()).map_err(|error| error.fault)
}

/// How each kind of document is read.
type Reader = fn(&str) -> Result<(), DocumentFault>;

fn readers() -> [(&'static str, Reader); 3] {
    [
        (RootDocument::PAYLOAD_TYPE, parse::<RootDocument>),
        (TrustStatement::PAYLOAD_TYPE, parse::<TrustStatement>),
        (Revocations::PAYLOAD_TYPE, parse::<Revocations>),
    ]
}

fn is_payload_type<T: Debug>(read: &Result<T, DocumentFault>, asked: &str, there: &str) -> bool {
    matches!(read, Err(DocumentFault::Envelope(MalformedEnvelope::PayloadType { expected, found }))
        if *expected == asked && found == there)
}

#[test]
fn document_of_one_kind_is_not_read_as_another() {
    for (asked, read) in readers() {
        let mut accepted = 0;
        for (there, envelope) in everything() {
            let read = read(&envelope);
            match asked == there {
                true => accepted += read.map(|()| 1).unwrap(),
                false => {
                    assert!(is_payload_type(&read, asked, there), "{asked}, {there}: {read:?}");
                }
            }
        }
        assert_eq!(accepted, 1, "{asked}");
    }
}

#[test]
fn document_whose_payload_type_was_replaced_is_not_of_that_kind() {
    for (asked, read) in readers() {
        for (there, envelope) in everything() {
            if asked != there {
                let read = read(&envelope.replace(there, asked));
                assert!(is_json(&read), "{asked}, {there}: {read:?}");
            }
        }
    }
}

#[test]
fn payload_that_is_signed_under_another_type_has_no_signature() {
    let json = statement().to_json();
    let root = VerifiedRoot::pinned(&signed_by(&root(), &[1, 2])).unwrap();
    let sign = |payload_type| [4, 5].map(|fill| signature(payload_type, &json, &key(fill)));
    let signed = with_signatures(&statement(), &sign(TrustStatement::PAYLOAD_TYPE)).unwrap();
    root.verify(&signed).unwrap();
    for other in [RootDocument::PAYLOAD_TYPE, Revocations::PAYLOAD_TYPE, PAYLOAD_TYPE, ""] {
        let signed = with_signatures(&statement(), &sign(other)).unwrap();
        assert_eq!(root.verify(&signed).unwrap_err().found, 0, "{other}");
    }
}

#[test]
fn payload_types_are_compared_byte_by_byte() {
    let good = signed_by(&statement(), &[1]).to_json();
    parse::<TrustStatement>(&good).unwrap();
    let payload_type = TrustStatement::PAYLOAD_TYPE;
    for other in [
        String::new(),
        payload_type.to_uppercase(),
        format!("{payload_type};v=1"),
        format!(" {payload_type}"),
        payload_type.replace("+json", ""),
    ] {
        let read = parse::<TrustStatement>(&good.replace(payload_type, &other));
        assert!(is_payload_type(&read, payload_type, &other), "{other}: {read:?}");
    }
}

#[test]
fn document_is_no_package_signature_and_no_checkpoint() {
    package().verify(&public(1)).unwrap();
    checkpoint().verify(&public(1)).unwrap();
    for (payload_type, envelope) in &everything()[..3] {
        let read = SignatureEnvelope::parse(envelope.as_bytes()).unwrap();
        let refused = read.verify(&public(1)).unwrap_err();
        assert!(
            matches!(
                refused,
                crate::EnvelopeError::Malformed(MalformedEnvelope::PayloadType { .. })
            ),
            "{payload_type}: {refused:?}"
        );
        let checkpoint = SignedCheckpoint::parse(envelope.as_bytes()).unwrap();
        let refused = checkpoint.verify(&public(1)).unwrap_err();
        assert!(matches!(refused, crate::CheckpointError::Malformed(_)), "{refused:?}");

        let renamed = envelope.replace(payload_type, PAYLOAD_TYPE);
        let renamed = SignatureEnvelope::parse(renamed.as_bytes()).unwrap();
        let refused = renamed.verify(&public(1)).unwrap_err();
        assert!(matches!(refused, crate::EnvelopeError::InvalidSignature { .. }), "{refused:?}");
    }
}
