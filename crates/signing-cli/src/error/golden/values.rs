//! What errors tell of.

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentVersion, Fingerprint, KekId, KeyId, MalformedEnvelope, MalformedStatement, NameError,
    NameFault, NameKind, OrgId, OrgName, PackageDigest, PackagePatterns, PackageVersion,
    SignerError, StatementTime,
};

pub(super) fn fingerprint() -> Fingerprint {
    Fingerprint::from_bytes([0xab; 32])
}

pub(super) fn digest() -> PackageDigest {
    PackageDigest::from_bytes([0xcd; 32])
}

pub(super) fn other_digest() -> PackageDigest {
    PackageDigest::from_bytes([0xdc; 32])
}

pub(super) fn key_id() -> KeyId {
    "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap()
}

pub(super) fn org_id() -> OrgId {
    "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d".parse().unwrap()
}

pub(super) fn org_name() -> OrgName {
    "vendor".parse().unwrap()
}

pub(super) fn kek_id(byte: u8) -> KekId {
    KekId::from_bytes([byte; KekId::LENGTH])
}

pub(super) fn time() -> DateTime<Utc> {
    "2026-01-28T12:00:00Z".parse().unwrap()
}

pub(super) fn later() -> DateTime<Utc> {
    "2026-02-01T00:00:00Z".parse().unwrap()
}

pub(super) fn statement_time() -> StatementTime {
    StatementTime::new(time()).unwrap()
}

pub(super) fn version(text: &str) -> PackageVersion {
    text.parse().unwrap()
}

pub(super) fn document_version(number: u32) -> DocumentVersion {
    DocumentVersion::new(number).unwrap()
}

pub(super) fn patterns() -> PackagePatterns {
    PackagePatterns::new(vec!["etl-*".into()]).unwrap()
}

pub(super) fn package_name_error() -> NameError {
    NameError { kind: NameKind::Package, fault: NameFault::Character { found: '\u{202e}' } }
}

pub(super) fn wrong_signature() -> SignerError {
    SignerError::WrongSignature { fingerprint: fingerprint() }
}

pub(super) fn malformed_statement() -> MalformedStatement {
    MalformedStatement::SubjectCount { found: 2 }
}

pub(super) fn malformed_envelope() -> MalformedEnvelope {
    MalformedEnvelope::SignatureCount { found: 17, limit: 16 }
}
