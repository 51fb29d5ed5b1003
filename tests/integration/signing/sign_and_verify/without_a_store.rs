//! Pinned keys: no store, and a runtime only where the function is async.

use std::fs;
use std::path::PathBuf;

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{
    PackagePath, Provenance, SignatureLocation, SignatureSource, VerificationConfig,
    danger_load_unsigned, sign_package, verify_and_load_package_offline, verify_package_offline,
};
use signing_trust::{PinnedKeys, TrustPath, UntrustedReason};
use tempfile::TempDir;

use super::assert_not_found;
use crate::support::{call, check_package_offline, untrusted, workflow};

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
    assert_eq!(report.signer(), signed.key.fingerprint());
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
    assert_eq!(verify().unwrap().report().signer(), signed.key.fingerprint());
}
