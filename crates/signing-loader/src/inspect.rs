use signing_crypto::{EnvelopeSignature, PackageName, SignatureEnvelope};
use signing_trust::{PinnedKeys, TrustDecision, TrustedKey, UntrustedReason};
#[cfg(feature = "store")]
use {
    crate::signers::{Refusal, SignerTrust},
    signing_crypto::OrgId,
    signing_trust::{Signers, TrustSource},
};

use crate::signers::{SignerDecision, Unnamed};
use crate::{PackageError, VerificationConfig, VerificationError};
use signing_trust::acceptance::accept;

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

/// Looks at an envelope as the organization `org` would that verified the package which
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
    config: &VerificationConfig,
    trust: impl Into<TrustSource<'a>>,
) -> Result<SignatureInspection, PackageError> {
    let name = claimed_name(envelope)?;
    let (trust, clock_skew_allowance) = (trust.into(), config.clock_skew_allowance.as_duration());
    let signer_trust = SignerTrust { trust, org, package: &name, clock_skew_allowance };
    let (decided, _) = signer_trust
        .decide(Signers::of(envelope), |decision| {
            accept(envelope, decision, config, &name).map_err(Refusal::from)
        })
        .await?;
    Ok(inspect(envelope, &decided, config, &name))
}

/// As [`inspect_signature`], with pinned keys.
///
/// # Errors
///
/// [`VerificationError::MalformedSignature`] if the envelope is about no package.
pub fn inspect_signature_offline(
    envelope: &SignatureEnvelope,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
) -> Result<SignatureInspection, PackageError> {
    let name = claimed_name(envelope)?;
    Ok(inspect(envelope, &SignerDecision::by_pinned_keys(pinned, envelope), config, &name))
}

fn claimed_name(envelope: &SignatureEnvelope) -> Result<PackageName, VerificationError> {
    Ok(envelope.unverified_statement()?.name().clone())
}

pub(crate) fn inspect(
    envelope: &SignatureEnvelope,
    decided: &SignerDecision,
    config: &VerificationConfig,
    name: &PackageName,
) -> SignatureInspection {
    let SignerDecision { decision, unnamed } = decided;
    let signatures = envelope
        .signatures()
        .iter()
        .map(|signature| verdict(envelope, signature, decision, *unnamed))
        .collect();
    let outcome = accept(envelope, decision, config, name).map(|_| ());
    SignatureInspection { signatures, outcome }
}

fn verdict(
    envelope: &SignatureEnvelope,
    signature: &EnvelopeSignature,
    decision: &TrustDecision,
    unnamed: Unnamed,
) -> Result<TrustedKey, VerificationError> {
    let made_it = |key: &TrustedKey| envelope.is_signature_by(signature, &key.key);
    let Some(fingerprint) = signature.claimed_signer() else {
        let unknown = match unnamed {
            Unnamed::Tried => {
                let reason = UntrustedReason::Unknown;
                VerificationError::UntrustedSigner { fingerprint: None, reason }
            }
            #[cfg(feature = "store")]
            Unnamed::NotTried => VerificationError::UnnamedSignature,
        };
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
