//! Limits that the documentation names, by the numbers that stand there.

use std::time::Duration;

use signing_crypto::{
    AddSignatureError, MalformedEnvelope, NameFault, OrgName, PackageName, PackagePatterns,
    PackageVersion, ParseError, Passphrase, PassphraseError, PatternError, PemError,
    SignatureEnvelope, SigningKey,
};
use signing_loader::{
    ClockSkewAllowance, PackageError, SignatureSource, SignerCount, VerificationConfig,
    VerificationError,
};

use crate::support::{World, add_signature, assert_refused, on_both_backends};

on_both_backends! {
    newest_16_stored_signatures_are_looked_at,
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn envelope() -> SignatureEnvelope {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.so");
    std::fs::write(&path, "package").unwrap();
    signing_loader::sign_package(&path, &key()).unwrap()
}

/// The text with white space inside, so that it has this many bytes.
fn padded(json: &str, size: usize) -> Vec<u8> {
    let spaces = " ".repeat(size - json.len());
    json.replacen('{', &format!("{{{spaces}"), 1).into_bytes()
}

#[test]
fn signature_file_has_at_most_64_kib() {
    let json = envelope().to_json();
    SignatureEnvelope::parse(&padded(&json, 65_536)).unwrap();
    assert_refused!(
        SignatureEnvelope::parse(&padded(&json, 65_537)),
        MalformedEnvelope::TooLarge { limit: 65_536 }
    );
}

#[test]
fn signature_file_has_1_to_16_signatures() {
    let mut full = envelope();
    for _ in 1..16 {
        full = add_signature(&full, &key());
    }
    assert_refused!(full.add_signature(&key()), AddSignatureError::Full { limit: 16 });
    SignatureEnvelope::parse(full.to_json().as_bytes()).unwrap();

    let mut json: serde_json::Value = serde_json::from_str(&full.to_json()).unwrap();
    let mut extra = json["signatures"][0].clone();
    extra.as_object_mut().unwrap().remove("keyid").unwrap();
    json["signatures"].as_array_mut().unwrap().push(extra);
    assert_refused!(
        SignatureEnvelope::parse(json.to_string().as_bytes()),
        MalformedEnvelope::SignatureCount { found: 17, limit: 16 }
    );
    json["signatures"] = serde_json::json!([]);
    assert_refused!(
        SignatureEnvelope::parse(json.to_string().as_bytes()),
        MalformedEnvelope::SignatureCount { found: 0, .. }
    );
}

#[test]
fn required_signers_are_1_to_16() {
    for count in [1, 16] {
        assert_eq!(SignerCount::new(count).unwrap().get(), count);
    }
    for count in [0, 17] {
        assert_eq!(SignerCount::new(count).unwrap_err().limit, 16);
    }
}

#[test]
fn defaults_are_4_gib_one_signer_no_allowance_and_30_days_of_warning() {
    let config = VerificationConfig::default();
    assert_eq!(config.max_package_size, 4_294_967_296);
    assert_eq!(config.required_signers.to_string(), "one trusted key");
    assert_eq!(config.clock_skew_allowance.as_duration(), Duration::ZERO);
    assert_eq!(ClockSkewAllowance::MAX.as_duration(), Duration::from_secs(300));
    assert_eq!(config.warn_before_expiry, Duration::from_secs(2_592_000));
}

#[test]
fn key_file_has_at_most_64_kib() {
    let key = key();
    let pem = key.to_pem();
    let padded = |size: usize| [pem.as_bytes(), &vec![b'\n'; size - pem.len()]].concat();
    SigningKey::from_pem(&padded(65_536)).unwrap();
    let refused = SigningKey::from_pem(&padded(65_537)).unwrap_err();
    assert_eq!(refused, PemError::TooLarge { limit: 65_536 });
}

#[test]
fn passphrase_has_at_most_4096_bytes() {
    Passphrase::new(vec![b'x'; 4096]).unwrap();
    let refused = Passphrase::new(vec![b'x'; 4097]).unwrap_err();
    assert_eq!(refused, PassphraseError::TooLong { limit: 4096 });
}

#[test]
fn names_and_versions_have_at_most_255_bytes() {
    let long = "x".repeat(255);
    let longer = "x".repeat(256);
    OrgName::new(&*long).unwrap();
    PackageName::new(&*long).unwrap();
    for refused in [OrgName::new(&*longer).unwrap_err(), PackageName::new(&*longer).unwrap_err()] {
        assert!(matches!(refused.fault, NameFault::TooLong { .. }), "{refused:?}");
    }
    let version = |size: usize| format!("1.0.0+{}", "x".repeat(size - 6)).parse::<PackageVersion>();
    version(255).unwrap();
    assert_eq!(version(256).unwrap_err(), ParseError::Version);
}

#[test]
fn pattern_list_has_at_most_64_patterns() {
    let patterns = |count: usize| {
        PackagePatterns::new((0..count).map(|number| format!("package-{number}-*")).collect())
    };
    patterns(64).unwrap();
    assert_eq!(patterns(65).unwrap_err(), PatternError::Count { found: 65, limit: 64 });
}

async fn newest_16_stored_signatures_are_looked_at(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let hide = async || {
        let junk = signing_loader::sign_package(&vendor.package, &key()).unwrap();
        world.keys.store_signature(vendor.org, &junk).await.unwrap();
    };
    let verify = async || {
        let source = SignatureSource::Database;
        world.verify(&vendor.package, vendor.org, source).await.map(drop)
    };
    for _ in 1..16 {
        hide().await;
    }
    verify().await.unwrap();
    hide().await;
    assert_refused!(
        verify().await,
        PackageError::Verification(VerificationError::UntrustedSigner { .. })
    );
}
