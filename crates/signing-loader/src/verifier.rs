use signing_crypto::SignatureEnvelope;
use signing_trust::PinnedKeys;
use signing_trust::acceptance::VerificationConfig;
#[cfg(feature = "store")]
use {
    signing_crypto::OrgId,
    signing_trust::store::OrganizationRef,
    signing_trust::{KeyManager, TrustError},
};

#[cfg(feature = "store")]
use crate::blocking::blocking;
use crate::error::PackageError;
use crate::examination::{AnsweredBy, Examination, Measure, Question, hash, seal};
use crate::explain::{Explanation, SignatureInspection};
use crate::package::Package;
use crate::report::{VerificationReport, announce};
use crate::source::SignatureSource;
use crate::trust_source::Offline;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::verified::VerifiedPackage;

/// Verifies packages. A `Verifier` always verifies: nothing that it is given turns that off.
///
/// What it trusts is in its type. With pinned keys ([`Offline`]) its methods need no store,
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
/// assert_eq!(verifier.verify(bytes)?.report().signer(), &key.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier<T> {
    trust: T,
    config: VerificationConfig,
    signature: SignatureSource,
}

impl<T> Verifier<T> {
    fn by(trust: T) -> Self {
        let (config, signature) = (VerificationConfig::default(), SignatureSource::default());
        Self { trust, config, signature }
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
}

impl Verifier<Offline> {
    /// Trusts these keys, and nobody else.
    pub fn pinned(keys: impl Into<PinnedKeys>) -> Self {
        Self::by(Offline { pinned: keys.into() })
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
        let name = package.name().ok();
        let outcome = self.examine(package, seal).and_then(|examined| examined.finish(None));
        announce(name, None, &outcome);
        let verified = outcome?;
        Ok(VerifiedPackage::new(verified, self.config.clone(), self.trust.clone()))
    }

    /// Verifies a package as [`verify`](Self::verify) does, without keeping its bytes: it is
    /// hashed as it is read.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn check(&self, package: impl Into<Package>) -> Result<VerificationReport, PackageError> {
        let package = package.into();
        let name = package.name().ok();
        let outcome = self.examine(package, hash).and_then(|examined| examined.finish(None));
        announce(name, None, &outcome);
        outcome.map(|verified| verified.report)
    }

    /// Verifies a package as [`check`](Self::check) does, and tells what it has looked at.
    pub fn explain(&self, package: impl Into<Package>) -> Explanation {
        let package = package.into();
        let name = package.name().ok();
        let (envelopes, outcome) = match self.examine(package, hash) {
            Ok(examined) => (examined.explain(), examined.finish(None)),
            Err(error) => (Vec::new(), Err(error)),
        };
        announce(name, None, &outcome);
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
        let mut examination =
            Examination::of_envelope(envelope, &self.config, AnsweredBy::PinnedKeys)?;
        self.answer(&mut examination);
        Ok(examination.inspect(envelope))
    }

    fn examine<T>(
        &self,
        package: Package,
        measure: Measure<T>,
    ) -> Result<Examination<T>, PackageError> {
        let (signature, pinned) = (self.signature.clone(), AnsweredBy::PinnedKeys);
        let mut examination =
            Examination::begin(package, signature, &self.config, pinned, measure)?;
        self.answer(&mut examination);
        Ok(examination)
    }

    fn answer<T>(&self, examination: &mut Examination<T>) {
        while let Some(question) = examination.question() {
            match question {
                Question::StoredSignatures(_) => examination.stored(Vec::new()),
                Question::Trust(signers) => {
                    examination.trust(self.trust.pinned.decide(&signers));
                }
            }
        }
    }
}

#[cfg(feature = "store")]
impl Verifier<Online> {
    /// Trusts what this organization of the store trusts, by its own word and through its
    /// grants.
    ///
    /// A verifier that is made from a [`KeyManager`] shares its cache and its
    /// [`Freshness`](crate::Freshness). No key encryption key is needed.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use signing_loader::{Store, Verifier};
    ///
    /// let store = Store::open_read_only(&"postgres://runner@db.example/trust".parse()?).await?;
    /// let verifier = Verifier::organization(&store, "acme".parse()?).await?;
    /// let package = verifier.verify("plugins/libworkflow.so").await?.load().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`](crate::StoreError::OrganizationNotFound), or
    /// that the store does not answer.
    pub async fn organization(
        keys: impl Into<KeyManager>,
        organization: OrganizationRef,
    ) -> Result<Self, TrustError> {
        let keys = keys.into().without_kek();
        let org = keys.store().organization(organization).await?.id;
        Ok(Self::by(Online { keys, org }))
    }

    /// The same for an organization that the caller has looked up.
    pub(crate) fn organization_by_id(keys: &KeyManager, org: OrgId) -> Self {
        Self::by(Online { keys: keys.clone().without_kek(), org })
    }

    /// Verifies a package and keeps a private, sealed copy of its bytes.
    ///
    /// # Errors
    ///
    /// [`PackageError::Verification`] says why the package is refused. Any other error
    /// means that it could not be decided: treat it as a refusal, too.
    pub async fn verify(
        &self,
        package: impl Into<Package>,
    ) -> Result<VerifiedPackage<Online>, PackageError> {
        let package = package.into();
        let (name, org) = (package.name().ok(), Some(self.trust.org));
        let outcome = match self.examine(package, seal).await {
            Ok(examined) => blocking(move || examined.finish(org)).await,
            Err(error) => Err(error),
        };
        announce(name, org, &outcome);
        let verified = outcome?;
        Ok(VerifiedPackage::new(verified, self.config.clone(), self.trust.clone()))
    }

    /// Verifies a package as [`verify`](Self::verify) does, without keeping its bytes: it is
    /// hashed as it is read.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn check(
        &self,
        package: impl Into<Package>,
    ) -> Result<VerificationReport, PackageError> {
        let package = package.into();
        let (name, org) = (package.name().ok(), Some(self.trust.org));
        let outcome = match self.examine(package, hash).await {
            Ok(examined) => blocking(move || examined.finish(org)).await,
            Err(error) => Err(error),
        };
        announce(name, org, &outcome);
        outcome.map(|verified| verified.report)
    }

    /// Verifies a package as [`check`](Self::check) does, and tells what it has looked at.
    pub async fn explain(&self, package: impl Into<Package>) -> Explanation {
        let package = package.into();
        let (name, org) = (package.name().ok(), Some(self.trust.org));
        let (envelopes, outcome) = match self.examine(package, hash).await {
            Ok(examined) => (examined.explain(), blocking(move || examined.finish(org)).await),
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
    /// if the envelope is not about a package, or that the store does not answer.
    pub async fn inspect(
        &self,
        envelope: &SignatureEnvelope,
    ) -> Result<SignatureInspection, PackageError> {
        let mut examination = Examination::of_envelope(envelope, &self.config, AnsweredBy::Store)?;
        self.answer(&mut examination).await?;
        Ok(examination.inspect(envelope))
    }

    async fn examine<T: Send + 'static>(
        &self,
        package: Package,
        measure: Measure<T>,
    ) -> Result<Examination<T>, PackageError> {
        let (signature, config) = (self.signature.clone(), self.config.clone());
        let store = AnsweredBy::Store;
        let begin = move || Examination::begin(package, signature, &config, store, measure);
        let mut examination = blocking(begin).await?;
        self.answer(&mut examination).await?;
        Ok(examination)
    }

    async fn answer<T>(&self, examination: &mut Examination<T>) -> Result<(), PackageError> {
        let Online { keys, org } = &self.trust;
        while let Some(question) = examination.question() {
            match question {
                Question::StoredSignatures(digest) => {
                    let stored = keys.find_signatures(*org, digest).await?;
                    let stored = stored.into_iter().map(|kept| (kept.id, kept.org, kept.envelope));
                    examination.stored(stored.collect());
                }
                Question::Trust(signers) => {
                    let name = examination.name();
                    let decision = self.trust.decide(&signers, name, &self.config).await?;
                    examination.trust(decision);
                }
            }
        }
        Ok(())
    }
}
