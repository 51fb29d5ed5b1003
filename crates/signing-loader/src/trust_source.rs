//! Whose trust a verifier asks, and a verified package again at each use.

#[cfg(feature = "store")]
use signing_crypto::{OrgId, PackageName};
#[cfg(feature = "store")]
use signing_trust::acceptance::VerificationConfig;
#[cfg(feature = "store")]
use signing_trust::{KeyManager, Signers, TrustError};
use signing_trust::{PinnedKeys, TrustDecision};

use crate::report::VerificationReport;

/// Trust that needs no question: pinned keys. Nothing revokes them.
#[derive(Clone, Debug)]
pub struct Offline {
    pub(crate) pinned: PinnedKeys,
}

/// Trust of an organization, which its store is asked for each time.
#[cfg(feature = "store")]
#[derive(Clone, Debug)]
pub struct Online {
    pub(crate) keys: KeyManager,
    pub(crate) org: OrgId,
}

impl Offline {
    pub(crate) fn decide_again(&self, report: &VerificationReport) -> TrustDecision {
        self.pinned.decide(&report.claims())
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
        let allowance = config.clock_skew_allowance.as_duration();
        self.keys.decide_with_allowance(self.org, signers, package, allowance).await
    }
}
