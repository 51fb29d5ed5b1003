//! Whether an envelope counts, before anything is said about the package's bytes.

use chrono::{DateTime, Utc};
use signing_crypto::{
    EnvelopeError, EnvelopeSignature, Fingerprint, HashedContent, MalformedEnvelope, PackageName,
    PackageStatement, PackageVersion, SignatureEnvelope, StatementTime, VerifiedStatement,
};

use super::{
    ActualContent, ExpectedContent, RequiredSigners, Validity, VerificationConfig,
    VerificationError,
};
use crate::decision::{TrustDecision, TrustedKey, UntrustedReason};

/// A statement that trusted keys have signed and that holds now. Nothing is said yet
/// about the package's bytes.
#[derive(Clone, Debug)]
#[must_use = "nothing is said yet about the package's bytes"]
#[non_exhaustive]
pub struct Accepted {
    /// What was signed, and by whom first.
    pub verified: VerifiedStatement,
    /// All who signed it and are trusted; at least one.
    pub signers: Vec<TrustedKey>,
    /// How long the statement holds.
    pub validity: Validity,
    /// Those of the signers that are not trusted for long.
    pub expiring: Vec<TrustedKey>,
}

/// Checks all that can be checked without the package: that enough trusted keys have
/// signed the envelope, and that what they say is about `name` and holds now.
/// Signatures of others, good or broken, do no harm.
///
/// # Errors
///
/// Why the envelope does not suffice.
pub fn accept(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
    config: &VerificationConfig,
    name: &PackageName,
) -> Result<Accepted, VerificationError> {
    let (verified, signers) = signed_by_trusted(envelope, decision, config.required_signers)?;
    let said = verified.statement();
    if said.name() != name {
        let (expected, signed) = (name.clone(), said.name().clone());
        return Err(VerificationError::WrongName { expected, signed });
    }
    let expires_at = said.expires_at().map(StatementTime::to_utc);
    let validity = config.require_valid(expires_at, said.version(), decision)?;
    let ends_soon = |signer: &&TrustedKey| {
        config.validity(signer.limits.expires_at, decision.now()) != Validity::Ample
    };
    let expiring = signers.iter().filter(ends_soon).cloned().collect();
    Ok(Accepted { verified, signers, validity, expiring })
}

impl Accepted {
    /// What was signed.
    pub fn statement(&self) -> &PackageStatement {
        self.verified.statement()
    }

    /// That the package has other content than was signed.
    pub fn tampered(&self, actual: ActualContent) -> VerificationError {
        let statement = self.statement();
        let expected = ExpectedContent { digest: *statement.digest(), size: statement.size() };
        VerificationError::TamperedPackage { expected, actual }
    }

    /// The last check: the bytes are those that were signed.
    ///
    /// # Errors
    ///
    /// [`VerificationError::TamperedPackage`].
    pub fn require_content(&self, content: &HashedContent) -> Result<(), VerificationError> {
        let statement = self.statement();
        if content.size != statement.size() {
            return Err(self.tampered(ActualContent::Size(content.size)));
        }
        if content.digest != *statement.digest() {
            return Err(self.tampered(ActualContent::Digest(content.digest)));
        }
        Ok(())
    }
}

/// The signers that are trusted now of those that were when their statement was accepted: at
/// least one, and enough. Of what they said, `expires_at` and `version` may have ceased to
/// hold.
///
/// # Errors
///
/// As [`accept`].
pub fn accept_again(
    signers: &[TrustedKey],
    expires_at: Option<DateTime<Utc>>,
    version: Option<&PackageVersion>,
    decision: &TrustDecision,
    config: &VerificationConfig,
) -> Result<Vec<TrustedKey>, VerificationError> {
    let (mut trusted, mut refusal) = (Vec::new(), None);
    for signer in signers {
        let fingerprint = signer.key.fingerprint();
        match decision.about(&fingerprint) {
            Ok(signer) => trusted.push(signer.clone()),
            Err(reason) => {
                let fingerprint = Some(fingerprint);
                refusal.get_or_insert(VerificationError::UntrustedSigner { fingerprint, reason });
            }
        }
    }
    match refusal {
        Some(error) if trusted.is_empty() => return Err(error),
        refusal => {
            config.required_signers.require(&trusted).map_err(|error| error.beside(refusal))?;
        }
    }
    config.require_valid(expires_at, version, decision)?;
    Ok(trusted)
}

/// The statement, and every trusted key that signed it, each once.
fn signed_by_trusted(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
    required: RequiredSigners,
) -> Result<(VerifiedStatement, Vec<TrustedKey>), VerificationError> {
    let mut statement = None;
    let mut signers: Vec<TrustedKey> = Vec::new();
    let mut broken = None;
    for signer in decision.trusted() {
        if signers.iter().any(|other| other.key == signer.key) {
            continue;
        }
        match envelope.verify(&signer.key) {
            Ok(verified) => {
                statement.get_or_insert(verified);
                signers.push(signer.clone());
            }
            // All signatures are over the same statement.
            Err(EnvelopeError::Malformed(reason)) => return Err(reason.into()),
            Err(_) if claims(envelope).any(|claim| claim == signer.key.fingerprint()) => {
                let fingerprint = signer.key.fingerprint();
                broken.get_or_insert(VerificationError::InvalidSignature { fingerprint });
            }
            Err(_) => {}
        }
    }
    let refused = broken.or_else(|| untrusted(envelope, decision));
    let Some(statement) = statement else {
        let unknown = || {
            let reason = UntrustedReason::Unknown;
            VerificationError::UntrustedSigner { fingerprint: None, reason }
        };
        return Err(refused.unwrap_or_else(unknown));
    };
    match required.require(&signers) {
        Ok(()) => Ok((statement, signers)),
        Err(error) => Err(error.beside(refused)),
    }
}

/// The first that is said to have signed and is not trusted.
fn untrusted(envelope: &SignatureEnvelope, decision: &TrustDecision) -> Option<VerificationError> {
    claims(envelope).find_map(|fingerprint| {
        let reason = decision.about(&fingerprint).err()?;
        Some(VerificationError::UntrustedSigner { fingerprint: Some(fingerprint), reason })
    })
}

fn claims(envelope: &SignatureEnvelope) -> impl Iterator<Item = Fingerprint> {
    envelope.signatures().iter().filter_map(EnvelopeSignature::claimed_signer)
}

impl From<MalformedEnvelope> for VerificationError {
    fn from(reason: MalformedEnvelope) -> Self {
        Self::MalformedSignature { reason }
    }
}

#[cfg(test)]
mod tests;
