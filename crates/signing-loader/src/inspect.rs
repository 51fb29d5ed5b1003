use signing_crypto::{EnvelopeSignature, PackageName, SignatureEnvelope};
use signing_trust::{PinnedKeys, Signers, TrustDecision, TrustedKey, UntrustedReason};
#[cfg(feature = "store")]
use {signing_crypto::OrgId, signing_trust::TrustSource};

use crate::accept::accept;
use crate::policy::Policy;
use crate::{PackageError, SecurityConfig, VerificationError};

/// What an envelope comes to without the package that it is about.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignatureInspection {
    /// For each signature, in order: the trusted key that made it, or why it does not
    /// count.
    pub signatures: Vec<Result<TrustedKey, VerificationError>>,
    /// Whether the envelope would do for a package with the name, size and digest that
    /// it states.
    pub outcome: Result<(), VerificationError>,
}

/// Looks at an envelope as the organisation `org` would that verified the package which
/// it is about. Nothing is said about any package at hand.
///
/// # Errors
///
/// [`VerificationError::MalformedSignature`] if it is about no package, or that the
/// trust could not be asked.
#[cfg(feature = "store")]
pub async fn inspect_signature<'a>(
    envelope: &SignatureEnvelope,
    org: OrgId,
    config: &SecurityConfig,
    trust: impl Into<TrustSource<'a>>,
) -> Result<SignatureInspection, PackageError> {
    let name = claimed_name(envelope)?;
    let (signers, allowance) = (Signers::of(envelope), config.clock_skew_allowance.as_duration());
    let decision = trust.into().decide_with_allowance(org, &signers, &name, allowance).await?;
    Ok(inspect(envelope, &decision, config, &name))
}

/// As [`inspect_signature`], with pinned keys.
///
/// # Errors
///
/// [`VerificationError::MalformedSignature`] if the envelope is about no package.
pub fn inspect_signature_offline(
    envelope: &SignatureEnvelope,
    config: &SecurityConfig,
    pinned: &PinnedKeys,
) -> Result<SignatureInspection, PackageError> {
    let name = claimed_name(envelope)?;
    Ok(inspect(envelope, &pinned.decide(&Signers::of(envelope)), config, &name))
}

fn claimed_name(envelope: &SignatureEnvelope) -> Result<PackageName, VerificationError> {
    Ok(envelope.unverified_statement()?.name().clone())
}

pub(crate) fn inspect(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
    config: &SecurityConfig,
    name: &PackageName,
) -> SignatureInspection {
    let signatures = envelope
        .signatures()
        .iter()
        .map(|signature| verdict(envelope, signature, decision))
        .collect();
    let outcome = accept(envelope, decision, &Policy::of(config), name).map(|_| ());
    SignatureInspection { signatures, outcome }
}

fn verdict(
    envelope: &SignatureEnvelope,
    signature: &EnvelopeSignature,
    decision: &TrustDecision,
) -> Result<TrustedKey, VerificationError> {
    let made_it = |key: &TrustedKey| envelope.is_signature_by(signature, &key.key);
    let Some(fingerprint) = signature.claimed_signer() else {
        let reason = UntrustedReason::Unknown;
        let unknown = VerificationError::UntrustedSigner { fingerprint: None, reason };
        return decision.trusted().find(|key| made_it(key)).cloned().ok_or(unknown);
    };
    match decision.about(&fingerprint) {
        Ok(key) if made_it(key) => Ok(key.clone()),
        Ok(_) => Err(VerificationError::InvalidSignature { fingerprint }),
        Err(reason) => {
            Err(VerificationError::UntrustedSigner { fingerprint: Some(fingerprint), reason })
        }
    }
}
