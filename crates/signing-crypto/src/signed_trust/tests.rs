use std::fmt::Debug;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::dsse::{MalformedEnvelope, SignatureEnvelope, SignerCount};
use crate::key::{Fingerprint, SigningKey, UncheckedKey, VerifyingKey};
use crate::names::{OrgId, PackagePatterns};

mod bundle;
mod json;
mod kinds;
mod limits;
mod root_chain;
mod round_trip;
mod thresholds;
mod values;

const ACME: &str = "936da01f-9abd-4d9d-80c7-02af85c822a8";
const VENDOR: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([fill; 32]))
}

fn public(fill: u8) -> VerifyingKey {
    key(fill).verifying_key()
}

fn fingerprint(fill: u8) -> Fingerprint {
    key(fill).fingerprint()
}

fn header(version: u32) -> DocumentHeader {
    DocumentHeader {
        org: ACME.parse().unwrap(),
        org_name: "acme".parse().unwrap(),
        version: DocumentVersion::new(version).unwrap(),
        issued_at: "2026-01-28T12:00:00Z".parse().unwrap(),
        expires_at: "2026-03-28T12:00:00Z".parse().unwrap(),
    }
}

/// A role of these keys, of which this many must sign.
fn role(keys: &[u8], threshold: usize) -> RoleKeys {
    let keys = keys.iter().map(|&fill| fingerprint(fill));
    RoleKeys::new(keys, SignerCount::new(threshold).unwrap()).unwrap()
}

/// A root document whose keys are those of its roles.
fn root_of(header: DocumentHeader, roles: [RoleKeys; 3]) -> RootDocument {
    let named = |fill: &u8| roles.iter().any(|role| role.keys().contains(&fingerprint(*fill)));
    let keys: Vec<_> = (1..40).filter(named).map(public).collect();
    RootDocument::new(header, keys, roles).unwrap()
}

/// Two of the keys 1, 2 and 3 sign root documents; 4 and 5 statements; 6 or 7 revocations.
fn root() -> RootDocument {
    root_of(header(1), [role(&[1, 2, 3], 2), role(&[4, 5], 2), role(&[6, 7], 1)])
}

fn statement() -> TrustStatement {
    let stated = |fill, name: Option<&str>, expires_at: Option<&str>| {
        let key = StatedKey {
            public_key: UncheckedKey::from(public(fill)),
            name: name.map(|name| name.parse().unwrap()),
            expires_at: expires_at.map(|at| at.parse().unwrap()),
        };
        (fingerprint(fill), key)
    };
    let grant = StatedGrant {
        child_name: "vendor".parse().unwrap(),
        root: RootDigest::of(b"the vendor's root document"),
        packages: Some(PackagePatterns::new(vec!["etl-*".into(), "lib?.so".into()]).unwrap()),
        expires_at: Some("2026-12-31T00:00:00Z".parse().unwrap()),
    };
    TrustStatement {
        header: header(7),
        root_version: DocumentVersion::FIRST,
        revocations_version: DocumentVersion::new(3).unwrap(),
        keys: [stated(10, Some("release"), Some("2027-01-28T12:00:00Z")), stated(11, None, None)]
            .into(),
        denied: [(fingerprint(12), denied())].into(),
        grants: [(VENDOR.parse().unwrap(), grant)].into(),
        floors: [("libworkflow.so".parse().unwrap(), "1.4.0".parse().unwrap())].into(),
    }
}

fn denied() -> DeniedKey {
    DeniedKey { at: "2026-01-01T00:00:00Z".parse().unwrap() }
}

fn revocations() -> Revocations {
    let denied = [(fingerprint(13), denied()), (fingerprint(14), denied())].into();
    Revocations { header: header(3), root_version: DocumentVersion::FIRST, denied }
}

fn value(document: &impl TrustDocument) -> Value {
    serde_json::from_str(&document.to_json()).unwrap()
}

/// What comes of a payload that is signed whatever it says.
fn read<D: TrustDocument>(payload: &str) -> Result<D, DocumentFault> {
    let envelope = SignatureEnvelope::sign_in_memory(D::PAYLOAD_TYPE, payload.into(), &key(1));
    match SignedDocument::<D>::parse(envelope.to_json().as_bytes()) {
        Ok(signed) => Ok(signed.unverified().clone()),
        Err(MalformedTrustDocument { kind, fault }) => {
            assert_eq!(kind, D::KIND);
            Err(fault)
        }
    }
}

/// What comes of a document with one change.
fn edited<D: TrustDocument>(
    document: &D,
    change: impl FnOnce(&mut Value),
) -> Result<D, DocumentFault> {
    let mut value = value(document);
    change(&mut value);
    read(&value.to_string())
}

/// One signature of an envelope around `payload`.
fn signature(payload_type: &str, payload: &str, key: &SigningKey) -> Value {
    let envelope = SignatureEnvelope::sign_in_memory(payload_type, payload.into(), key);
    let mut value: Value = serde_json::from_str(&envelope.to_json()).unwrap();
    value["signatures"][0].take()
}

/// An envelope around a document with these signatures.
fn with_signatures<D: TrustDocument>(
    document: &D,
    signatures: &[Value],
) -> Result<SignedDocument<D>, MalformedTrustDocument> {
    let json = document.to_json();
    let envelope = SignatureEnvelope::sign_in_memory(D::PAYLOAD_TYPE, json, &key(1));
    let mut envelope: Value = serde_json::from_str(&envelope.to_json()).unwrap();
    envelope["signatures"] = signatures.into();
    SignedDocument::parse(envelope.to_string().as_bytes())
}

/// A document that these keys have signed.
fn signed_by<D: TrustDocument>(document: &D, signers: &[u8]) -> SignedDocument<D> {
    let sign = |&fill: &u8| signature(D::PAYLOAD_TYPE, &document.to_json(), &key(fill));
    let signatures: Vec<_> = signers.iter().map(sign).collect();
    with_signatures(document, &signatures).unwrap()
}

fn is_field<T: Debug>(read: &Result<T, DocumentFault>, name: &str) -> bool {
    matches!(read, Err(DocumentFault::Field { field }) if *field == name)
}

fn is_json<T: Debug>(read: &Result<T, DocumentFault>) -> bool {
    matches!(read, Err(DocumentFault::Json(_)))
}
