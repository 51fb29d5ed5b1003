use std::fmt::Debug;
use std::path::PathBuf;

use signing_crypto::{Fingerprint, OrgId, SignatureEnvelope};
use signing_loader::{PackageError, SignatureSource, VerificationError};
use signing_trust::store::{SigningKeyRecord, TrustedKeyRecord};
use signing_trust::{TrustPath, TrustedKey, UntrustedReason};

use super::World;
use super::check_package;

/// An organization that signs packages and trusts its own key.
pub(crate) struct Vendor {
    pub(crate) org: OrgId,
    pub(crate) key: SigningKeyRecord,
    pub(crate) trusted: TrustedKeyRecord,
    /// A file that it has signed, not a library.
    pub(crate) package: PathBuf,
    pub(crate) signature: SignatureEnvelope,
}

impl Vendor {
    /// How it trusts its own key.
    pub(crate) fn direct(&self) -> TrustPath {
        TrustPath::Direct { trusted_key: Some(self.trusted.id) }
    }

    pub(crate) fn memory(&self) -> SignatureSource {
        SignatureSource::Memory(self.signature.clone())
    }
}

impl World {
    pub(crate) async fn vendor(&self, name: &str) -> Vendor {
        let org = self.org(name).await;
        let key = self.key(org, "release").await;
        let trusted = self.trust(org, &key).await;
        let package = self.file(&format!("{name}.so"), name.as_bytes());
        let signature = self.sign(&package, &key).await;
        Vendor { org, key, trusted, package, signature }
    }

    /// By which path `org` accepts the vendor's package, or why it does not.
    ///
    /// Whatever is decided, the list of trusted keys must say the same.
    pub(crate) async fn verdict(
        &self,
        org: OrgId,
        vendor: &Vendor,
    ) -> Result<TrustPath, UntrustedReason> {
        let (config, keys) = (&self.config, &self.keys);
        let checked = check_package(&vendor.package, org, config, keys, vendor.memory()).await;
        let verdict = match checked {
            Ok(report) => Ok(report.via().clone()),
            refused => {
                let (fingerprint, reason) = untrusted(refused);
                assert_eq!(fingerprint, Some(vendor.key.fingerprint));
                Err(reason)
            }
        };
        let found = keys.find_trusted_key(org, &vendor.key.fingerprint).await.unwrap();
        let list = keys.list_trusted_keys(org).await.unwrap();
        let listed = list.into_iter().find(|trusted| trusted.key == vendor.key.public_key);
        let via = |trusted: Option<TrustedKey>| trusted.map(|trusted| trusted.via);
        assert_eq!(via(listed), verdict.clone().ok());
        assert_eq!(via(found), verdict.clone().ok());
        verdict
    }
}

/// The signer that was refused, and why. Anything else fails the test.
pub(crate) fn untrusted<T: Debug>(
    result: Result<T, PackageError>,
) -> (Option<Fingerprint>, UntrustedReason) {
    match result {
        Err(PackageError::Verification(VerificationError::UntrustedSigner {
            fingerprint,
            reason,
        })) => (fingerprint, reason),
        other => panic!("expected an untrusted signer, found {other:?}"),
    }
}
