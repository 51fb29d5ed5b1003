//! Pinned keys: no store, and a runtime only where the function is async.

use std::fs;
use std::path::PathBuf;

use signing_crypto::{OrgId, SignatureEnvelope, SigningKey};
use signing_loader::{
    PackageError, PackagePath, Provenance, SecurityConfig, SignatureLocation, SignatureSource,
    VerificationConfig, check_package_offline, danger_load_unsigned, sign_package,
    verify_and_load_package, verify_and_load_package_offline, verify_package,
    verify_package_offline,
};
use signing_trust::{
    PinnedKeys, TrustError, TrustPath, TrustSource, TrustSourceKind, UntrustedReason,
};
use tempfile::TempDir;

use super::assert_not_found;
use crate::support::{World, assert_refused, call, on_both_backends, untrusted, workflow};

on_both_backends! {
    package_verified_for_no_organization_is_not_loaded_with_a_store,
    package_is_loaded_by_the_kind_of_trust_that_it_was_verified_by_and_no_other,
}

fn config() -> VerificationConfig {
    VerificationConfig::default()
}

struct Signed {
    _directory: TempDir,
    path: PathBuf,
    key: SigningKey,
    signature: SignatureEnvelope,
}

impl Signed {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("libworkflow.so");
        fs::copy(workflow(), &path).unwrap();
        let key = SigningKey::generate().unwrap();
        let signature = sign_package(&path, &key).unwrap();
        Self { _directory: directory, path, key, signature }
    }

    fn pinned(&self) -> PinnedKeys {
        PinnedKeys::from(self.key.verifying_key())
    }

    fn memory(&self) -> SignatureSource {
        SignatureSource::Memory(self.signature.clone())
    }
}

fn other_key() -> PinnedKeys {
    PinnedKeys::from(SigningKey::generate().unwrap().verifying_key())
}

#[test]
fn pinned_key_verifies_and_loads_offline() {
    let signed = Signed::new();
    let (path, pinned) = (&signed.path, signed.pinned());
    let loaded =
        verify_and_load_package_offline(path, &config(), &pinned, signed.memory()).unwrap();

    let Provenance::Verified(report) = loaded.provenance() else { panic!("{loaded:?}") };
    assert_eq!(report.signer(), &signed.key.fingerprint());
    assert_eq!((report.via(), report.org()), (&TrustPath::Pinned, None));
    let checked = check_package_offline(path, &config(), &pinned, signed.memory()).unwrap();
    assert_eq!(**report, checked);
    assert_eq!(call(&loaded, b"offline"), b"OFFLINE");
}

#[test]
fn unsigned_package_loads_by_the_call_that_says_danger_and_by_no_other_offline() {
    let signed = Signed::new();
    let auto = SignatureSource::Auto;
    let refused = verify_and_load_package_offline(&signed.path, &config(), &signed.pinned(), auto);
    let beside = PackagePath::new(&signed.path).signature_path();
    assert_not_found(refused, SignatureLocation::File(beside));

    let loaded = danger_load_unsigned(&signed.path).unwrap();
    let digest = *signed.signature.unverified_statement().unwrap().digest();
    assert_eq!(loaded.provenance(), &Provenance::Unsigned { digest });
    assert_eq!(call(&loaded, b"unsigned"), b"UNSIGNED");
}

#[test]
fn key_that_is_not_pinned_is_rejected_offline() {
    let signed = Signed::new();
    let refused =
        verify_and_load_package_offline(&signed.path, &config(), &other_key(), signed.memory());

    let signer = Some(signed.key.fingerprint());
    assert_eq!(untrusted(refused), (signer, UntrustedReason::NotPinned));
}

#[test]
fn auto_reads_the_file_beside_the_package_offline() {
    let signed = Signed::new();
    let beside = PackagePath::new(&signed.path).signature_path();
    let verify = || {
        let auto = SignatureSource::Auto;
        verify_package_offline(&signed.path, &config(), &signed.pinned(), auto)
    };

    assert_not_found(verify(), SignatureLocation::File(beside.clone()));
    fs::write(beside, signed.signature.to_json()).unwrap();
    assert_eq!(verify().unwrap().report().signer(), &signed.key.fingerprint());
}

#[test]
fn package_whose_key_is_no_longer_pinned_is_not_loaded() {
    let signed = Signed::new();
    let pinned = signed.pinned();
    let verify = || verify_package_offline(&signed.path, &config(), &pinned, signed.memory());

    let refused = verify().unwrap().load_offline(&other_key());

    let signer = Some(signed.key.fingerprint());
    assert_eq!(untrusted(refused), (signer, UntrustedReason::NotPinned));
    assert_eq!(call(&verify().unwrap().load_offline(&pinned).unwrap(), b"abc"), b"ABC");
}

#[tokio::test]
async fn pinned_keys_are_a_trust_source_like_a_store() {
    let signed = Signed::new();
    let load = async |pinned: &PinnedKeys| {
        let config = SecurityConfig { require_signatures: true, ..Default::default() };
        let org = OrgId::random();
        verify_and_load_package(&signed.path, org, &config, pinned, signed.memory()).await
    };

    assert_eq!(call(&load(&signed.pinned()).await.unwrap(), b"abc"), b"ABC");

    let signer = Some(signed.key.fingerprint());
    let refused = load(&other_key()).await;
    assert_eq!(untrusted(refused), (signer, UntrustedReason::NotPinned));
}

async fn package_verified_for_no_organization_is_not_loaded_with_a_store(world: World) {
    let signed = Signed::new();
    let org = world.org("acme").await;
    world.keys.trust_public_key(org, &signed.key.verifying_key(), None).await.unwrap();
    let verified =
        verify_package_offline(&signed.path, &config(), &signed.pinned(), signed.memory());

    let refused = verified.unwrap().load(&world.keys).await;

    assert_refused!(refused, PackageError::Trust(TrustError::NoOrganization));
}

/// The same key, so that either would accept it.
async fn package_is_loaded_by_the_kind_of_trust_that_it_was_verified_by_and_no_other(world: World) {
    let signed = Signed::new();
    let org = world.org("acme").await;
    let key = signed.key.verifying_key();
    let row = world.keys.trust_public_key(org, &key, None).await.unwrap().into_inner();
    let pinned = signed.pinned();
    let verify = async |trust: TrustSource<'_>| {
        verify_package(&signed.path, org, &config(), trust, signed.memory()).await.unwrap()
    };
    let [by_store, by_pinned] = [TrustSource::from(&world.keys), TrustSource::from(&pinned)];
    let (store, keys) = (TrustSourceKind::Store, TrustSourceKind::Pinned);

    assert_eq!(call(&verify(by_store).await.load(by_store).await.unwrap(), b"abc"), b"ABC");
    assert_eq!(call(&verify(by_pinned).await.load(by_pinned).await.unwrap(), b"abc"), b"ABC");
    assert_refused!(
        verify(by_pinned).await.load(by_store).await,
        PackageError::Trust(TrustError::OtherSource { verified, asked })
            if (verified, asked) == (keys, store)
    );
    // Who was asked before the revocation must not be passed by after it.
    let held = [verify(by_store).await, verify(by_store).await];
    world.keys.revoke_trusted_key(row.id).await.unwrap();
    let [one, other] = held;
    for refused in [one.load(by_pinned).await, other.load_offline(&pinned)] {
        assert_refused!(
            refused,
            PackageError::Trust(TrustError::OtherSource { verified, asked })
                if (verified, asked) == (store, keys)
        );
    }
}
