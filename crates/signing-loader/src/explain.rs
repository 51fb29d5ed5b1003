use signing_crypto::{MalformedEnvelope, PackageName, SignatureEnvelope};
use signing_trust::PinnedKeys;
#[cfg(feature = "store")]
use {signing_crypto::OrgId, signing_trust::TrustSource};

use crate::inspect::inspect;
use crate::signers::SignerDecision;
use crate::source::EnvelopeSource;
use crate::verify::Witness;
use crate::{
    PackageError, PackagePath, SignatureInspection, SignatureSource, VerificationConfig,
    VerificationReport, verify,
};

/// What a verification came to, and what it has looked at on its way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// What it came to: the same as of `check_package`, and as the audit event tells.
    pub outcome: Result<VerificationReport, PackageError>,
    /// The envelopes that were found, in the order in which they were tried. None, if it
    /// was refused before any was looked at.
    pub envelopes: Vec<ExplainedEnvelope>,
}

/// An envelope that was found for a package.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExplainedEnvelope {
    /// Where it was found.
    pub source: EnvelopeSource,
    /// What it is, or why it is none.
    pub content: Result<InspectedEnvelope, MalformedEnvelope>,
}

/// An envelope, and what it comes to.
#[derive(Debug)]
#[non_exhaustive]
pub struct InspectedEnvelope {
    /// The envelope.
    pub envelope: SignatureEnvelope,
    /// Which of its signatures count, and whether it would do.
    pub inspection: SignatureInspection,
}

/// Verifies a package as [`check_package`](crate::check_package) does, and tells what it
/// has looked at.
#[cfg(feature = "store")]
pub async fn explain_package<'a>(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    trust: impl Into<TrustSource<'a>>,
    source: SignatureSource,
) -> Explanation {
    let mut findings = Findings { config, envelopes: Vec::new() };
    let package = path.into();
    let outcome = verify::check(&package, org, config, trust.into(), source, &mut findings).await;
    Explanation { outcome, envelopes: findings.envelopes }
}

/// Verifies a package as [`check_package_offline`](crate::check_package_offline) does, and
/// tells what it has looked at.
pub fn explain_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Explanation {
    let mut findings = Findings { config, envelopes: Vec::new() };
    let outcome = verify::check_offline(&path.into(), config, pinned, source, &mut findings);
    Explanation { outcome, envelopes: findings.envelopes }
}

struct Findings<'a> {
    config: &'a VerificationConfig,
    envelopes: Vec<ExplainedEnvelope>,
}

impl Witness for Findings<'_> {
    fn saw(
        &mut self,
        source: &EnvelopeSource,
        envelope: &SignatureEnvelope,
        decided: &SignerDecision,
        name: &PackageName,
    ) {
        let inspection = inspect(envelope, decided, self.config, name);
        let content = Ok(InspectedEnvelope { envelope: envelope.clone(), inspection });
        self.envelopes.push(ExplainedEnvelope { source: source.clone(), content });
    }

    fn could_not_read(&mut self, source: &EnvelopeSource, reason: &MalformedEnvelope) {
        let content = Err(reason.clone());
        self.envelopes.push(ExplainedEnvelope { source: source.clone(), content });
    }
}
