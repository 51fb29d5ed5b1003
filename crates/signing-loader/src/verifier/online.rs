use signing_crypto::{OrgId, SignatureEnvelope};
use signing_trust::store::OrganizationRef;
use signing_trust::{TrustAnchor, TrustError, TrustReader};

use super::Verifier;
use crate::error::PackageError;
use crate::explain::{Explanation, SignatureInspection};
use crate::package::Package;
use crate::report::VerificationReport;
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
        self.verified(package.into()).await
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
        self.checked(package.into()).await
    }

    /// Verifies a package as [`check`](Self::check) does, and tells what it has looked at.
    pub async fn explain(&self, package: impl Into<Package>) -> Explanation {
        self.explained(package.into()).await
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
        self.inspected(envelope).await
    }
}
