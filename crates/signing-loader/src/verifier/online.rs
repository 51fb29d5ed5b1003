use signing_crypto::{OrgId, SignatureEnvelope};
use signing_trust::store::OrganizationRef;
use signing_trust::{TrustAnchor, TrustError, TrustReader};

use super::Verifier;
use crate::blocking::blocking;
use crate::error::PackageError;
use crate::examination::{
    AnsweredBy, Content, Examined, Next, PackageContent, ReadPackage, hash, seal,
};
use crate::explain::{Explanation, SignatureInspection};
use crate::package::Package;
use crate::report::{VerificationReport, announce};
use crate::trust_source::Online;
use crate::verified::VerifiedPackage;

impl Verifier<Online> {
    /// Trusts what this organization of the store trusts, by its own word and through its
    /// grants.
    ///
    /// A verifier that is made from a [`TrustReader`], or from a `KeyManager`, shares its cache and its
    /// [`Freshness`](crate::Freshness). No key encryption key is needed.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use signing_loader::{StoreReader, Verifier};
    ///
    /// let store = StoreReader::open(&"postgres://runner@db.example/trust".parse()?).await?;
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
        trust: impl Into<TrustReader>,
        organization: OrganizationRef,
    ) -> Result<Self, TrustError> {
        let trust = trust.into().without_kek();
        let org = trust.store().organization(organization).await?.id;
        Ok(Self::new(Online { trust, org }))
    }

    /// Trusts only what the organization has signed that it trusts, verified from a pinned
    /// root: rows of the store take trust away as before, and give none.
    ///
    /// With a [`TrustRoot`](crate::TrustRoot) alone, which documents were seen is forgotten when
    /// the process ends. With a [`TrustAnchor`] and a [`StateFile`](crate::StateFile) it is not.
    #[must_use]
    pub fn rooted(self, anchor: impl Into<TrustAnchor>) -> Self {
        let Online { trust, org } = self.trust;
        let trust = Online { trust: trust.rooted(org, anchor.into()), org };
        Self { trust, ..self }
    }

    /// As [`organization`](Self::organization), for an organization that the caller has looked
    /// up.
    pub(crate) fn organization_by_id(trust: &TrustReader, org: OrgId) -> Self {
        Self::new(Online { trust: trust.clone().without_kek(), org })
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
        let (config, allowed) = (self.config.clone(), self.allowed_dependencies.clone());
        Ok(VerifiedPackage::new(verified, config, self.trust.clone(), allowed))
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
        let next = Next::of_envelope(envelope, &self.config, AnsweredBy::Store)?;
        Ok(self.answer(next).await?.inspect(envelope))
    }

    pub(crate) fn org(&self) -> Option<OrgId> {
        Some(self.trust.org)
    }

    async fn examine<T: Send + 'static>(
        &self,
        package: Package,
        read: ReadPackage<T>,
    ) -> Result<Examined<PackageContent<T>>, PackageError> {
        let (signature, config) = (self.signature.clone(), self.config.clone());
        let store = AnsweredBy::Store;
        let begin = move || Next::begin(package, signature, &config, store, read);
        self.answer(blocking(begin).await?).await
    }

    async fn answer<C: Content + Send + 'static>(
        &self,
        mut next: Next<C>,
    ) -> Result<Examined<C>, PackageError> {
        let Online { trust, org } = &self.trust;
        loop {
            next = match next {
                Next::Signatures(question) => {
                    let stored = trust.find_signatures(*org, question.digest).await?;
                    let stored = stored.into_iter().map(|kept| (kept.id, kept.org, kept.envelope));
                    question.answer(stored.collect())
                }
                Next::Trust(question) => {
                    let (signers, name) = (&question.signers, question.name());
                    let decision = self.trust.decide(signers, name, &self.config).await?;
                    // It may take a thousand verifications.
                    blocking(move || Ok::<_, PackageError>(question.answer(decision))).await?
                }
                Next::Decided(examined) => return Ok(examined),
            };
        }
    }
}
