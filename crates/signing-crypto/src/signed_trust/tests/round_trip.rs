//! That a document says the same after it was written and read.

use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::names::{KeyName, OrgName, PackageName, PackageVersion, StatementTime};

fn assert_round_trips<D: TrustDocument + PartialEq + Debug>(document: &D) {
    let text = document.to_json();
    let read: D = read(&text).unwrap();
    assert_eq!(&read, document);
    assert_eq!(read.to_json(), text);

    let signed = SignedDocument::sign(document, &key(1)).unwrap();
    let again = SignedDocument::<D>::parse(signed.to_json().as_bytes()).unwrap();
    assert_eq!(again, signed);
    assert_eq!(again.unverified(), document);
}

#[test]
fn each_document_is_read_as_it_was_written() {
    assert_round_trips(&root());
    assert_round_trips(&statement());
    assert_round_trips(&revocations());
}

#[test]
fn documents_that_say_as_little_as_they_can_are_read_as_they_were_written() {
    assert_round_trips(&root_of(header(1), [role(&[1], 1), role(&[1], 1), role(&[1], 1)]));
    assert_round_trips(&TrustStatement {
        keys: BTreeMap::new(),
        denied: BTreeMap::new(),
        grants: BTreeMap::new(),
        floors: BTreeMap::new(),
        ..statement()
    });
    assert_round_trips(&Revocations { denied: BTreeMap::new(), ..revocations() });
}

#[test]
fn order_of_fields_and_white_space_do_not_matter() {
    let pretty = serde_json::to_string_pretty(&value(&statement())).unwrap();
    assert_ne!(pretty, statement().to_json());
    assert_eq!(read::<TrustStatement>(&pretty).unwrap(), statement());
}

#[test]
fn exactly_the_bytes_that_were_signed_are_kept() {
    let pretty = serde_json::to_string_pretty(&value(&root())).unwrap();
    let sign = |fill| signature(RootDocument::PAYLOAD_TYPE, &pretty, &key(fill));
    let envelope =
        SignatureEnvelope::sign_in_memory(RootDocument::PAYLOAD_TYPE, pretty.clone(), &key(1));
    let mut signed = SignedDocument::<RootDocument>::parse(envelope.to_json().as_bytes()).unwrap();
    signed.add_signature(&key(2)).unwrap();
    let written: Value = serde_json::from_str(&signed.to_json()).unwrap();
    assert_eq!(written["signatures"], json!([sign(1), sign(2)]));
    assert_eq!(signed.digest(), RootDigest::of(pretty.as_bytes()));
    assert_ne!(signed.digest(), signed_by(&root(), &[1]).digest());
    VerifiedRoot::pinned(&signed).unwrap();
}

#[test]
fn document_that_could_not_be_read_again_is_not_signed() {
    let own = header(7).org;
    let grant = statement().grants.into_values().next().unwrap();
    let selfish = TrustStatement { grants: [(own, grant)].into(), ..statement() };
    let refused = SignedDocument::sign(&selfish, &key(1)).unwrap_err();
    assert!(matches!(refused.fault, DocumentFault::SelfGrant));

    let mut late = statement();
    late.header.expires_at = late.header.issued_at;
    let refused = SignedDocument::sign(&late, &key(1)).unwrap_err();
    assert!(matches!(refused.fault, DocumentFault::ExpiresBeforeIssued));
}

fn times() -> impl Strategy<Value = StatementTime> {
    // The years 0000 to 9999.
    (-62_167_219_200_i64..=253_402_300_799, 0..1_000_000_u32).prop_map(|(seconds, micros)| {
        DateTime::from_timestamp(seconds, micros * 1_000).unwrap().try_into().unwrap()
    })
}

fn identifiers() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}"
        .prop_filter("an id is no name", |text| text.parse::<OrgName>().is_ok())
}

fn file_names() -> impl Strategy<Value = PackageName> {
    "\\PC{1,12}".prop_filter_map("not a file name", |text| text.parse().ok())
}

fn versions() -> impl Strategy<Value = PackageVersion> {
    "(0|[1-9][0-9]{0,5})\\.[0-9]\\.[0-9](-[a-z]{1,4})?(\\+[a-z0-9]{1,4})?"
        .prop_map(|text| text.parse().unwrap())
}

fn headers() -> impl Strategy<Value = DocumentHeader> {
    let in_order = "it expires after it was issued";
    let times = (times(), times()).prop_filter(in_order, |(issued, expires)| issued < expires);
    (any::<[u8; 16]>(), identifiers(), 1..=u32::MAX, times).prop_map(
        |(org, name, version, times)| DocumentHeader {
            org: uuid::Uuid::from_bytes(org).into(),
            org_name: name.parse().unwrap(),
            version: DocumentVersion::new(version).unwrap(),
            issued_at: times.0,
            expires_at: times.1,
        },
    )
}

fn stated_keys() -> impl Strategy<Value = BTreeMap<Fingerprint, StatedKey>> {
    let name = proptest::option::of(identifiers());
    let key = (any::<[u8; 32]>(), name, proptest::option::of(times()));
    let keyed = key.prop_map(|(bytes, name, expires_at)| {
        let public_key = UncheckedKey::from_bytes(bytes);
        let name = name.map(|name| KeyName::new(name).unwrap());
        (public_key.fingerprint(), StatedKey { public_key, name, expires_at })
    });
    proptest::collection::vec(keyed, 0..8).prop_map(|keys| keys.into_iter().collect())
}

fn denied_keys() -> impl Strategy<Value = BTreeMap<Fingerprint, DeniedKey>> {
    let key = (any::<[u8; 32]>(), times())
        .prop_map(|(bytes, at)| (Fingerprint::from_bytes(bytes), DeniedKey { at }));
    proptest::collection::vec(key, 0..8).prop_map(|keys| keys.into_iter().collect())
}

fn grants() -> impl Strategy<Value = BTreeMap<OrgId, StatedGrant>> {
    let patterns = proptest::collection::vec("[a-z\"\\\\é*?]{1,8}", 1..4)
        .prop_map(|patterns| PackagePatterns::new(patterns).unwrap());
    let (patterns, expiry) = (proptest::option::of(patterns), proptest::option::of(times()));
    let grant = (any::<[u8; 16]>(), identifiers(), any::<[u8; 8]>(), patterns, expiry);
    let grant = grant.prop_map(|(child, name, root, packages, expires_at)| {
        let child_name = name.parse().unwrap();
        let root = RootDigest::of(&root);
        let grant = StatedGrant { child_name, root, packages, expires_at };
        (uuid::Uuid::from_bytes(child).into(), grant)
    });
    proptest::collection::vec(grant, 0..5).prop_map(|grants| grants.into_iter().collect())
}

prop_compose! {
    fn statements()(
        header in headers(),
        needs in (1..=u32::MAX, 1..=u32::MAX),
        keys in stated_keys(),
        denied in denied_keys(),
        grants in grants(),
        floors in proptest::collection::btree_map(file_names(), versions(), 0..5),
    ) -> TrustStatement {
        let [root_version, revocations_version] =
            [needs.0, needs.1].map(|version| DocumentVersion::new(version).unwrap());
        TrustStatement { header, root_version, revocations_version, keys, denied, grants, floors }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_statement_is_read_as_it_was_written(statement in statements()) {
        assert_round_trips(&statement);
    }

    #[test]
    fn all_revocations_are_read_as_they_were_written(
        header in headers(),
        root_version in 1..=u32::MAX,
        denied in denied_keys(),
    ) {
        assert_round_trips(&Revocations {
            header,
            root_version: DocumentVersion::new(root_version).unwrap(),
            denied,
        });
    }

    #[test]
    fn any_bytes_are_refused_without_a_crash(payload in any::<Vec<u8>>()) {
        prop_assert!(SignedDocument::<RootDocument>::parse(&payload).is_err());
        prop_assert!(TrustBundle::parse(&payload).is_err());
    }
}
