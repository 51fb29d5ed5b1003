//! The documents of `docs/content/explanation/signed-trust.md`: two organizations whose keys
//! are made of known seeds.

use std::collections::BTreeMap;

use signing_crypto::{
    DeniedKey, DocumentHeader, DocumentTexts, DocumentVersion, OrgId, PackagePatterns, Revocations,
    RoleKeys, RootDocument, SignedDocument, SignerCount, SigningKey, StatedGrant, StatedKey,
    TrustBundle, TrustDocument, TrustStatement, UncheckedKey,
};
use zeroize::Zeroizing;

pub(crate) const ACME: &str = "936da01f-9abd-4d9d-80c7-02af85c822a8";
pub(crate) const VENDOR: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

pub(crate) const ACME_TRUST_KEYS: [u8; 2] = [0x04, 0x05];
pub(crate) const ACME_REVOCATION_KEYS: [u8; 1] = [0x06];

/// The key whose seed is this byte, 32 times.
pub(crate) fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([fill; 32]))
}

pub(crate) fn signed<D: TrustDocument>(document: &D, signers: &[u8]) -> SignedDocument<D> {
    let mut signed = SignedDocument::sign(document, &key(signers[0])).expect("it can be read");
    for &signer in &signers[1..] {
        signed.add_signature(&key(signer)).expect("there is room");
    }
    signed
}

pub(crate) fn acme_root_1() -> RootDocument {
    let roles = [role(&[1, 2, 3], 2), role(&ACME_TRUST_KEYS, 2), role(&ACME_REVOCATION_KEYS, 1)];
    root(acme(1, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"), roles)
}

/// The key 3 is replaced by the key 7.
pub(crate) fn acme_root_2() -> RootDocument {
    let roles = [role(&[1, 2, 7], 2), role(&ACME_TRUST_KEYS, 2), role(&ACME_REVOCATION_KEYS, 1)];
    root(acme(2, "2026-01-15T00:00:00Z", "2028-01-15T00:00:00Z"), roles)
}

pub(crate) fn acme_statement() -> TrustStatement {
    let grant = StatedGrant {
        child_name: "vendor".parse().expect("a name"),
        root: signed(&vendor_root(), &[0x11]).digest(),
        packages: Some(PackagePatterns::new(vec!["etl-*".into()]).expect("patterns")),
        expires_at: Some("2026-12-31T00:00:00Z".parse().expect("a time")),
    };
    TrustStatement {
        root_version: version(2),
        revocations_version: version(3),
        keys: BTreeMap::from([
            stated(0x20, Some("release"), Some("2027-01-28T12:00:00Z")),
            stated(0x21, None, None),
        ]),
        denied: BTreeMap::from([denied(0x22, "2026-01-10T09:30:00Z")]),
        grants: BTreeMap::from([(org(VENDOR), grant)]),
        floors: BTreeMap::from([(
            "libworkflow.so".parse().expect("a name"),
            "1.4.0".parse().expect("a version"),
        )]),
        header: acme(7, "2026-01-28T12:00:00Z", "2026-03-28T12:00:00Z"),
    }
}

/// They deny a key that the statement trusts.
pub(crate) fn acme_revocations() -> Revocations {
    Revocations {
        root_version: version(2),
        denied: BTreeMap::from([denied(0x21, "2026-01-29T08:00:00Z")]),
        header: acme(3, "2026-01-29T08:00:00Z", "2026-02-12T08:00:00Z"),
    }
}

pub(crate) fn vendor_root() -> RootDocument {
    let roles = [role(&[0x11], 1), role(&[0x11], 1), role(&[0x11], 1)];
    root(vendor("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"), roles)
}

pub(crate) fn vendor_statement() -> TrustStatement {
    TrustStatement {
        root_version: version(1),
        revocations_version: version(1),
        keys: BTreeMap::from([stated(0x30, Some("vendor-release"), None)]),
        denied: BTreeMap::new(),
        grants: BTreeMap::new(),
        floors: BTreeMap::new(),
        header: vendor("2026-01-20T00:00:00Z", "2026-04-20T00:00:00Z"),
    }
}

pub(crate) fn vendor_revocations() -> Revocations {
    let header = vendor("2026-01-20T00:00:00Z", "2026-04-20T00:00:00Z");
    Revocations { root_version: version(1), denied: BTreeMap::new(), header }
}

pub(crate) fn bundle() -> TrustBundle {
    let acme = DocumentTexts {
        roots: vec![
            signed(&acme_root_1(), &[1, 2]).to_json(),
            signed(&acme_root_2(), &[1, 2]).to_json(),
        ],
        statement: Some(signed(&acme_statement(), &ACME_TRUST_KEYS).to_json()),
        revocations: Some(signed(&acme_revocations(), &ACME_REVOCATION_KEYS).to_json()),
    };
    let vendor = DocumentTexts {
        roots: vec![signed(&vendor_root(), &[0x11]).to_json()],
        statement: Some(signed(&vendor_statement(), &[0x11]).to_json()),
        revocations: Some(signed(&vendor_revocations(), &[0x11]).to_json()),
    };
    let documents = BTreeMap::from([(org(ACME), acme), (org(VENDOR), vendor)]);
    TrustBundle::new(org(ACME), documents).expect("the documents are there")
}

fn role(keys: &[u8], threshold: usize) -> RoleKeys {
    let keys = keys.iter().map(|&fill| key(fill).fingerprint());
    RoleKeys::new(keys, SignerCount::new(threshold).expect("a threshold")).expect("keys")
}

fn root(header: DocumentHeader, roles: [RoleKeys; 3]) -> RootDocument {
    let is_named = |fill: &u8| {
        let fingerprint = key(*fill).fingerprint();
        roles.iter().any(|role| role.keys().contains(&fingerprint))
    };
    let keys: Vec<_> = (0..0x40).filter(is_named).map(|fill| key(fill).verifying_key()).collect();
    RootDocument::new(header, keys, roles).expect("roles and keys name each other")
}

fn acme(number: u32, issued_at: &str, expires_at: &str) -> DocumentHeader {
    DocumentHeader {
        org: org(ACME),
        org_name: "acme".parse().expect("a name"),
        version: version(number),
        issued_at: issued_at.parse().expect("a time"),
        expires_at: expires_at.parse().expect("a time"),
    }
}

fn vendor(issued_at: &str, expires_at: &str) -> DocumentHeader {
    let name = "vendor".parse().expect("a name");
    DocumentHeader { org: org(VENDOR), org_name: name, ..acme(1, issued_at, expires_at) }
}

fn stated(
    fill: u8,
    name: Option<&str>,
    expires_at: Option<&str>,
) -> (signing_crypto::Fingerprint, StatedKey) {
    let stated = StatedKey {
        public_key: UncheckedKey::from(key(fill).verifying_key()),
        name: name.map(|name| name.parse().expect("a name")),
        expires_at: expires_at.map(|at| at.parse().expect("a time")),
    };
    (key(fill).fingerprint(), stated)
}

fn denied(fill: u8, at: &str) -> (signing_crypto::Fingerprint, DeniedKey) {
    (key(fill).fingerprint(), DeniedKey { at: at.parse().expect("a time") })
}

fn org(text: &str) -> OrgId {
    text.parse().expect("an id")
}

fn version(number: u32) -> DocumentVersion {
    DocumentVersion::new(number).expect("not zero")
}
