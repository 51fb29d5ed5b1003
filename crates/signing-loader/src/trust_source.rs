//! Whose trust a verifier asks, and a verified package again at each use.

use signing_crypto::{OrgId, PackageName};
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{
    BundledTrust, DecisionError, PinnedKeys, Signers, TrustDecision, usable_clock_time,
};
#[cfg(feature = "store")]
use signing_trust::{TrustError, TrustReader};

use crate::report::VerificationReport;

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

impl Offline {
    pub(crate) fn decide_again(
        &self,
        report: &VerificationReport,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, DecisionError> {
        self.decide(&report.claims(), report.name(), config)
    }

    pub(crate) fn decide(
        &self,
        signers: &Signers,
        package: &PackageName,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, DecisionError> {
        match &self.0 {
            OfflineTrust::Pinned(pinned) => {
                // The statement may have expired.
                usable_clock_time()?;
                Ok(pinned.decide(signers))
            }
            OfflineTrust::Bundle(bundle) => {
                bundle.decide(signers, package, config.clock_skew_allowance)
            }
        }
    }

    /// The organization whose trust it is. Pinned keys belong to none.
    pub(crate) fn org(&self) -> Option<OrgId> {
        match &self.0 {
            OfflineTrust::Pinned(_) => None,
            OfflineTrust::Bundle(bundle) => Some(bundle.org()),
        }
    }
}

#[cfg(feature = "store")]
impl Online {
    pub(crate) async fn decide_again(
        &self,
        report: &VerificationReport,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, TrustError> {
        self.decide(&report.claims(), report.name(), config).await
    }

    pub(crate) async fn decide(
        &self,
        signers: &Signers,
        package: &PackageName,
        config: &VerificationConfig,
    ) -> Result<TrustDecision, TrustError> {
        let allowance = config.clock_skew_allowance;
        self.trust.decide(self.org, signers, package, allowance).await
    }
}
