use signing_crypto::{OrgId, SignatureEnvelope, TrustBundle};
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{BundledTrust, DecisionError, PinnedKeys, SignedTrustError, TrustAnchor};

use crate::elf::{AllowedDependencies, DependencyName};
use crate::error::PackageError;
use crate::examination::{
    AnsweredBy, Content, Examined, Next, PackageContent, ReadPackage, hash, seal,
};
use crate::explain::{Explanation, SignatureInspection};
use crate::package::Package;
use crate::report::{VerificationReport, announce};
use crate::source::SignatureSource;
use crate::trust_source::{Offline, OfflineTrust};
use crate::verified::VerifiedPackage;

mod many;
#[cfg(feature = "store")]
mod online;

#[cfg(feature = "store")]
pub use many::VerifyAll;

/// Verifies packages. A `Verifier` always verifies: nothing that it is given turns that off.
///
/// What it trusts is in its type. With pinned keys or a bundle ([`Offline`]) its methods need no store,
/// no network and no runtime; with a store ([`Online`](crate::Online)) the same methods are
/// asynchronous, and see a revocation when it happens.
///
/// ```
/// use signing_loader::{PackageBytes, SignatureSource, SigningKey, Verifier, sign_package};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("plugin.wasm");
/// # std::fs::write(&path, b"\0asm\x01\0\0\0")?;
/// let key = SigningKey::generate()?;
/// let signature = sign_package(&path, &key)?;
///
/// // A file, with its signature beside it …
/// std::fs::write(path.with_file_name("plugin.wasm.sig"), signature.to_json())?;
/// let verifier = Verifier::pinned(key.verifying_key());
/// let package = verifier.verify(&path)?;
/// assert_eq!(package.as_bytes()?, b"\0asm\x01\0\0\0");
///
/// // … or bytes in memory.
/// let bytes = PackageBytes::new("plugin.wasm".parse()?, std::fs::read(&path)?);
/// let verifier = verifier.signature(SignatureSource::Memory(signature));
/// assert_eq!(verifier.verify(bytes)?.report().signer(), key.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier<T> {
    trust: T,
    config: VerificationConfig,
    signature: SignatureSource,
    allowed_dependencies: AllowedDependencies,
}

impl<T> Verifier<T> {
    fn new(trust: T) -> Self {
        let (config, signature) = (VerificationConfig::default(), SignatureSource::default());
        Self { trust, config, signature, allowed_dependencies: AllowedDependencies::new() }
    }

    /// What is asked of packages beyond that a trusted key has signed them.
    #[must_use]
    pub fn config(self, config: VerificationConfig) -> Self {
        Self { config, ..self }
    }

    /// Where signatures come from: [`SignatureSource::Auto`] without this.
    #[must_use]
    pub fn signature(self, signature: SignatureSource) -> Self {
        Self { signature, ..self }
    }

    #[cfg(feature = "store")]
    pub(crate) fn trust(&self) -> &T {
        &self.trust
    }

    #[cfg(feature = "store")]
    pub(crate) fn verification(&self) -> &VerificationConfig {
        &self.config
    }

    /// Allows packages to link against a library of the system, which is not verified: the
    /// dynamic linker finds it as usual, and runs its code.
    ///
    /// The C library's own libraries and `libgcc_s.so.1` are always allowed. So is the SONAME
    /// of a verified package that this process has loaded, if its signers are trusted for a package
    /// of that name, and no other such package has it. Anything else that a package needs is refused
    /// when it is loaded.
    #[must_use]
    pub fn allow_dependency(mut self, name: DependencyName) -> Self {
        self.allowed_dependencies.insert(name);
        self
    }

    pub(crate) fn max_package_size(&self) -> u64 {
        self.config.max_package_size
    }
}

impl Verifier<Offline> {
    /// Trusts these keys, and no other.
    pub fn pinned(keys: impl Into<PinnedKeys>) -> Self {
        Self::new(Offline(OfflineTrust::Pinned(keys.into())))
    }

    /// Trusts what an organization has signed that it trusts, as a bundle holds it, which is
    /// verified from a pinned root.
    ///
    /// With a [`TrustRoot`](crate::TrustRoot) alone it is not remembered which bundles were
    /// seen: a process that is started again accepts an older one until that expires. With a
    /// [`TrustAnchor`] and a [`StateFile`](crate::StateFile) it is.
    ///
    /// # Errors
    ///
    /// What is wrong with the bundle's documents.
    pub fn bundle(
        bundle: &TrustBundle,
        anchor: impl Into<TrustAnchor>,
    ) -> Result<Self, SignedTrustError> {
        let trust = BundledTrust::verify(bundle, &anchor.into())?;
        Ok(Self::new(Offline(OfflineTrust::Bundle(trust))))
    }

    /// Verifies a package and keeps a private, sealed copy of its bytes.
    ///
    /// # Errors
    ///
    /// [`PackageError::Verification`] says why the package is refused. Any other error
    /// means that it could not be decided: treat it as a refusal, too.
    pub fn verify(
        &self,
        package: impl Into<Package>,
    ) -> Result<VerifiedPackage<Offline>, PackageError> {
        let package = package.into();
        let (name, org) = (package.name().ok(), self.trust.org());
        let outcome = self.examine(package, seal).and_then(|examined| examined.finish(org));
        announce(name, org, &outcome);
        let verified = outcome?;
        let (config, allowed) = (self.config.clone(), self.allowed_dependencies.clone());
        Ok(VerifiedPackage::new(verified, config, self.trust.clone(), allowed))
    }

    /// Verifies a package as [`verify`](Self::verify) does, without keeping its bytes: it is
    /// hashed as it is read.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn check(&self, package: impl Into<Package>) -> Result<VerificationReport, PackageError> {
        let package = package.into();
        let (name, org) = (package.name().ok(), self.trust.org());
        let outcome = self.examine(package, hash).and_then(|examined| examined.finish(org));
        announce(name, org, &outcome);
        outcome.map(|verified| verified.report)
    }

    /// Verifies a package as [`check`](Self::check) does, and tells what it has looked at.
    pub fn explain(&self, package: impl Into<Package>) -> Explanation {
        let package = package.into();
        let (name, org) = (package.name().ok(), self.trust.org());
        let (envelopes, outcome) = match self.examine(package, hash) {
            Ok(examined) => (examined.explain(), examined.finish(org)),
            Err(error) => (Vec::new(), Err(error)),
        };
        announce(name, org, &outcome);
        Explanation { outcome: outcome.map(|verified| verified.report), envelopes }
    }

    /// Looks at an envelope as if the package were there that it is about. It says nothing
    /// about any package.
    ///
    /// # Errors
    ///
    /// [`VerificationError::MalformedSignature`](crate::VerificationError::MalformedSignature)
    /// if the envelope is not about a package.
    pub fn inspect(
        &self,
        envelope: &SignatureEnvelope,
    ) -> Result<SignatureInspection, PackageError> {
        let answered_by = answers_as(&self.trust);
        let next = Next::of_envelope(envelope, &self.config, answered_by)?;
        Ok(self.answer(next)?.inspect(envelope))
    }

    pub(crate) fn org(&self) -> Option<OrgId> {
        self.trust.org()
    }

    fn examine<T>(
        &self,
        package: Package,
        read: ReadPackage<T>,
    ) -> Result<Examined<PackageContent<T>>, PackageError> {
        let (signature, answered_by) = (self.signature.clone(), answers_as(&self.trust));
        let next = Next::begin(package, signature, &self.config, answered_by, read)?;
        Ok(self.answer(next)?)
    }

    fn answer<C: Content>(&self, mut next: Next<C>) -> Result<Examined<C>, DecisionError> {
        loop {
            next = match next {
                Next::Signatures(question) => question.answer(Vec::new()),
                Next::Trust(question) => {
                    let (signers, name) = (&question.signers, question.name());
                    let decision = self.trust.decide(signers, name, &self.config)?;
                    question.answer(decision)
                }
                Next::Decided(examined) => return Ok(examined),
            };
        }
    }
}

fn answers_as(trust: &Offline) -> AnsweredBy {
    match trust.0 {
        OfflineTrust::Pinned(_) => AnsweredBy::PinnedKeys,
        OfflineTrust::Bundle(_) => AnsweredBy::Bundle,
    }
}
