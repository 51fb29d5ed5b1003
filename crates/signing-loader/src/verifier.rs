use signing_crypto::{PackageName, SignatureEnvelope, TrustBundle};
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{BundledTrust, PinnedKeys, SignedTrustError, TrustAnchor};

use crate::elf::{AllowedDependencies, DependencyName};
use crate::error::PackageError;
use crate::examination::{Content, Examined, Next, PackageContent, ReadPackage, hash, seal};
use crate::explain::{Explanation, SignatureInspection};
use crate::package::Package;
use crate::report::{VerificationReport, Verified, announce};
use crate::source::SignatureSource;
use crate::trust_source::{Offline, OfflineTrust, TrustSource, at_once};
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

/// The one way in which packages are verified: [`Offline`] at once, [`Online`](crate::Online) after
/// a while.
#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> Verifier<T> {
    pub(crate) async fn verified(
        &self,
        package: Package,
    ) -> Result<VerifiedPackage<T>, PackageError> {
        let name = package.name().ok();
        let examined = self.examine(package, seal).await;
        let verified = self.finish(name, examined).await?;
        let (config, allowed) = (self.config.clone(), self.allowed_dependencies.clone());
        Ok(VerifiedPackage::new(verified, config, self.trust.clone(), allowed))
    }

    async fn checked(&self, package: Package) -> Result<VerificationReport, PackageError> {
        let name = package.name().ok();
        let examined = self.examine(package, hash).await;
        Ok(self.finish(name, examined).await?.report)
    }

    async fn explained(&self, package: Package) -> Explanation {
        let name = package.name().ok();
        let examined = self.examine(package, hash).await;
        let envelopes = examined.as_ref().map(Examined::explain).unwrap_or_default();
        let outcome = self.finish(name, examined).await.map(|verified| verified.report);
        Explanation { outcome, envelopes }
    }

    async fn inspected(
        &self,
        envelope: &SignatureEnvelope,
    ) -> Result<SignatureInspection, PackageError> {
        let next = Next::of_envelope(envelope, &self.config, self.trust.answered_by())?;
        Ok(self.answer(next).await?.inspect(envelope))
    }

    /// Notes who is trusted now of those who signed.
    async fn check_again(&self, report: &mut VerificationReport) -> Result<(), PackageError> {
        let decision = self.trust.decide(&report.claims(), report.name(), &self.config).await;
        report.decided_again(decision, &self.config)
    }

    async fn examine<K: Send + 'static>(
        &self,
        package: Package,
        read: ReadPackage<K>,
    ) -> Result<Examined<PackageContent<K>>, PackageError> {
        let (signature, config) = (self.signature.clone(), self.config.clone());
        let answered_by = self.trust.answered_by();
        let begin = move || Next::begin(package, signature, &config, answered_by, read);
        self.answer(T::work(begin).await?).await
    }

    async fn answer<C: Content + Send + 'static>(
        &self,
        mut next: Next<C>,
    ) -> Result<Examined<C>, PackageError> {
        loop {
            next = match next {
                Next::Signatures(question) => {
                    let stored = self.trust.find_signatures(question.digest).await?;
                    question.answer(stored)
                }
                Next::Trust(question) => {
                    let (signers, name) = (&question.signers, question.name());
                    let decision = self.trust.decide(signers, name, &self.config).await?;
                    // It may take a thousand verifications.
                    T::work(move || Ok::<_, PackageError>(question.answer(decision))).await?
                }
                Next::Decided(examined) => return Ok(examined),
            };
        }
    }

    /// Reads the package if that was not done before, and tells the audit log the result.
    async fn finish<K: Send + 'static>(
        &self,
        name: Option<PackageName>,
        examined: Result<Examined<PackageContent<K>>, PackageError>,
    ) -> Result<Verified<K>, PackageError> {
        let org = self.trust.org();
        let outcome = match examined {
            Ok(examined) => T::work(move || examined.finish(org)).await,
            Err(error) => Err(error),
        };
        announce(name, org, &outcome);
        outcome
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
        at_once(self.verified(package.into()))
    }

    /// Verifies a package as [`verify`](Self::verify) does, without keeping its bytes: it is
    /// hashed as it is read.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn check(&self, package: impl Into<Package>) -> Result<VerificationReport, PackageError> {
        at_once(self.checked(package.into()))
    }

    /// Verifies a package as [`check`](Self::check) does, and tells what it has looked at.
    pub fn explain(&self, package: impl Into<Package>) -> Explanation {
        at_once(self.explained(package.into()))
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
        at_once(self.inspected(envelope))
    }
}
