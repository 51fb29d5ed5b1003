//! Whose trust a verifier asks, and a verified package again at each use.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use signing_crypto::{OrgId, PackageDigest, PackageName};
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{BundledTrust, PinnedKeys, Signers, TrustDecision, usable_clock_time};
#[cfg(feature = "store")]
use {
    crate::blocking::{blocking, on_new_thread},
    signing_trust::TrustReader,
};

use crate::error::PackageError;
use crate::examination::{AnsweredBy, Stored};

/// Trust that is there already: pinned keys, which nothing revokes, or a bundle of signed
/// trust, which counts until it expires.
#[derive(Clone, Debug)]
pub struct Offline(pub(crate) OfflineTrust);

#[derive(Clone, Debug)]
pub(crate) enum OfflineTrust {
    Pinned(PinnedKeys),
    Bundle(BundledTrust),
}

/// Trust of an organization, which its store is asked for each time.
#[cfg(feature = "store")]
#[derive(Clone, Debug)]
pub struct Online {
    pub(crate) trust: TrustReader,
    pub(crate) org: OrgId,
}

/// What [`Offline`] and [`Online`] answer, and where they work on packages. What is done with the
/// answers is written once for both, as futures; [`at_once`] gives the results of those of
/// [`Offline`], which wait for nothing.
pub(crate) trait TrustSource: Clone + Send + Sync + 'static {
    fn answered_by(&self) -> AnsweredBy;

    /// The organization whose trust it is. Pinned keys belong to none.
    fn org(&self) -> Option<OrgId>;

    fn decide(
        &self,
        signers: &Signers,
        package: &PackageName,
        config: &VerificationConfig,
    ) -> impl Future<Output = Result<TrustDecision, PackageError>> + Send;

    /// The signatures that a store has of a package.
    fn find_signatures(
        &self,
        digest: PackageDigest,
    ) -> impl Future<Output = Result<Vec<Stored>, PackageError>> + Send;

    /// Opens, reads and writes files where nothing else has to wait for that.
    fn work<T, E>(
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<PackageError> + Send + 'static;

    /// The same, for what was decided a moment ago: it begins at once.
    fn work_now<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
    ) -> impl Future<Output = Result<T, PackageError>> + Send;
}

/// The result of a future that waits for nothing.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("offline trust waits for nothing"),
    }
}

impl TrustSource for Offline {
    fn answered_by(&self) -> AnsweredBy {
        match self.0 {
            OfflineTrust::Pinned(_) => AnsweredBy::PinnedKeys,
            OfflineTrust::Bundle(_) => AnsweredBy::Bundle,
        }
    }

    fn org(&self) -> Option<OrgId> {
        match &self.0 {
            OfflineTrust::Pinned(_) => None,
            OfflineTrust::Bundle(bundle) => Some(bundle.org()),
        }
    }

    async fn decide(
        &self,
        signers: &Signers,
        package: &PackageName,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, PackageError> {
        match &self.0 {
            OfflineTrust::Pinned(pinned) => {
                // The statement may have expired.
                usable_clock_time().map_err(signing_trust::DecisionError::from)?;
                Ok(pinned.decide(signers))
            }
            OfflineTrust::Bundle(bundle) => {
                Ok(bundle.decide(signers, package, config.clock_skew_allowance)?)
            }
        }
    }

    async fn find_signatures(&self, _: PackageDigest) -> Result<Vec<Stored>, PackageError> {
        Ok(Vec::new())
    }

    async fn work<T: Send, E: Send>(work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E> {
        work()
    }

    async fn work_now<T: Send>(
        work: impl FnOnce() -> Result<T, PackageError> + Send,
    ) -> Result<T, PackageError> {
        work()
    }
}

#[cfg(feature = "store")]
impl TrustSource for Online {
    fn answered_by(&self) -> AnsweredBy {
        AnsweredBy::Store
    }

    fn org(&self) -> Option<OrgId> {
        Some(self.org)
    }

    async fn decide(
        &self,
        signers: &Signers,
        package: &PackageName,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, PackageError> {
        let allowance = config.clock_skew_allowance;
        Ok(self.trust.decide(self.org, signers, package, allowance).await?)
    }

    async fn find_signatures(&self, digest: PackageDigest) -> Result<Vec<Stored>, PackageError> {
        let stored = self.trust.find_signatures(self.org, digest).await?;
        Ok(stored.into_iter().map(|kept| (kept.id, kept.org, kept.envelope)).collect())
    }

    async fn work<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<PackageError> + Send + 'static,
    {
        blocking(work).await
    }

    async fn work_now<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
    ) -> Result<T, PackageError> {
        on_new_thread(work).await
    }
}
