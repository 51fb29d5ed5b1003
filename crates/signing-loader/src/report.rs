use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, HashedContent, OrgId, PackageDigest, PackageName, PackageVersion,
};
use signing_trust::{TrustPath, TrustSourceKind, TrustedKey};

use crate::VerificationConfig;
use crate::sealed::SealedPackage;

/// What a verification found: that trusted keys have signed these bytes under
/// this name. It cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationReport {
    pub(crate) name: PackageName,
    pub(crate) content: HashedContent,
    /// At least one; the first is that of the fingerprint.
    pub(crate) signers: Vec<TrustedKey>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) signed_at: DateTime<Utc>,
    pub(crate) version: Option<PackageVersion>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) org: Option<OrgId>,
}

impl VerificationReport {
    /// The name that was signed and expected.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// SHA-256 of the bytes that were signed and found.
    pub fn digest(&self) -> &PackageDigest {
        &self.content.digest
    }

    /// How many bytes those are.
    pub fn size(&self) -> u64 {
        self.content.size
    }

    /// The first trusted key that signed.
    pub fn signer(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// By which path that key is trusted.
    pub fn via(&self) -> &TrustPath {
        &self.signers[0].via
    }

    /// Every trusted key that signed, at least one, each once.
    pub fn signers(&self) -> &[TrustedKey] {
        &self.signers
    }

    /// When the signer says that it signed. Nothing depends on it.
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.signed_at
    }

    /// The package's version, if the signers say one.
    pub fn version(&self) -> Option<&PackageVersion> {
        self.version.as_ref()
    }

    /// From when on the signature is void, if ever.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// The organization whose trust was asked; `None` for an offline verification.
    pub fn org(&self) -> Option<OrgId> {
        self.org
    }
}

/// A package that was verified, with the very bytes that were: a private, sealed
/// copy. What happens to the file that it was read from no longer matters.
#[derive(Debug)]
#[must_use = "a verified package is not loaded yet"]
pub struct VerifiedPackage {
    pub(crate) sealed: SealedPackage,
    pub(crate) report: VerificationReport,
    /// Asked again when it is loaded.
    pub(crate) config: VerificationConfig,
    /// What says whether it still is good.
    pub(crate) verified_by: TrustSourceKind,
}

impl VerifiedPackage {
    /// What the verification found.
    pub fn report(&self) -> &VerificationReport {
        &self.report
    }
}
